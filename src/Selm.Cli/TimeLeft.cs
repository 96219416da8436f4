using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>
/// How long a stage will go on: the steps that are left, at the mean time of those it has done since its first report.
/// Between two reports the time runs down. Reports and questions may come from different threads.
/// </summary>
internal sealed class TimeLeft(TimeProvider? clock = null)
{
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private string? stage;
    private long firstDone, firstAt;
    private volatile Estimate? estimate;

    /// <summary>Null until a step has been timed, where the number of steps is unknown, and below one second.</summary>
    public TimeSpan? Now
    {
        get
        {
            if (estimate is not { } known)
            {
                return null;
            }
            var running = known.Step - clock.GetElapsedTime(known.At); // of the step that is under way
            var left = (known.Step * (known.Steps - 1)) + (running > TimeSpan.Zero ? running : TimeSpan.Zero);
            return left >= TimeSpan.FromSeconds(1) ? left : null;
        }
    }

    /// <summary>"about 12 min left", or null.</summary>
    public string? Words => Now is { } left ? $"about {Wording.Duration(left)} left" : null;

    /// <summary>Takes a report of progress in.</summary>
    public void Report(StepProgress value)
    {
        var now = clock.GetTimestamp();
        if (value.Stage != stage)
        {
            (stage, firstDone, firstAt) = (value.Stage, value.Done, now);
        }
        var (done, left) = (value.Done - firstDone, value.Total - value.Done);
        estimate = done > 0 && left > 0 ? new(clock.GetElapsedTime(firstAt, now) / done, left, now) : null;
    }

    // The mean time of a step, how many are left, and since when.
    private sealed record Estimate(TimeSpan Step, long Steps, long At);
}
