using Selm.HuggingFace.Models;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;

namespace Selm.Research.Tests.Training;

public class RewardTrainerTests
{
    // A prompt, then y_w, y_l, y, y'.
    private static readonly SharedRow row = new([5, 6, 7], [[8, 9, 2], [10, 2], [11, 12, 2], [13, 2]]);

    [Fact]
    public void a_head_of_zeros_has_no_opinion_and_bradley_terry_gives_it_one()
    {
        var (before, after) = Fit(row with { Responses = [.. row.Responses.Take(2)] }, alpha: 0);
        Assert.All(before, r => Assert.Equal(0, r));
        Assert.True(after[0] > after[1] + .5, $"{after[0]} is no more than {after[1]}");
    }

    [Fact]
    public void optimism_lifts_the_own_answer_above_the_references()
    {
        var (plain, bold) = (Fit(row, alpha: 0).After, Fit(row, alpha: .3).After);
        Assert.True(bold[2] - bold[3] > plain[2] - plain[3] + .5, $"{bold[2] - bold[3]} is no more than {plain[2] - plain[3]}");
        Assert.True(bold[0] > bold[1], "and the preference is still learnt");
    }

    [Fact]
    public void the_model_that_it_starts_from_stays_as_it_is_and_a_rate_that_is_too_high_is_named()
    {
        using var start = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        var before = TokenLogps.Of(start, [row]).Sums;
        using var trainer = new RewardTrainer(start, new float[start.Config.HiddenSize]);
        trainer.Fit("the reward model", 3, _ => [row], new OptimisticRewardLoss(0), new OptimizerRecipe { LearningRate = 1e-2 });
        Assert.Equal(before, TokenLogps.Of(start, [row]).Sums);
        var message = Assert.Throws<DivergenceException>(() =>
            trainer.Fit("the reward model", 5, _ => [row], new OptimisticRewardLoss(0), new OptimizerRecipe { LearningRate = 1e30 })).Message;
        Assert.Matches("^Step . of 5 of the reward model: .*lower the learning rate", message);
    }

    private static (double[] Before, double[] After) Fit(SharedRow rows, double alpha)
    {
        using var start = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        using var trainer = new RewardTrainer(start, new float[start.Config.HiddenSize]);
        var before = trainer.Score([rows], 1);
        trainer.Fit("the reward model", 20, _ => [rows], new OptimisticRewardLoss(alpha), new OptimizerRecipe { Betas = [.9, .99], WeightDecay = 0, LearningRate = 1e-2 });
        return (before, trainer.Score([rows], 1));
    }
}
