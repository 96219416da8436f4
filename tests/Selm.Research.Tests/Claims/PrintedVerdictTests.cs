using System.Globalization;
using Selm.Research.Claims;
using Selm.Research.Numerics;
using Selm.Tests;

namespace Selm.Research.Tests.Claims;

/// <summary>The verdicts on printed numbers can come out either way, and never say more than their intervals.</summary>
public class PrintedVerdictTests
{
    private static readonly ClaimRules rules = ClaimRules.Read();
    private static readonly ClaimRule[] audited = [.. rules.All.Where(rule => rule.Experiment == TablesAudit.Name)];
    private static readonly string folder = Path.Combine(Golden.Root, "data", "paper");

    // Sentences that something falls somewhere: the mirror image falls somewhere else.
    private static readonly string[] somewhere = ["tables-alignment-tax-selm", "tables-alignment-tax-baselines"];

    [Theory]
    [InlineData("supported", new[] { 2.0, 1.0 })]
    [InlineData("inside noise", new[] { 1.9, 1.0 })]
    [InlineData("inside noise", new[] { -1.9, 1.0 })]
    [InlineData("contradicted", new[] { -2.0, 1.0 })]
    [InlineData("supported", new[] { 5.0, 1.0, 3.0, 1.0 })]
    [InlineData("inside noise", new[] { 5.0, 1.0, 0.0, 1.0 })]
    [InlineData("inside noise", new[] { 5.0, 1.0, -1.0, 1.0 })]
    [InlineData("contradicted", new[] { 5.0, 1.0, -2.0, 1.0 })]
    [InlineData("contradicted", new[] { -3.0, 9.0, -1.0, 0.4 })] // not the lowest number: the one that lies lowest in units of its error
    public void a_verdict_follows_from_every_interval(string verdict, double[] differencesAndErrors)
    {
        (double, double?)[] differences = [.. differencesAndErrors.Chunk(2).Select(pair => (pair[0], (double?)pair[1]))];
        Assert.Equal(verdict, audited[0].Printed(differences, "").Verdict);
    }

    [Fact]
    public void a_number_without_any_error_settles_nothing()
    {
        var row = audited[0].Printed([(-5, null)], "");
        Assert.Equal((-5.0, null, null, null, "inside noise"), (row.Measured!.Value, row.Low, row.High, row.Detectable, row.Verdict));
        Assert.Equal("inside noise", audited[0].Printed([(5, 1), (5, null)], "").Verdict);
        Assert.Equal("contradicted", audited[0].Printed([(-5, 1), (5, null)], "").Verdict);
        Assert.Throws<ArgumentException>(() => audited[0].Printed([(1, 0)], ""));
        Assert.Throws<ArgumentException>(() => audited[0].Printed([(double.NaN, 1)], ""));
        Assert.Throws<ArgumentException>(() => audited[0].Printed([], ""));
    }

    [Fact]
    public void no_verdict_says_more_than_its_interval()
    {
        var random = new PhiloxStream(7, "printed", 0);
        var seen = Enumerable.Range(0, 500).Select(_ => audited[0].Printed([.. Enumerable.Range(0, 1 + random.NextInt(4)).Select(_ => (3 * random.NextGaussian(), (double?)(0.1 + random.NextDouble())))], ""))
            .Concat(TablesAudit.Run(rules, folder).Claims).ToArray();
        Assert.Equal(3, seen.Select(row => row.Verdict).Distinct().Count());
        Assert.All(seen, row => Assert.Equal(row.Low > 0 ? "supported" : row.High < 0 ? "contradicted" : "inside noise", row.Verdict));
    }

    [Fact]
    public void a_claim_loses_its_support_when_the_printed_numbers_are_turned_round()
    {
        using var mirrored = new TempFolder();
        Mirror(mirrored);
        var turned = TablesAudit.Run(rules, mirrored.Root).Claims.ToDictionary(row => row.Id);
        foreach (var row in TablesAudit.Run(rules, folder).Claims)
        {
            var (id, other) = (row.Id, turned[row.Id]);
            Assert.True(row.Measured != other.Measured, $"{id} stays {row.Measured}");
            Assert.True(row.Verdict != "supported" || other.Verdict == "contradicted", $"{id} was supported and is {other.Verdict}");
            Assert.True(row.Verdict != "contradicted" || other.Verdict == "supported", $"{id} was contradicted and is {other.Verdict}");
            Assert.True(somewhere.Contains(id) || !(row.Measured > 0 && other.Measured > 0), $"{id} speaks for its claim either way");
        }
    }

    // Every score becomes its distance from the top, so that every difference of two models has the other sign and the same error.
    private static void Mirror(TempFolder mirrored)
    {
        foreach (var file in Directory.GetFiles(folder, "*.csv"))
        {
            var lines = File.ReadAllLines(file);
            var names = lines[0].Split(',');
            File.WriteAllLines(mirrored.File(Path.GetFileName(file)), [lines[0], .. lines.Skip(1).Select(line => string.Join(',', line.Split(',').Select((cell, k) => Turned(names[k], cell))))]);
        }

        static string Turned(string column, string cell) =>
            column is "model" or "row_model" or "family" or "method" or "iteration" or "avg_length" || cell.Length == 0 ? cell
            : ((column.StartsWith("mt_bench", StringComparison.Ordinal) ? 11 : 100) - decimal.Parse(cell, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture);
    }

    [Fact]
    public void every_claim_says_whose_sentence_it_is_and_that_its_rule_came_after()
    {
        Assert.All(audited, rule =>
        {
            Assert.NotEqual(ClaimEdition.Later, rule.Edition);
            Assert.Equal((ClaimWritten.After, ClaimKind.Printed, "paper-numbers"), (rule.Written, rule.Rule, Assert.Single(rule.Scales)));
            Assert.Equal(rule.Edition == ClaimEdition.Kit, rule.Says.StartsWith("Remark: ", StringComparison.Ordinal));
        });
    }
}
