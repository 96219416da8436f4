using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>Work on numbered items, several at once; the first error that a person can cure is the one that is reported.</summary>
internal static class Concurrent
{
    internal static void For(int count, int parallel, string stage, IProgress<StepProgress>? progress, Action<int> work)
    {
        var (done, gate) = (0, new Lock());
        void One(int i)
        {
            work(i);
            lock (gate)
            {
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
        catch (AggregateException e) when (e.Flatten().InnerExceptions.OfType<InputException>().FirstOrDefault() is { } first)
        {
            throw new InputException(first.Message, e);
        }
    }
}
