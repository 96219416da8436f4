using System.Text.RegularExpressions;
using Selm.Research.Runs;
using Spectre.Console;

namespace Selm.Cli.Tests;

public partial class ProgressTests
{
    [Fact]
    public void the_time_left_is_blank_until_a_step_was_timed_and_then_runs_down_at_the_mean_pace()
    {
        var clock = new Clock();
        var left = new TimeLeft(clock);
        left.Report(new StepProgress("training", 10, 20));
        clock.Pass(7);
        Assert.Null(left.Now);

        left.Report(new StepProgress("training", 11, 20)); // one step in 7 s, nine to go
        Assert.Equal(TimeSpan.FromSeconds(63), left.Now);
        clock.Pass(3);
        Assert.Equal(TimeSpan.FromSeconds(60), left.Now);
        clock.Pass(30); // a slow step: those after it are still to be done
        Assert.Equal(TimeSpan.FromSeconds(56), left.Now);

        left.Report(new StepProgress("training", 12, 20)); // two in 40 s
        Assert.Equal("about 3 min left", left.Words);
        left.Report(new StepProgress("training", 20, 20));
        Assert.Null(left.Now);
        left.Report(new StepProgress("saving", 3, 0));
        clock.Pass(5);
        left.Report(new StepProgress("saving", 4, 0)); // nobody knows of how many
        Assert.Null(left.Now);
    }

    [Fact]
    public void a_bar_shows_the_time_left_in_every_frame_once_it_is_known_and_nothing_before()
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(text),
        });

        ProgressView.Draw(console, progress =>
        {
            for (var step = 0; step < 3; step++)
            {
                progress.Report(new StepProgress("training", step, 1000));
                Thread.Sleep(700); // several frames, in most of which no step ends
            }
            return 0;
        });

        var frames = Frame().Matches(text.ToString()).Select(match => match.Groups[1].Value.TrimEnd()).ToList();
        var known = frames.FindIndex(frame => frame.Length > 0);
        Assert.InRange(known, 1, frames.Count - 3);
        Assert.All(frames[known..^1], frame => Assert.Matches("^about \\d+ min left$", frame));
    }

    [Fact]
    public void lines_are_the_first_report_of_a_stage_and_its_last_when_little_time_passes()
    {
        var text = new StringWriter { NewLine = "\n" };
        var lines = new PlainLines(text, TimeSpan.FromHours(1));
        for (var step = 1; step <= 100; step++)
        {
            lines.Report(new StepProgress("training", step, 100, $"loss {step}"));
        }
        lines.Report(new StepProgress("saving", 0, 0));
        lines.Finish();

        Assert.Equal("training 1/100, loss 1\ntraining 100/100, loss 100\nsaving\n", text.ToString());
    }

    [Fact]
    public void a_line_tells_the_time_left_once_steps_have_been_timed()
    {
        var text = new StringWriter { NewLine = "\n" };
        var lines = new PlainLines(text, TimeSpan.Zero);
        lines.Report(new StepProgress("ranking", 0, 1000));
        Thread.Sleep(20);
        lines.Report(new StepProgress("ranking", 1, 1000));

        Assert.Matches(@"^ranking 0/1000\nranking 1/1000, about \d+ (s|min) left\n$", text.ToString());
    }

    [Theory]
    [InlineData(89, "89 s")]
    [InlineData(600, "10 min")]
    [InlineData(7265, "2 h 1 min")]
    public void durations_read_as_people_say_them(int seconds, string words) =>
        Assert.Equal(words, Wording.Duration(TimeSpan.FromSeconds(seconds)));

    [GeneratedRegex(@"training[^\r\n]*?\d+%\s?([^\r\n\u001b]*)")]
    private static partial Regex Frame();

    private sealed class Clock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(double seconds) => ticks += TimeSpan.FromSeconds(seconds).Ticks;

        public override long GetTimestamp() => ticks;
    }
}
