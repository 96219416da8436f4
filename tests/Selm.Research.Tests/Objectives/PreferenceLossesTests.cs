using Selm.Research.Objectives;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Objectives;

public class PreferenceLossesTests
{
    [Fact]
    public void every_name_is_a_loss_of_its_own()
    {
        var losses = PreferenceLosses.Names.Select(name => PreferenceLosses.Parse(name, beta: 0.1, alpha: 0.01)).ToHashSet();
        Assert.Equal(PreferenceLosses.Names.Count, losses.Count);
    }

    [Fact]
    public void the_numbers_reach_the_loss()
    {
        Assert.Equal(new SelmLoss(0.01, 0.001), PreferenceLosses.Parse("selm", 0.01, 0.001));
        Assert.Equal(new DpoLoss(0.2, 0.1), PreferenceLosses.Parse("dpo", 0.2, labelSmoothing: 0.1));
        Assert.Equal(new RobustDpoLoss(0.2, 0.1), PreferenceLosses.Parse("robust", 0.2, labelSmoothing: 0.1));
        Assert.Equal(new DpopLoss(0.3, 5), PreferenceLosses.Parse("dpop", 0.3, lambda: 5));
    }

    [Fact]
    public void every_loss_of_a_recipe_is_known_and_its_scale_is_kept()
    {
        Assert.All(LossRecipe.Kinds, kind => PreferenceLosses.Of(new LossRecipe { Kind = kind }));
        Assert.Equal(new SelmLoss(0.01, 0.001), PreferenceLosses.Of(new LossRecipe()));
        Assert.Equal(
            new SelmLoss(0.5, 0.25, AlphaScale.Alpha),
            PreferenceLosses.Of(new LossRecipe { Beta = 0.5, Alpha = 0.25, AlphaScale = AlphaScale.Alpha }));
    }

    [Theory]
    [InlineData("selmm", "'selm'")]
    [InlineData("robst", "'robust'")]
    public void an_unknown_name_is_answered_with_the_nearest(string wrong, string meant) =>
        Assert.Contains($"did you mean {meant}?", Assert.Throws<InputException>(() => PreferenceLosses.Parse(wrong, 0.1)).Message);

    [Theory]
    [InlineData("dpo", 0.0, 0.0, "beta is 0 ")]
    [InlineData("dpo", -1.0, 0.0, "beta is -1 ")]
    [InlineData("dpo", double.NaN, 0.0, "beta is NaN ")]
    [InlineData("robust", 0.1, 0.5, "label smoothing is 0.5 ")]
    [InlineData("ipo", 0.1, 0.1, "'ipo' has no label smoothing")]
    public void numbers_out_of_range_are_refused_by_name(string kind, double beta, double smoothing, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<InputException>(() => PreferenceLosses.Parse(kind, beta, labelSmoothing: smoothing)).Message);

    [Theory]
    [InlineData("selm", -3, "alpha is -3 but must be at least 0")]
    [InlineData("xpo", -1e-9, "alpha is -1E-09 but must be at least 0")]
    [InlineData("vpo", double.PositiveInfinity, "alpha is Infinity but must be at least 0")]
    public void optimism_against_the_sample_is_refused(string kind, double alpha, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<InputException>(() => PreferenceLosses.Parse(kind, 0.1, alpha)).Message);
}
