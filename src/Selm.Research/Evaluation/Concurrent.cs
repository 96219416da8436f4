using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>Work on numbered items, several at once; the first error that a person can cure is the one that is reported.</summary>
internal static class Concurrent
{
    /// <summary>Works on all items.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="parallel">How many are worked on at once.</param>
    /// <param name="stage">Named in progress.</param>
    /// <param name="progress">Is told about finished items, one at a time.</param>
    /// <param name="work">Makes the result of an item.</param>
    /// <param name="keep">Takes it, one at a time and before progress is told.</param>
    internal static void For<T>(int count, int parallel, string stage, IProgress<StepProgress>? progress, Func<int, T> work, Action<int, T> keep)
    {
        var (done, gate) = (0, new Lock());
        void One(int i)
        {
            var result = work(i);
            lock (gate)
            {
                keep(i, result);
                progress?.Report(new StepProgress(stage, ++done, count));
            }
        }

        if (parallel == 1)
        {
            for (var i = 0; i < count; i++)
            {
                One(i);
            }
            return;
        }
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = parallel }, One);
        }
        catch (AggregateException e)
        {
            var all = e.Flatten().InnerExceptions;
            throw all.OfType<OperationCanceledException>().FirstOrDefault() is { } stopped ? new OperationCanceledException(stopped.Message, e)
                : all.OfType<InputException>().FirstOrDefault() is { } first ? new InputException(first.Message, e)
                : e;
        }
    }
}
