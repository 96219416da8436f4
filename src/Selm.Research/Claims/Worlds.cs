// What the experiments in exact worlds share. World number w is seed 1000 + w (the first
// recording had seeds 0 to 399); a world's numbers depend on its seed alone, so that
// any number of threads gives the same bits.
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>Independent worlds on several threads, and the intervals of their means.</summary>
internal static class Worlds
{
    /// <summary>Seed of the first world.</summary>
    internal const ulong FirstSeed = 1000;

    /// <summary>One result per world, in the order of the seeds 1000, 1001, ....</summary>
    /// <param name="stage">What progress is called.</param>
    /// <param name="worlds">How many, at least 1.</param>
    /// <param name="jobs">Threads, at least 1.</param>
    /// <param name="progress">Told after every world.</param>
    /// <param name="run">From a seed to a result.</param>
    internal static T[] Each<T>(string stage, int worlds, int jobs, IProgress<StepProgress>? progress, Func<ulong, T> run)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worlds, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(jobs, 1);
        var results = new T[worlds];
        var (done, gate) = (0, new Lock());
        progress?.Report(new StepProgress(stage, 0, worlds));
        Parallel.For(0, worlds, new ParallelOptions { MaxDegreeOfParallelism = jobs }, world =>
        {
            results[world] = run(FirstSeed + (ulong)world);
            lock (gate)
            {
                progress?.Report(new StepProgress(stage, ++done, worlds));
            }
        });
        return results;
    }

    /// <summary>All methods in the worlds of the online study.</summary>
    internal static ExplorationStudy Study(
        string stage, ExplorationSettings settings, IReadOnlyList<ExplorationMethod> methods, int worlds, int jobs, IProgress<StepProgress>? progress)
    {
        var byWorld = Each(stage, worlds, jobs, progress, seed =>
        {
            var world = new ExplorationWorld(seed, settings);
            return methods.Select(method => ExplorationRun.Of(world, method)).ToArray();
        });
        return new ExplorationStudy(methods, [.. methods.Select((_, method) => byWorld.Select(row => row[method]).ToArray())]);
    }

    /// <summary>The mean over worlds with its 95 % interval.</summary>
    internal static MeanInterval Mean(IEnumerable<double> perWorld) => LabMeasures.Mean(perWorld);

    /// <summary>The mean of shares over worlds with its 95 % interval, whose ends lie between 0 and 1.</summary>
    internal static MeanInterval Share(IEnumerable<double> perWorld) => LabMeasures.Share(perWorld);

    /// <summary>What a method has more than another in the same world, world by world.</summary>
    internal static double[] Differences(this ExplorationStudy study, string method, string baseline, Func<ExplorationResult, double> measure) =>
        [.. study[method].Zip(study[baseline], (one, other) => measure(one) - measure(other))];

    /// <summary>Half the length of an interval.</summary>
    internal static double Half(this MeanInterval interval) => (interval.High - interval.Low) / 2;
}
