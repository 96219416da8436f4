using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class UnseenResponsesTests
{
    private static readonly int[] steps = [0, 1, 3, 150];

    private static ExplorationWorld World(ulong seed, Sharing sharing) => new(seed, new ExplorationSettings { Sharing = sharing });

    [Fact]
    public void nothing_has_changed_before_the_first_step() => Assert.All(new[] { Sharing.LogLinear, Sharing.Tabular }, sharing =>
    {
        var start = UnseenResponses.Of(World(1, sharing), 0.03, steps)[0];
        Assert.Equal((0, 0.0, 0.0, 0.0), (start.Steps, Math.Round(start.Slope, 12), Math.Round(start.Mean, 12), Math.Round(start.Mass, 12)));
    });

    [Fact]
    public void with_separate_parameters_dpo_moves_all_unseen_responses_alike_and_selm_does_not()
    {
        for (var seed = 0UL; seed < 5; seed++)
        {
            var world = World(seed, Sharing.Tabular);
            Assert.All(UnseenResponses.Of(world, 0, steps), change => Assert.Equal(0, change.Slope, 1e-10));
            Assert.True(Math.Abs(UnseenResponses.Of(world, 0.03, steps)[2].Slope) > 1e-5);
        }
    }

    [Fact]
    public void with_shared_parameters_the_slope_of_dpo_follows_the_true_reward() => Assert.All(Enumerable.Range(0, 5), seed =>
        Assert.True(UnseenResponses.Of(World((ulong)seed, Sharing.LogLinear), 0, steps)[2].Slope > 0.1));

    [Fact]
    public void the_mass_of_unseen_responses_can_grow_no_further_than_to_one()
    {
        for (var seed = 0UL; seed < 5; seed++)
        {
            Assert.All(UnseenResponses.Of(World(seed, Sharing.LogLinear), 0.1, steps), change => Assert.InRange(change.Mass, -1, 1));
        }
    }
}
