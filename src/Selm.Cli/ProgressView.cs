using System.Diagnostics;
using Selm.Research.Runs;
using Spectre.Console;

namespace Selm.Cli;

/// <summary>
/// Progress of long work on stderr: a bar with the time left on a terminal, otherwise plain lines a few seconds apart.
/// </summary>
internal static class ProgressView
{
    /// <summary>Runs work that reports its progress and stops at a report once Ctrl-C was pressed.</summary>
    public static T Run<T>(Func<IProgress<StepProgress>, T> work)
    {
        Interrupt.WorkReports = true;
        try
        {
            if (Console.IsErrorRedirected)
            {
                var lines = new PlainLines(Console.Error);
                var result = work(lines);
                lines.Finish();
                return result;
            }
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            return console.Progress()
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .Start(context => work(new Bars(context)));
        }
        finally
        {
            Interrupt.WorkReports = false;
        }
    }

    // One bar per stage; a new stage completes the one before.
    private sealed class Bars(ProgressContext context) : IProgress<StepProgress>
    {
        private ProgressTask? bar;
        private string? stage;

        public void Report(StepProgress value)
        {
            Interrupt.Token.ThrowIfCancellationRequested();
            if (value.Stage != stage)
            {
                bar?.StopTask();
                bar = context.AddTask(Markup.Escape(value.Stage));
                stage = value.Stage;
            }
            bar!.IsIndeterminate = value.Total <= 0;
            bar.MaxValue = Math.Max(value.Total, 1);
            bar.Value = value.Done;
            bar.Description = Markup.Escape(value.Note is null ? stage : $"{stage}, {value.Note}");
        }
    }
}

/// <summary>Progress as lines: the first report of a stage, its last, and one every few seconds between.</summary>
internal sealed class PlainLines(TextWriter output, TimeSpan? every = null) : IProgress<StepProgress>
{
    private readonly TimeSpan every = every ?? TimeSpan.FromSeconds(5);
    private readonly Stopwatch sinceLine = new(), sinceStage = new();
    private StepProgress last;
    private long doneAtStart;
    private bool printed = true;

    public void Report(StepProgress value)
    {
        Interrupt.Token.ThrowIfCancellationRequested();
        if (value.Stage != last.Stage)
        {
            Finish();
            sinceStage.Restart();
            doneAtStart = value.Done;
            Print(value);
        }
        else if (sinceLine.Elapsed >= every)
        {
            Print(value);
        }
        else
        {
            printed = false;
        }
        last = value;
    }

    /// <summary>Prints the newest report if it was held back.</summary>
    public void Finish()
    {
        if (!printed)
        {
            Print(last);
        }
    }

    private void Print(StepProgress value)
    {
        var count = value.Total > 0 ? $" {value.Done}/{value.Total}" : value.Done > 0 ? $" {value.Done}" : "";
        output.WriteLine(string.Join(", ", new[] { value.Stage + count, value.Note, TimeLeft(value) }.Where(part => !string.IsNullOrEmpty(part))));
        sinceLine.Restart();
        printed = true;
    }

    private string? TimeLeft(StepProgress value)
    {
        var fresh = value.Done - doneAtStart;
        if (fresh <= 0 || value.Total <= value.Done)
        {
            return null;
        }
        var seconds = sinceStage.Elapsed.TotalSeconds / fresh * (value.Total - value.Done);
        return $"about {Wording.Duration(TimeSpan.FromSeconds(seconds))} left";
    }
}
