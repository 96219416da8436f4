// Judging that may stop half-way: the endpoint goes down, Ctrl-C, a kill. What was judged stands in NAME.partial.EXT beside the
// file that it was to become, in the same form with gaps, written every few seconds and once more when the work ends early.
using System.Diagnostics;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>A file whose unfinished form is kept under a name of its own.</summary>
internal static class PartialFile
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    /// <summary>The name of the unfinished form: annotations.partial.json for annotations.json.</summary>
    internal static string Of(string path) => Path.ChangeExtension(path, $".partial{Path.GetExtension(path)}");

    /// <summary>Does the work and writes the file; a part of the work leaves the unfinished form instead and the older file as it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What the items are called.</param>
    /// <param name="kept">How many items have a result worth keeping, at any moment.</param>
    /// <param name="progress">Is told about finished items.</param>
    /// <param name="work">Reports each finished item to the progress that it is given.</param>
    /// <param name="write">Writes what is finished to a path.</param>
    /// <exception cref="InputException">As the work's own, preceded by what is kept; or no item has a result.</exception>
    /// <exception cref="StoppedException">The work was interrupted.</exception>
    internal static async Task WriteAsync(
        string path, string what, Func<int> kept, IProgress<StepProgress>? progress, Func<IProgress<StepProgress>, Task> work, Action<string> write)
    {
        var partial = Of(path);
        var saving = new Saving(progress, () =>
        {
            if (kept() > 0)
            {
                write(partial);
            }
        });
        try
        {
            await work(saving).ConfigureAwait(false);
        }
        catch (Exception e) when (kept() > 0 && e is InputException or OperationCanceledException)
        {
            write(partial);
            var left = $"{partial} keeps {kept()} of {saving.Last.Total} {what}";
            throw e is InputException ? new InputException($"{left}: {e.Message}", e) : new StoppedException($"Interrupted; {left}, and the same command goes on.", e);
        }
        if (kept() == 0)
        {
            throw new InputException($"Nothing was measured: none of {saving.Last.Total} {what} holds a verdict and none is kept; look at the judge's model, prompt and replies, then run the same command again.");
        }
        write(path);
        File.Delete(partial);
    }

    // Saves at the first item, so that there is a file from then on, and every few seconds.
    private sealed class Saving(IProgress<StepProgress>? outer, Action save) : IProgress<StepProgress>
    {
        private readonly Stopwatch since = new();

        internal StepProgress Last { get; private set; }

        public void Report(StepProgress value)
        {
            Last = value;
            if (!since.IsRunning || since.Elapsed > Every)
            {
                save();
                since.Restart();
            }
            outer?.Report(value);
        }
    }
}
