using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class LadderTests
{
    [Fact]
    public void every_step_holds_in_the_twenty_worlds_of_the_theory_checks()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            var ladder = Ladder.Of(FiniteWorld.Random(seed), Edition.Repaired);
            Assert.True(ladder.Holds, Failures(ladder));
        }
    }

    [Fact]
    public void every_step_holds_in_a_thousand_random_worlds()
    {
        var worlds =
            from seed in Gen.Choose(0, int.MaxValue)
            from prompts in Gen.Choose(1, 3)
            from responses in Gen.Choose(3, 7)
            from logBeta in Gen.Choose(-150, 30)
            from logAlpha in Gen.Choose(-400, -40)
            from spread in Gen.Choose(2, 30)
            select FiniteWorld.Random(
                (ulong)seed, prompts, responses, Math.Pow(10, logBeta / 100.0), Math.Pow(10, logAlpha / 100.0), spread / 10.0);
        Prop.ForAll(worlds.ToArbitrary(), world =>
        {
            var ladder = Ladder.Of(world, Edition.Repaired);
            return ladder.Holds.Label(Failures(ladder));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Theory]
    [InlineData(0.01, 0.001)]
    [InlineData(0.001, 0.0001)]
    [InlineData(10, 0.4)]
    public void every_step_holds_at_the_papers_beta_and_far_beyond(double beta, double alpha)
    {
        for (var seed = 0UL; seed < 10; seed++)
        {
            var ladder = Ladder.Of(FiniteWorld.Random(seed, beta: beta, alpha: alpha), Edition.Repaired);
            Assert.True(ladder.Holds, Failures(ladder));
        }
    }

    [Fact]
    public void every_slip_is_a_residual_that_anyone_can_see()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            var printed = Ladder.Of(FiniteWorld.Random(seed), Edition.Printed);
            var repaired = Ladder.Of(FiniteWorld.Random(seed), Edition.Repaired);
            foreach (var step in printed.Steps)
            {
                var other = repaired[step.Name];
                if (step.Repair.Length == 0)
                {
                    Assert.Equal(other.Formula, step.Formula);
                    Assert.True(step.Holds, step.ToString());
                }
                else
                {
                    Assert.NotEqual(other.Formula, step.Formula);
                    Assert.True(step.Residual > 1e-2, step.ToString());
                }
            }
        }
    }

    [Fact]
    public void the_print_has_four_slips_and_what_the_kit_remarks_is_none_of_them()
    {
        var steps = Ladder.Of(FiniteWorld.Random(0), Edition.Printed).Steps;
        Assert.Equal(["erratum 1", "erratum 2", "erratum 3", "erratum 4"], steps.Select(step => step.Repair).Where(repair => repair.Length > 0).Distinct().Order());
        Assert.Equal([5, 8, 9, 10], steps.Select(step => step.Remark).Where(remark => remark > 0).Distinct().Order());
        Assert.All(steps.Where(step => step.Remark > 0), step => Assert.True(step.Holds && step.Repair.Length == 0, step.ToString()));
    }

    [Fact]
    public void A_1_is_the_value_of_the_inner_problem_and_the_tilt_has_no_number()
    {
        var ladder = Ladder.Of(FiniteWorld.Random(0), Edition.Printed);
        Assert.Equal(["the inner maximum, found numerically", "the inner value in r"], ladder.Steps.Where(step => step.Equation == "(A.1)").Select(step => step.Name));
        Assert.Equal("section 3.1", ladder["the tilt is stationary"].Equation);
    }

    [Fact]
    public void the_ladder_runs_through_every_numbered_equation_in_order()
    {
        var ladder = Ladder.Of(FiniteWorld.Random(0), Edition.Repaired);
        string[] numbered = ["(1.1)", "(2.1)", "(2.2)", "(2.3)", "(3.1)", "(A.1)", "(3.2)", "(3.3)", "(3.4)", "Theorem 3.1"];
        Assert.Equal(numbered, ladder.Steps.Select(step => step.Equation).Where(numbered.Contains).Distinct());
        Assert.Equal(ladder.Steps.Count, ladder.Steps.Select(step => step.Name).Distinct().Count());
        Assert.Equal("(5.1)", ladder["the minimiser, found numerically"].Version3);
        Assert.Throws<ArgumentException>(() => ladder["no such step"]);
    }

    [Fact]
    public void a_step_with_a_wrong_or_infinite_side_does_not_hold()
    {
        var step = new Step("n", "(0)", "", 0, "a = b", "", [1, 2], [1, 2.1]);
        Assert.Equal(0.1 / 2.1, step.Residual, 1e-12);
        Assert.False(step.Holds);
        Assert.False((step with { Left = [double.NaN], Right = [0] }).Holds);
        Assert.False((step with { Left = [double.NegativeInfinity], Right = [double.NegativeInfinity] }).Holds);
        Assert.True((step with { Right = [1, 2] }).Holds);
    }

    private static string Failures(Ladder ladder) => string.Join('\n', ladder.Steps.Where(step => !step.Holds));
}
