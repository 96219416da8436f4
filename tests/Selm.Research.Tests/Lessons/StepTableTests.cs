using Selm.Research.Lessons;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Lessons;

public class StepTableTests
{
    private static readonly FiniteWorld world = FiniteWorld.Random(0);

    [Fact]
    public void of_many_numbers_the_pair_that_differs_most_is_shown()
    {
        var step = new Step("a", "(0.0)", "", 5, "x = y", "", [1, 2, 3], [1, 5, 3.5]);
        var row = StepTable.Of(new Ladder(Edition.Repaired, [step]), "a").Rows[0];
        Assert.Equal((2.0, 5.0), (row[3].Value, row[4].Value));
        Assert.Equal("NO", row[6].Words);
        Assert.Contains("differ most", Assert.Single(StepTable.Of(new Ladder(Edition.Repaired, [step]), "a").Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void an_erratum_is_named_and_fails_as_printed_only()
    {
        var (printed, repaired) = (Ladder.Of(world, Edition.Printed), Ladder.Of(world, Edition.Repaired));
        Assert.Equal("NO", StepTable.Of(printed, "the second response").Rows[0][6].Words);
        Assert.Equal("yes", StepTable.Of(repaired, "the second response").Rows[0][6].Words);
        Assert.Contains("erratum 1", Assert.Single(StepTable.Of(printed, "the second response").Notes), StringComparison.Ordinal);
        Assert.Equal("yes", StepTable.Of(printed, "gauge").Rows[0][6].Words);
        Assert.Contains("remark 10 of the kit, no slip of the print", Assert.Single(StepTable.Of(printed, "gauge").Notes), StringComparison.Ordinal);
        Assert.Equal("(3.1), v3 (4.1)", StepTable.Of(repaired, "the second response").Rows[0][0].Words);
        Assert.Throws<ArgumentException>(() => StepTable.Of(printed, "no such step"));
    }

    [Fact]
    public void lessons_5_to_9_have_steps_of_their_own()
    {
        var ladder = Ladder.Of(world, Edition.Repaired);
        Assert.All(Enumerable.Range(5, 5), lesson => Assert.NotEmpty(StepTable.Of(ladder, lesson).Rows));
    }
}
