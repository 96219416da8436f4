using MathNet.Numerics.Distributions;
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
    [InlineData("rule: ordering\n  d: 0.2", "c", "whose rule in data/claims.yaml now needs more than was recorded")] // its other steps are not recorded
    [InlineData("d: 0.05", "other", "which data/claims.yaml no longer has")]
    public void a_rule_that_asks_for_more_than_was_recorded_is_refused(string changed, string id, string why)
    {
        var record = Recorded(Rules("d: 0.05"), Rules("d: 0.05")["c"].Paired(differences));
        var refused = Assert.Throws<InputException>(() => JudgedAgain.By(Rules(changed, id), record));
        Assert.Equal($"The record of e has the claim 'c', {why}; run selm reproduce e --record with the seeds of the recording.", refused.Message);
    }

    [Fact]
    public void an_equivalence_follows_from_the_recorded_seeds()
    {
        var record = Recorded(Rules("d: 0.05"), Rules("d: 0.05")["c"].Paired(differences));
        var judged = JudgedAgain.By(Rules("rule: equivalence\n  d: 0.2"), record).Claims[0];
        Assert.Equal(("holds here", 12, null), (judged.Verdict, judged.N, judged.P));
    }

    [Fact]
    public void the_recording_is_judged_by_its_seeds()
    {
        var rules = ClaimRules.Read();
        foreach (var record in Recording())
        {
            // A recording may be older than a rule: what no longer fits is refused, as above.
            ClaimRow[] rows = [.. record.Claims.Where(row => row is { Measured: not null, PerSeed.Count: > 1 } && rules.All.Any(rule => rule.Id == row.Id
                && (rule.Rule == ClaimKind.Equivalence || (rule.Rule == ClaimKind.Directional && row.P is not null))))];
            var judged = JudgedAgain.By(rules, record with { Claims = rows, ClaimsSha256 = "rules of another day" });
            Assert.All(rows.Zip(judged.Claims), pair =>
            {
                var (before, after) = pair;
                var (n, mean) = (before.PerSeed.Count, before.PerSeed.Average());
                var error = Math.Sqrt(before.PerSeed.Sum(value => (value - mean) * (value - mean)) / (n - 1) / n);
                Assert.Equal((before.Id, rules[before.Id].D, rules[before.Id].Says, n), (after.Id, after.D, after.Says, after.N));
                Assert.Equal(before.Measured!.Value, after.Measured!.Value, 1e-12);
                Assert.Equal(mean + (StudentT.InvCDF(0, 1, n - 1, 0.975) * error), after.High!.Value, 1e-9);
            });
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
