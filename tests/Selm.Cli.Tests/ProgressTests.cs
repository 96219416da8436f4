using Selm.Research.Runs;

namespace Selm.Cli.Tests;

public class ProgressTests
{
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
}
