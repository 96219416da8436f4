using Selm.Research.Numerics;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class ExplorationTests
{
    private static readonly ExplorationSettings LogLinear = new();
    private static readonly ExplorationSettings Tabular = new() { Sharing = Sharing.Tabular };

    [Fact]
    public void the_worlds_start_where_the_lab_says()
    {
        var worlds = Enumerable.Range(0, 300).Select(seed => new ExplorationWorld((ulong)seed, LogLinear)).ToArray();
        var (bestProbability, greedy, expected) = (new List<double>(), 0.0, 0.0);
        foreach (var world in worlds)
        {
            var reference = world.Reference();
            for (var x = 0; x < LogLinear.Prompts; x++)
            {
                var rewards = Enumerable.Range(0, ExplorationSettings.Responses).Select(y => world.Reward(x, y)).ToArray();
                bestProbability.Add(reference.Prob(x, Array.IndexOf(rewards, rewards.Max())));
                greedy += (world.BestReward(x) - world.Reward(x, reference.Greedy(x))) / (worlds.Length * LogLinear.Prompts);
                expected += (world.BestReward(x) - reference.Expect(x, rewards)) / (worlds.Length * LogLinear.Prompts);
            }
        }
        bestProbability.Sort();
        Assert.InRange(bestProbability[bestProbability.Count / 2], 2e-5, 5e-5);
        Assert.InRange(greedy, 2.9, 3.2);
        Assert.InRange(expected, 3.6, 3.9);
    }

    [Fact]
    public void both_ways_of_sharing_start_from_the_same_policy_in_the_same_world()
    {
        var linear = ExplorationRun.Of(new ExplorationWorld(1, LogLinear), ExplorationMethod.IterativeDpo);
        var tabular = ExplorationRun.Of(new ExplorationWorld(1, Tabular), ExplorationMethod.IterativeDpo);
        Assert.Equal(linear.GreedyGap[0], tabular.GreedyGap[0], 1e-12);
        Assert.Equal(linear.ExpectedGap[0], tabular.ExpectedGap[0], 1e-12);
        Assert.NotEqual(linear.GreedyGap[^1], tabular.GreedyGap[^1]);
    }

    [Theory]
    [InlineData(Sharing.LogLinear, 0.0, 0.0)]
    [InlineData(Sharing.LogLinear, 0.05, 0.0)]
    [InlineData(Sharing.LogLinear, 0.02, 0.5)]
    [InlineData(Sharing.Tabular, 0.05, 0.0)]
    public void a_fit_is_a_stationary_point_of_the_selm_loss_on_logits_plus_the_prior(Sharing sharing, double alpha, double penalty)
    {
        var settings = new ExplorationSettings { Sharing = sharing };
        var world = new ExplorationWorld(2, settings);
        var tables = new ResponseTables(settings);
        var anchor = tables.FromWords(world.SlotLogits);
        tables.LogSoftmax(anchor, anchor);
        var fit = new RewardFit(settings, tables, anchor) { ChosenPenalty = penalty };
        var data = new List<Comparison>();
        for (var i = 0; i < 32; i++)
        {
            var x = world.Rounds[0].Prompts[i];
            var y = tables.ArgMax(anchor, x);
            var (best, worst) = world.Rounds[0].BestAndWorst(world, i, [y, world.Rounds[0].First[i], world.Rounds[0].Second[i]]);
            data.Add(new Comparison(x, best, worst, y));
            fit.AddComparison(x, best, worst);
            fit.AddOptimism(x, y, alpha);
        }
        var w = fit.Solve(5000, 1);
        // Differences of the enumerated loss, in a few parameters that the data touch and in the last.
        foreach (var i in new[] { 0, 1, 4, 5, tables.Entry(data[0].Prompt, data[0].Chosen, 0), tables.Length - 1 })
        {
            Assert.Equal(0, (Loss(i, 1e-4) - Loss(i, -1e-4)) / 2e-4, penalty == 0 ? 1e-4 : 0.05);
        }

        double Loss(int parameter, double by)
        {
            double[] moved = [.. w];
            moved[parameter] += by;
            var reference = world.Reference();
            var policy = reference.Tilt([.. Enumerable.Range(0, settings.Prompts).Select(x =>
                Enumerable.Range(0, ExplorationSettings.Responses).Select(y => tables.Value(moved, x, y)).ToArray())], settings.Beta);
            var reward = policy.ImplicitReward(reference, settings.Beta);
            var punished = data.Sum(d => -LogMath.LogSigmoid(reward[d.Prompt][d.Chosen] - reward[d.Prompt][d.Rejected]
                - penalty * Math.Max(0, -reward[d.Prompt][d.Chosen])));
            var optimism = alpha * data.Sum(d => reward[d.Prompt][d.Response]);
            if (penalty == 0)
            {
                Assert.Equal(data.Count * ExactObjectives.Selm(policy, reference, data, settings.Beta, alpha), punished + optimism, 1e-9);
            }
            return punished + optimism + moved.Sum(v => v * v) / (2 * settings.PriorVariance);
        }
    }

    [Fact]
    public void a_world_and_a_method_give_the_same_numbers_twice()
    {
        foreach (var method in ExplorationMethod.All)
        {
            var (once, again) = (Run(), Run());
            Assert.Equal(once.GreedyGap, again.GreedyGap);
            Assert.Equal(once.ExpectedGap, again.ExpectedGap);
            Assert.All(once.GreedyGap, gap => Assert.True(gap >= 0));
            Assert.InRange(once.Coverage, 0.01, 1);
            Assert.True(once.ReferenceReward <= 1e-12, "E_ref[r_hat] = -beta KL(pi_ref || pi)");

            ExplorationResult Run() => ExplorationRun.Of(new ExplorationWorld(11, LogLinear), method);
        }
    }

    [Fact]
    public void without_optimism_selm_its_swap_and_its_variants_are_iterative_dpo()
    {
        var world = new ExplorationWorld(4, LogLinear);
        var expected = ExplorationRun.Of(world, ExplorationMethod.IterativeDpo).ExpectedGap;
        foreach (var method in new[] { ExplorationMethod.Selm(0), ExplorationMethod.Swap(0), ExplorationMethod.SwapOwn(0), ExplorationMethod.Exact(0), ExplorationMethod.KSample(0) })
        {
            Assert.Equal(expected, ExplorationRun.Of(world, method).ExpectedGap);
        }
    }

    [Fact]
    public void in_twenty_worlds_large_alpha_hurts_and_an_ensemble_explores()
    {
        var study = ExplorationStudy.Of(0, 20, LogLinear,
            [ExplorationMethod.OfflineDpo, ExplorationMethod.IterativeDpo, ExplorationMethod.Selm(0.03), ExplorationMethod.Selm(0.3), ExplorationMethod.Ensemble]);
        Assert.True(study.Paired("SELM 0.3", "iterative DPO", Final).Low > 0);
        Assert.True(study.Paired("ensemble", "iterative DPO", Final).High < 0);
        Assert.True(study.Paired("offline DPO", "iterative DPO", Final).Mean < 0);
        Assert.True(study.Mean("ensemble", r => r.BestFound).Mean > 0.7);
        Assert.True(study.Mean("SELM 0.03", r => r.BestFound).Mean < 0.3);
        Assert.True(study.Mean("ensemble", r => r.Regret).Mean < study.Mean("iterative DPO", r => r.Regret).Mean);
        Assert.Throws<ArgumentException>(() => study["no such method"]);

        static double Final(ExplorationResult result) => result.GreedyGap[^1];
    }

    [Fact]
    public void tabular_worlds_are_hurt_by_large_alpha_too()
    {
        var study = ExplorationStudy.Of(0, 10, Tabular, [ExplorationMethod.IterativeDpo, ExplorationMethod.Selm(0.3)]);
        Assert.True(study.Paired("SELM 0.3", "iterative DPO", r => r.GreedyGap[^1]).Low > 0);
    }

    [Fact]
    public void the_sign_of_figure_4_depends_on_the_number_of_steps()
    {
        foreach (var sharing in new[] { Sharing.LogLinear, Sharing.Tabular })
        {
            var gaps = Enumerable.Range(0, 10).Select(seed => Gaps((ulong)seed)).ToArray();
            Assert.All(gaps, gap => Assert.Equal(new RewardGap(0, 0, 0, 0, 0), gap[0]));
            Assert.True(gaps.Average(gap => gap[1].Chosen) > 0, "three steps: everything but y gains");
            Assert.True(gaps.Average(gap => gap[1].Query) < 0);
            Assert.True(gaps.Average(gap => gap[2].Chosen) < 0, "150 steps: nearly everything loses");
            Assert.Equal(gaps[3], Gaps(3));

            IReadOnlyList<RewardGap> Gaps(ulong seed) => ImplicitRewardGap.Of(
                new ExplorationWorld(seed, new ExplorationSettings { Sharing = sharing }), 0.03, [0, 3, 150]);
        }
    }
}
