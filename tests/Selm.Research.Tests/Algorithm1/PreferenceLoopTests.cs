using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>The siblings of Algorithm 1 under one harness, on a tiny model with a fixed oracle.</summary>
public class PreferenceLoopTests
{
    [Theory]
    [InlineData(LoopMethod.Selm)]
    [InlineData(LoopMethod.OfflineDpo)]
    [InlineData(LoopMethod.StepwiseDpo)]
    [InlineData(LoopMethod.Spin)]
    [InlineData(LoopMethod.Dno)]
    [InlineData(LoopMethod.Sppo)]
    [InlineData(LoopMethod.Xpo)]
    [InlineData(LoopMethod.Vpo)]
    [InlineData(LoopMethod.ExplicitReward)]
    public void every_method_runs_its_iterations_with_the_same_bits_each_time(LoopMethod method)
    {
        var (first, rows) = Run(Settings with { Method = method, Samples = method == LoopMethod.Sppo ? 4 : 3 });
        var (second, _) = Run(Settings with { Method = method, Samples = method == LoopMethod.Sppo ? 4 : 3 });
        Assert.Equal(first, second);
        Assert.Equal(3, rows.Count);
        Assert.All(rows.SelectMany(r => r.Training), row => Assert.True(double.IsFinite(row.Loss)));
        var start = rows[1].Training[0];
        // A reference that has moved is the policy itself: the margin is zero and sigma(-margin) one half.
        var moves = method is not (LoopMethod.OfflineDpo or LoopMethod.Xpo);
        Assert.Equal(moves, Math.Abs(start.SigmaNegativeMargin - 0.5) < 1e-6);
        var asks = method is LoopMethod.Selm or LoopMethod.Vpo or LoopMethod.ExplicitReward;
        Assert.Equal(asks, double.IsFinite(rows[1].YBest));
    }

    [Fact]
    public void alpha_matters_from_the_second_iteration_on_and_the_first_is_shared()
    {
        var longer = Settings with { Iterations = 2, Training = Settings.Training with { Epochs = 6 } };
        var (_, plain) = Run(longer with { Alpha = 1e-9 }); // at 0 nobody looks at y
        var (_, bonus) = Run(longer with { Alpha = 0.3 });
        Assert.Equal(plain[0].Training.Select(r => r.Loss), bonus[0].Training.Select(r => r.Loss));
        Assert.NotEqual(plain[1].Training[^1].Loss, bonus[1].Training[^1].Loss);
        Assert.True(bonus[1].Training[^1].ReferenceLogRatio < plain[1].Training[^1].ReferenceLogRatio, "optimism lowers the likelihood of the reference's own answer");
    }

    [Fact]
    public void kept_data_grows_the_training_set_and_an_explorer_answers_instead_of_the_policy()
    {
        var (_, kept) = Run(Settings with { KeepData = true });
        Assert.Equal([2, 4, 6], kept.Select(r => r.Training.Count));
        using var other = LlamaWeights.Load(Golden.Path("hf-models", "llama31-rope"));
        var asked = 0;
        Run(Settings, _ => { asked++; return other; });
        Assert.Equal(2, asked);
    }

    [Fact]
    public void a_policy_comes_closer_to_the_margins_of_its_explicit_reward_and_optimism_changes_the_reward()
    {
        var longer = Settings with { Method = LoopMethod.ExplicitReward, Iterations = 2, Reward = new RewardOptions { Epochs = 10 }, Training = Settings.Training with { Epochs = 20 } };
        var (_, plain) = Run(longer with { Alpha = 0 });
        var (_, bold) = Run(longer with { Alpha = 0.3 });
        var losses = plain[1].Training.Select(r => r.Loss).ToArray();
        Assert.True(losses[^2..].Average() < losses[..2].Average() / 2, $"{losses[^1]} after {losses[0]}");
        Assert.Equal(plain[0].Training.Select(r => r.Loss), bold[0].Training.Select(r => r.Loss));
        Assert.NotEqual(losses[0], bold[1].Training[0].Loss);
    }

    [Fact]
    public void an_explicit_reward_sees_all_pairs_where_data_is_kept()
    {
        var (_, kept) = Run(Settings with { Method = LoopMethod.ExplicitReward, KeepData = true });
        Assert.Equal([2, 4, 6], kept.Select(r => r.Training.Count));
    }

    [Fact]
    public void the_last_iteration_can_have_a_training_of_its_own_that_is_told_step_by_step()
    {
        var last = Settings with { Iterations = 2, LastTraining = Settings.Training with { Epochs = 3 } };
        var (_, rows) = Run(last);
        Assert.Equal([2, 6], rows.Select(r => r.Training.Count));
    }

    private static LoopSettings Settings => new()
    {
        Alpha = 0.01, Iterations = 3, BatchSize = 16, Sampling = new SamplingOptions(MaxNewTokens: 8, Seed: 4),
        Training = new TrainerOptions { LearningRate = 1e-3, BatchSize = 8, Seed = 2 },
    };

    private static (float[] Weights, List<LoopIteration> Rows) Run(LoopSettings settings, Func<int, Llama>? explorer = null)
    {
        using var start = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        using var policy = LlamaWeights.Clone(start);
        using var loop = new PreferenceLoop(settings, new LoopWorld(Pairs, Score, [2], explorer), start);
        var rows = Enumerable.Range(0, settings.Iterations).Select(t => loop.Run(policy, t)).ToList();
        using var scope = NewDisposeScope();
        return ([.. policy.parameters().SelectMany(p => p.detach().contiguous().data<float>().ToArray())], rows);
    }

    private static List<LoopPair> Pairs(int iteration)
    {
        var random = new PhiloxStream(9, "pairs", iteration);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => 3 + random.NextInt(90))];
        return [.. Enumerable.Range(0, 16).Select(_ => new LoopPair(Ids(4), [.. Ids(3), 2], [.. Ids(5), 2]))];
    }

    // Likes even tokens.
    private static List<double[]> Score(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)> requests) =>
        [.. requests.Select(r => r.Candidates.Select(c => c.Count(id => id % 2 == 0) - (0.4 * c.Length)).ToArray())];
}
