using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Files;
using Selm.Research.Claims;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Claims;

/// <summary>data/claims.yaml itself: whose words it judges, and that its rules can fail.</summary>
public partial class ClaimsFileTests
{
    private static readonly ClaimRules rules = ClaimRules.Read();

    [Fact]
    public void every_claim_has_a_key_of_at_most_six_words_and_says_something() => Assert.All(rules.All, rule =>
    {
        Assert.InRange(rule.Key.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, 1, 6);
        Assert.True(rule.Says.Length > 0 && rule.Says != rule.Key && rule.Statistic.Length > 0, rule.Id);
    });

    [SkippableFact]
    public void every_key_stands_in_the_paper_or_where_only_the_summary_says_so_in_the_summary()
    {
        var (paper, summary) = (Text("first-edition.txt"), Text("summary.txt"));
        var lost = rules.All.Where(rule => !(rule.Edition == ClaimEdition.Summary ? summary : paper).Contains(Collapsed(rule.Key), StringComparison.OrdinalIgnoreCase));
        Assert.Empty(lost.Select(rule => $"{rule.Id}: {rule.Key}"));
    }

    [Fact]
    public void predictions_name_the_commit_that_had_them_and_what_was_known_by_then()
    {
        Assert.Matches("^[0-9a-f]{40}$", rules.Committed);
        Assert.All(rules.All.Where(rule => rule.Written == ClaimWritten.Before), rule => Assert.NotEmpty(rule.Pilot));
        Assert.All(rules.All.Where(rule => rule.Rule is ClaimKind.Printed or ClaimKind.Exact), rule => Assert.Equal(ClaimWritten.After, rule.Written));
    }

    // Whatever the data of a claim say, data of the opposite sign say something else, unless they say nothing.
    [Fact]
    public void every_rule_gives_another_verdict_when_the_sign_of_its_data_is_flipped() => Assert.All(
        rules.All.Where(rule => rule.Rule is ClaimKind.Directional or ClaimKind.Ordering), rule =>
        {
            double[] clear = [.. Enumerable.Range(0, 10).Select(k => (2 * rule.D) + 1 + (0.01 * k))];
            double[] flipped = [.. clear.Select(value => -value)];
            var (held, failed) = rule.Rule == ClaimKind.Ordering ? (rule.Ordered([clear, clear]), rule.Ordered([clear, flipped])) : (rule.Paired(clear), rule.Paired(flipped));
            Assert.Equal(("holds here", "opposite here"), (held.Verdict, failed.Verdict));
        });

    [Fact]
    public void every_recorded_verdict_changes_when_the_sign_of_its_data_is_flipped()
    {
        var folder = ResultFolders.Below(Path.GetDirectoryName(Path.GetDirectoryName(KitClaims()))!).Results;
        var decided = Directory.GetFiles(folder, "*.json").Where(file => Path.GetFileName(file) != "claims.json").SelectMany(file => ExperimentRecord.Read(file).Claims)
            .Where(row => row.PerSeed.Count > 0 && rules[row.Id].Rule == ClaimKind.Directional && row.Verdict is "holds here" or "opposite here").ToArray();
        Assert.NotEmpty(decided);
        Assert.All(decided, row => Assert.NotEqual(row.Verdict, rules[row.Id].Paired([.. row.PerSeed.Select(value => -value)]).Verdict));
    }

    [Fact]
    public void the_findings_that_readme_begins_with_have_the_numbers_of_the_recording()
    {
        var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden.Root, "data", "results", "claims.json"))).RootElement.GetProperty("claims").EnumerateArray()
            .Select(row => row.Deserialize<ClaimRow>(JsonFormat.Indented)!).Where(row => row.Measured is not null).ToLookup(row => row.Id);
        var told = Finding().Matches(File.ReadAllText(Path.Combine(Golden.Root, "README.md")));
        Assert.InRange(told.Count, 3, 12);
        Assert.All(told, finding =>
        {
            var row = recorded[finding.Groups["id"].Value].First();
            Assert.Equal((ClaimsTable.Measured(row), ClaimsTable.Interval(row)), (finding.Groups["measured"].Value, finding.Groups["interval"].Value));
        });
    }

    [GeneratedRegex(@"\(`(?<id>[a-z0-9.-]+)`: (?<measured>[^ )]+) ?(?<interval>\[[^\]]+\])?\)")]
    private static partial Regex Finding();

    [Fact]
    public void an_equation_can_fail_as_printed_and_as_repaired()
    {
        var rule = rules.All.First(rule => rule.Rule == ClaimKind.Exact);
        Assert.Equal("holds as printed", rule.Exact(1e-16, 1e-12).Verdict);
        Assert.Equal("does not hold", rule.Exact(1e-6, 1e-12).Verdict);
        Assert.Equal("does not hold as printed; holds as repaired", rule.Exact(1e-16, 1e-12, printed: 0.5).Verdict);
        Assert.Equal("does not hold", rule.Exact(0.1, 1e-12, printed: 0.5).Verdict);
        Assert.Equal("holds as printed", rule.Exact(1e-16, 1e-12, printed: 1e-16).Verdict);
        Assert.Equal(("remark of the kit", "does not hold"), (rule.Remark(0, 1e-12, "so").Verdict, rule.Remark(1, 1e-12, "so").Verdict));
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex White();

    private static string Collapsed(string text) => White().Replace(text, " ");

    private static string Text(string file)
    {
        var path = Golden.Outside("..", "paper", file);
        Skip.If(path is null, "the paper's text is not beside the fixtures");
        return Collapsed(File.ReadAllText(path));
    }

    private static string KitClaims() => KitFolder.Find(Path.Combine("data", "claims.yaml"));
}
