using Selm.Tests;
using System.Diagnostics;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using TorchSharp;

namespace Selm.Research.Tests.Training;

/// <summary>No tensor is freed while it is needed, and none is kept when it is not.</summary>
[Collection(LiveTensors.Name)]
public class LifetimeTests
{
    // The two ways share twenty seconds, or ten minutes where SELM_STRESS is set.
    private static readonly TimeSpan time = Environment.GetEnvironmentVariable("SELM_STRESS") is { Length: > 0 } ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Duration", "long")]
    public void a_collector_that_never_rests_does_not_change_a_bit(bool fused)
    {
        Fast.Disabled = !fused;
        try
        {
            var clock = Stopwatch.StartNew();
            var quiet = LifetimeWork.Round();
            using var over = new CancellationTokenSource();
            var collections = 0;
            var collector = new Thread(() =>
            {
                for (; !over.IsCancellationRequested; collections++)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
            });
            collector.Start();
            try
            {
                for (var round = 1; round == 1 || clock.Elapsed < time; round++)
                {
                    Assert.True(quiet == LifetimeWork.Round(), $"round {round} has other bits than the quiet run");
                }
            }
            finally
            {
                over.Cancel();
                collector.Join();
            }
            Assert.True(collections > 0, "the collector never ran");
        }
        finally
        {
            Fast.Disabled = false;
        }
    }

    [SkippableFact]
    public void a_run_has_the_same_bits_on_one_two_and_three_threads()
    {
        Skip.IfNot(Fast.KeepsBits, "libtorch's operators promise no such thing");
        var before = Libtorch.Threads;
        try
        {
            var rounds = new[] { 1, 2, 3 }.Select(threads =>
            {
                Libtorch.Threads = threads;
                return LifetimeWork.Round();
            }).ToArray();
            Assert.Single(rounds.Distinct());
        }
        finally
        {
            Libtorch.Threads = before;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void steps_answers_scores_and_evaluations_leave_weights_and_moments_only(bool fused)
    {
        Fast.Disabled = !fused;
        try
        {
            using var work = new LifetimeWork();
            work.Train(0); // compiles, and lets tables grow
            var before = LiveTensors.Count();
            foreach (var (what, act) in new (string, Action)[]
                { ("a training step", () => work.Train(1)), ("answers", work.Generate), ("scores", work.Score), ("an evaluation", work.Evaluate) })
            {
                act();
                // Nothing has been collected since: what is gone was disposed.
                Assert.True(torch.Tensor.TotalCount == before, $"{what}: {torch.Tensor.TotalCount - before} tensors are left");
            }
            var owned = work.Owned;
            work.Dispose();
            Assert.Equal(before - owned, torch.Tensor.TotalCount);
        }
        finally
        {
            Fast.Disabled = false;
        }
    }
}
