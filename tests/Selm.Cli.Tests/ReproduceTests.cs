using System.Text.Json;
using System.Text.RegularExpressions;

namespace Selm.Cli.Tests;

public class ReproduceTests
{
    [Fact]
    public void the_tour_needs_no_libtorch_and_writes_two_figures()
    {
        using var folder = new TempFolder();

        var tour = SelmProcess.RunWith([("SELM_TORCH_NATIVE", "/nowhere/libselm_torch.so")], "tour", "--out", folder.Root);

        Assert.Equal((0, ""), (tour.Code, tour.Error));
        Assert.Equal(["exploration-glance.svg", "figure1.svg"], folder.Names());
        Assert.All(folder.Names(), name => Assert.StartsWith("<svg ", File.ReadAllText(folder.File(name)), StringComparison.Ordinal));
        Assert.Contains("sign of the fit term", tour.Out, StringComparison.Ordinal);
        Assert.Contains("holds after repair", tour.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("does not hold", tour.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void a_named_experiment_writes_figures_tables_and_results_with_their_provenance_and_ends_with_claims()
    {
        using var folder = new TempFolder();

        var run = SelmProcess.Run("reproduce", "tables-audit", "theorem31", "figure1", "--scale", "smoke", "--out", folder.Root);

        Assert.Equal(0, run.Code);
        Assert.Contains("figure1 20/20", run.Error, StringComparison.Ordinal);
        Assert.Contains("figure1-unexplored", run.Out, StringComparison.Ordinal);
        Assert.Equal(["data", "figures"], folder.Names());
        Assert.True(File.Exists(folder.File("figures", "theorem31.svg")));
        Assert.True(File.Exists(folder.File("figures", "figure1.svg")));
        Assert.True(File.Exists(folder.File("data", "results", "theorem31.csv")));
        Assert.True(File.Exists(folder.File("data", "results", "tables-audit.json")));
        var result = JsonDocument.Parse(File.ReadAllText(folder.File("data", "results", "figure1.json"))).RootElement;
        Assert.Equal(("figure1", "smoke", 20), (result.GetProperty("name").GetString(), result.GetProperty("scale").GetString(), result.GetProperty("worlds").GetInt32()));
        Assert.NotEmpty(result.GetProperty("provenance").GetProperty("cpu").GetString()!);
        Assert.Equal(1, result.GetProperty("claims").GetArrayLength());
        Assert.Matches("^[0-9a-f]{64}$", result.GetProperty("claims_sha256").GetString());
    }

    [Fact]
    public void a_second_start_reads_what_is_finished_and_a_narrower_run_leaves_the_claims_alone()
    {
        using var folder = new TempFolder();
        string[] both = ["reproduce", "figure5-v3", "figure1", "--scale", "smoke", "--json", "--out", folder.Root];
        var results = folder.File("data", "results");

        var run = SelmProcess.Run(both);
        Assert.Equal((0, ""), (run.Code, run.Code == 0 ? "" : run.Error));
        var claims = JsonDocument.Parse(run.Out).RootElement.GetProperty("claims").EnumerateArray().ToArray();
        Assert.All(claims.Where(claim => claim.GetProperty("experiment").GetString() == "figure5-v3" && claim.GetProperty("scale").GetString() == "lab"),
            claim => Assert.Equal("preview (n = 1)", claim.GetProperty("verdict").GetString()));
        Assert.Contains(claims, claim => claim.GetProperty("verdict").GetString() == "not run");
        Assert.Contains("figure5-v3", File.ReadAllText(Path.Combine(results, "report.html")), StringComparison.Ordinal);
        var written = Directory.GetFiles(results).Order().ToDictionary(file => file, File.ReadAllText);
        Assert.Contains(Path.Combine(results, "claims.md"), written.Keys);

        // A finished cell that is gone would be computed again: with no place for models that fails.
        Directory.Delete(folder.File("data", "models"), recursive: true);
        File.WriteAllText(folder.File("data", "models"), "no folder");
        var again = SelmProcess.Run(both);
        Assert.Equal(run.Out, again.Out);
        Assert.DoesNotContain("lab cells", again.Error, StringComparison.Ordinal);

        var narrow = SelmProcess.Run("reproduce", "figure1", "--scale", "smoke", "--out", folder.Root);
        Assert.Contains("hold more experiments and stay as they are", narrow.Error, StringComparison.Ordinal);
        Assert.Equal(written[Path.Combine(results, "claims.md")], File.ReadAllText(Path.Combine(results, "claims.md")));
    }

    [Fact]
    public void redraw_needs_nothing_but_the_recording_and_says_when_it_was_made()
    {
        using var folder = new TempFolder();
        Assert.Equal(0, SelmProcess.Run("reproduce", "figure1", "theorem31", "--scale", "smoke", "--out", folder.Root).Code);
        Directory.Delete(folder.File("figures"), recursive: true);
        Directory.Delete(folder.File("data", "runs"), recursive: true);
        File.WriteAllText(folder.File("README.md"), "# Title\n\n<!-- results: written by ./selm reproduce --redraw -->\nstale numbers\n<!-- end of results -->\n\nend\n");

        var redraw = SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root);

        Assert.Equal((0, ""), (redraw.Code, redraw.Error));
        var words = Regex.Replace(Regex.Replace(File.ReadAllText(folder.File("figures", "figure1.svg")), "<[^>]*>", " "), @"\s+", " "); // the caption wraps
        Assert.Contains("Redrawn from the recording of ", words, StringComparison.Ordinal);
        var readme = File.ReadAllText(folder.File("README.md"));
        Assert.DoesNotContain("stale numbers", readme, StringComparison.Ordinal);
        Assert.Matches(@"\| theorem31 \| .* \| exact \| \d\.\de-\d\d \|  \| holds \|", readme);
        Assert.EndsWith("<!-- end of results -->\n\nend\n", readme, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("data", "runs")));
    }

    [Fact]
    public void records_of_another_version_or_by_other_rules_are_refused()
    {
        using var folder = new TempFolder();
        Assert.Equal(0, SelmProcess.Run("reproduce", "figure1", "--scale", "smoke", "--out", folder.Root).Code);
        var file = folder.File("data", "results", "figure1.json");
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"format\": 1", "\"format\": 7", StringComparison.Ordinal));
        SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root).Refused($"{file} has format 7 and this kit reads 1; run its experiment again with selm reproduce.");
        File.WriteAllText(file, text.Replace("\"claims_sha256\": \"", "\"claims_sha256\": \"0", StringComparison.Ordinal));
        SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root)
            .Refused($"{file} was judged by other rules than data/claims.yaml has now; run its experiment again with selm reproduce figure1.");
    }

    [Fact]
    public void every_experiment_runs_at_smoke_scale_and_judges_every_claim_that_a_cpu_can()
    {
        using var folder = new TempFolder();
        string[] all = ["tables-audit", "theorem31", "figure1", "exploration", "map", "table1", "table2", "figure2", "figure3", "figure4", "figure5-v3", "figure5-grid", "headroom"];

        var run = SelmProcess.Start([], ["reproduce", .. all, "--scale", "smoke", "--json", "--out", folder.Root]).Finish(minutes: 20);

        Assert.Equal((0, ""), (run.Code, run.Code == 0 ? "" : run.Error));
        Assert.All(all, name => Assert.True(File.Exists(folder.File("data", "results", $"{name}.json")), name));
        Assert.All(
            JsonDocument.Parse(run.Out).RootElement.GetProperty("claims").EnumerateArray().Where(claim => claim.GetProperty("scale").GetString() is "exact" or "paper-numbers" or "lab"),
            claim => Assert.NotEqual("not run", claim.GetProperty("verdict").GetString()));
    }

    [Fact]
    public void the_gpu_scale_runs_its_path_on_a_cpu_with_a_small_budget()
    {
        using var folder = new TempFolder();
        var run = SelmProcess.Run("reproduce", "figure2", "--scale", "gpu", "--budget", "smoke", "--json", "--out", folder.Root);
        Assert.Equal((0, ""), (run.Code, run.Code == 0 ? "" : run.Error));
        var row = JsonDocument.Parse(run.Out).RootElement.GetProperty("claims").EnumerateArray()
            .Single(claim => claim.GetProperty("id").GetString() == "figure2-selm-over-dpo" && claim.GetProperty("scale").GetString() == "gpu");
        Assert.Equal("preview (n = 1)", row.GetProperty("verdict").GetString());
    }

    [Fact]
    public void the_list_names_every_experiment()
    {
        var list = SelmProcess.Run("reproduce", "--list");

        Assert.Equal((0, ""), (list.Code, list.Error));
        Assert.All(new[] { "tables-audit", "theorem31", "figure1", "exploration", "map", "table1", "table2", "figure2", "figure3", "figure4", "figure5-v3", "figure5-grid", "headroom" }, name => Assert.Contains($"\n{name} ", list.Out, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("There is no experiment 'theorem3'; did you mean 'theorem31'? (selm reproduce --list shows all.)", "theorem3")]
    [InlineData("--scale must be smoke, lab or gpu but is 'huge'; selm reproduce --help shows examples.", "theorem31", "--scale", "huge")]
    [InlineData("--seeds must be a whole number, at least 0 but is '-1'; selm reproduce --help shows examples.", "map", "--seeds", "-1")]
    public void a_wrong_name_or_size_is_answered_in_one_sentence(string sentence, params string[] arguments) =>
        SelmProcess.Run(["reproduce", .. arguments]).Refused(sentence);
}
