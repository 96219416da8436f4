using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>Work on numbered items that may wait, several at once.</summary>
internal static class Concurrent
{
    /// <summary>
    /// Works on all items. After an error no further item is begun, and those in flight end first: a question that was sent is paid
    /// for. Cancellation ends them too.
    /// </summary>
    /// <param name="count">How many there are.</param>
    /// <param name="parallel">How many are worked on at once; 1 works on them in order, and on the caller's thread where nothing waits.</param>
    /// <param name="stage">Named in progress.</param>
    /// <param name="progress">Is told about finished items, one at a time.</param>
    /// <param name="work">Makes the result of an item.</param>
    /// <param name="keep">Takes it, one at a time and before progress is told.</param>
    /// <param name="cancellation">Stops between items; the work is expected to watch it too.</param>
    internal static async Task ForAsync<T>(
        int count, int parallel, string stage, IProgress<StepProgress>? progress, Func<int, ValueTask<T>> work, Action<int, T> keep, CancellationToken cancellation)
    {
        var (next, done, failed, gate) = (-1, 0, false, new Lock());
        async Task Worker()
        {
            try
            {
                for (int i; !Volatile.Read(ref failed) && (i = Interlocked.Increment(ref next)) < count;)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var result = await work(i).ConfigureAwait(false);
                    lock (gate)
                    {
                        keep(i, result);
                        progress?.Report(new StepProgress(stage, ++done, count));
                    }
                }
            }
            catch
            {
                Volatile.Write(ref failed, true);
                throw;
            }
        }

        await Task.WhenAll(Enumerable.Range(0, parallel).Select(_ => Worker())).ConfigureAwait(false);
    }
}
