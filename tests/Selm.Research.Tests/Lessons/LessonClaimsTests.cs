using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Lessons;

namespace Selm.Research.Tests.Lessons;

public class LessonClaimsTests
{
    [Fact]
    public void a_residual_is_not_shown_as_zero()
    {
        var text = TableWriter.PlainText(LessonClaims.Of([("it is small", 2.4e-16, true), ("it is zero", 0, true), ("it is not", 0.25, false)]));

        Assert.Contains("2.4e-16", text, StringComparison.Ordinal);
        Assert.Matches(@"it is zero +0 +holds here", text);
        Assert.Matches(@"it is not +0\.25 +does NOT hold here", text);
        Assert.DoesNotContain("interval", text, StringComparison.Ordinal);
    }

    [Fact]
    public void a_recorded_claim_says_what_was_measured_and_brings_its_interval()
    {
        var row = new ClaimRow("a", "Table 1", "SELM is better", "table1", "lab", "win rate, SELM minus DPO") { Measured = 0.03, Low = 0.01, High = 0.05, Verdict = "holds here" };

        var text = TableWriter.PlainText(LessonClaims.Of([("own", 1, true), LessonClaims.Row(row)]));

        Assert.Contains("Table 1: SELM is better (win rate, SELM minus DPO)", text, StringComparison.Ordinal);
        Assert.Contains("[0.0100, 0.0500]", text, StringComparison.Ordinal);
    }
}
