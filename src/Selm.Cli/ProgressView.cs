using System.Diagnostics;
using Selm.Research.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Selm.Cli;

/// <summary>
/// Progress of long work on stderr: a bar with the time left on a terminal, otherwise plain lines a few seconds apart.
/// </summary>
internal static class ProgressView
{
    /// <summary>Runs work that reports its progress and stops at a report once Ctrl-C was pressed.</summary>
    /// <param name="work">The work.</param>
    /// <param name="keepsNothing">Work without a result worth finishing a step for, such as a timing: a signal ends it at once.</param>
    public static T Run<T>(Func<IProgress<StepProgress>, T> work, bool keepsNothing = false)
    {
        Interrupt.WorkReports = !keepsNothing;
        try
        {
            if (Console.IsErrorRedirected)
            {
                var lines = new PlainLines(Console.Error);
                var result = work(lines);
                lines.Finish();
                return result;
            }
            return Draw(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }), work);
        }
        finally
        {
            Interrupt.WorkReports = false;
        }
    }

    /// <summary>The same for work that waits: a signal ends it at once, and what it has kept stays.</summary>
    /// <param name="work">The work; it watches <see cref="Interrupt.Token"/>.</param>
    public static async Task<T> RunAsync<T>(Func<IProgress<StepProgress>, Task<T>> work)
    {
        Interrupt.WorkReports = true;
        try
        {
            if (Console.IsErrorRedirected)
            {
                var lines = new PlainLines(Console.Error);
                var result = await work(lines);
                lines.Finish();
                return result;
            }
            var left = new TimeLeft();
            return await Columns(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }), left).StartAsync(context => work(new Bars(context, left)));
        }
        finally
        {
            Interrupt.WorkReports = false;
        }
    }

    /// <summary>Runs work with bars on a terminal.</summary>
    internal static T Draw<T>(IAnsiConsole console, Func<IProgress<StepProgress>, T> work)
    {
        var left = new TimeLeft();
        return Columns(console, left).Start(context => work(new Bars(context, left)));
    }

    private static Progress Columns(IAnsiConsole console, TimeLeft left) => console.Progress()
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new TimeLeftColumn(left));

    // Spectre's own column divides by the last moments only, in which most often no step has ended.
    private sealed class TimeLeftColumn(TimeLeft left) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(task.IsFinished ? "" : left.Words ?? "");
    }

    // One bar per stage; a new stage completes the one before.
    private sealed class Bars(ProgressContext context, TimeLeft left) : IProgress<StepProgress>
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
            left.Report(value);
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
    private readonly Stopwatch sinceLine = new();
    private readonly TimeLeft left = new();
    private StepProgress last;
    private bool printed = true;

    public void Report(StepProgress value)
    {
        Interrupt.Token.ThrowIfCancellationRequested();
        var fresh = value.Stage != last.Stage;
        if (fresh)
        {
            Finish();
        }
        left.Report(value);
        if (fresh)
        {
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
        output.WriteLine(string.Join(", ", new[] { value.Stage + count, value.Note, left.Words }.Where(part => !string.IsNullOrEmpty(part))));
        sinceLine.Restart();
        printed = true;
    }
}
