using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Claims;

public class JudgedAgainTests
{
    // Twelve seeds about 0.08, none below 0.06.
    private static readonly double[] differences = [.. Enumerable.Range(0, 12).Select(k => 0.08 + (k % 2 == 0 ? 0.02 : -0.02))];

    [Fact]
    public void words_and_verdicts_follow_the_rules_of_today_and_numbers_stay()
    {
        var (then, now) = (Rules("d: 0.05"), Rules("d: 0.2", says: "new words"));
        var record = Recorded(then, then["c"].Paired(differences, "a note"));
        Assert.Equal("holds here", record.Claims[0].Verdict);

        var judged = JudgedAgain.By(now, record);

        Assert.Equal(now["c"].Paired(differences, "a note") with { PerSeed = differences }, judged.Claims[0] with { PerSeed = differences });
        Assert.Equal(("new words", "no effect larger than 0.2 here", now.Sha256), (judged.Claims[0].Says, judged.Claims[0].Verdict, judged.ClaimsSha256));
        Assert.Same(record, JudgedAgain.By(then, record));
    }

    [Theory]
    [InlineData("rule: equivalence\n  d: 0.2", "c", "whose rule in data/claims.yaml now needs more than was recorded")] // its 90 % interval is not recorded
    [InlineData("d: 0.05", "other", "which data/claims.yaml no longer has")]
    public void a_rule_that_asks_for_more_than_was_recorded_is_refused(string changed, string id, string why)
    {
        var record = Recorded(Rules("d: 0.05"), Rules("d: 0.05")["c"].Paired(differences));
        var refused = Assert.Throws<InputException>(() => JudgedAgain.By(Rules(changed, id), record));
        Assert.Equal($"The record of e has the claim 'c', {why}; run selm reproduce e --record with the seeds of the recording.", refused.Message);
    }

    [Fact]
    public void the_recording_is_judged_as_its_numbers_say()
    {
        var rules = ClaimRules.Read();
        foreach (var record in Recording())
        {
            var judged = JudgedAgain.By(rules, record with { ClaimsSha256 = "rules of another day" });
            Assert.Equal(record.Claims.Select(claim => claim with { PerSeed = [] }), judged.Claims.Select(claim => claim with { PerSeed = [] }), (a, b) =>
                (a.Id, a.Says, a.Statistic, a.Verdict, a.D, a.Measured, a.Low, a.High, a.P) == (b.Id, b.Says, b.Statistic, b.Verdict, b.D, b.Measured, b.Low, b.High, b.P));
        }
    }

    [Fact]
    public void every_figure_of_a_preview_says_so()
    {
        foreach (var preview in Recording().Select(record => (record with { Seeds = Math.Min(record.Seeds, 3) }).AsPreview()))
        {
            Assert.True(preview.IsPreview);
            Assert.All(preview.Figures, figure =>
            {
                Assert.StartsWith(preview.Seeds > 0 ? "Preview (3 seeds" : "Preview", figure.Title, StringComparison.Ordinal);
                Assert.EndsWith("A preview, not the recorded run.", figure.Caption, StringComparison.Ordinal);
                Assert.Empty(FigureChecks.Problems(figure));
            });
        }
    }

    private static IEnumerable<ExperimentRecord> Recording()
    {
        var results = Path.Combine(Path.GetDirectoryName(KitFolder.Find(Path.Combine("data", "claims.yaml")))!, "results");
        return Directory.Exists(results)
            ? Directory.GetFiles(results, "*.json").Where(file => Path.GetFileName(file) != "claims.json").Order(StringComparer.Ordinal).Select(ExperimentRecord.Read)
            : [];
    }

    private static ExperimentRecord Recorded(ClaimRules rules, ClaimRow row) =>
        new(ExperimentRecord.CurrentFormat, "e", "lab", 0, 12, 12, rules.Sha256, Provenance.Now(0, TimeSpan.Zero, new Dictionary<string, string>()), [row], [], []);

    private static ClaimRules Rules(string judged, string id = "c", string says = "words")
    {
        var file = Path.Combine(Path.GetTempPath(), $"claims-{Guid.NewGuid():N}.yaml");
        var rule = judged.StartsWith("rule:", StringComparison.Ordinal) ? judged : $"rule: directional\n  {judged}";
        try
        {
            File.WriteAllText(file, $"protocol: p\nnot_run: {{gpu: none}}\nclaims:\n- id: {id}\n  where: w\n  says: {says}\n  experiment: e\n  statistic: s\n  {rule}\n  scales: [lab]\n  pilot: p\n");
            return ClaimRules.Read(file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
