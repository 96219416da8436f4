using System.Text.Json;
using System.Text.RegularExpressions;

namespace Selm.Cli.Tests;

public class ReproduceTests
{
    [Fact]
    public void the_tour_needs_no_libtorch_and_writes_two_figures()
    {
        using var folder = new TempFolder();

        var tour = SelmProcess.RunWith([("SELM_LIBTORCH", "/nowhere/torch")], "tour", "--out", folder.Root);

        Assert.Equal((0, ""), (tour.Code, tour.Error));
        Assert.Equal(["exploration-glance.svg", "figure1.svg"], folder.Names());
        Assert.All(folder.Names(), name => Assert.StartsWith("<svg ", File.ReadAllText(folder.File(name)), StringComparison.Ordinal));
        Assert.Contains("sign of the fit term", tour.Out, StringComparison.Ordinal);
        Assert.Contains("does not hold as printed; holds as repaired", tour.Out, StringComparison.Ordinal);
        Assert.DoesNotMatch("does not hold(?! as printed)", tour.Out);
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
        Assert.All(Directory.GetFiles(folder.File("figures")), file => Assert.Contains(">Preview", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.Contains($"A preview: figures are in {folder.File("figures")}; tables, claims.md and report.html in {folder.File("data", "results")}.", run.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.File("data", "results", "theorem31.csv")));
        Assert.True(File.Exists(folder.File("data", "results", "tables-audit.json")));
        var result = JsonDocument.Parse(File.ReadAllText(folder.File("data", "results", "figure1.json"))).RootElement;
        Assert.Equal(("figure1", "smoke", 20), (result.GetProperty("name").GetString(), result.GetProperty("scale").GetString(), result.GetProperty("worlds").GetInt32()));
        Assert.NotEmpty(result.GetProperty("provenance").GetProperty("cpu").GetString()!);
        Assert.Equal(1, result.GetProperty("claims").GetArrayLength());
        Assert.Matches("^[0-9a-f]{64}$", result.GetProperty("claims_sha256").GetString());
    }

    [Fact]
    public void a_second_start_reads_what_is_finished_and_a_narrower_run_keeps_the_claims_of_the_wider_one()
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
        Assert.Equal(0, narrow.Code);
        Assert.DoesNotContain("figure5-v3", narrow.Out, StringComparison.Ordinal);
        Assert.Equal(written[Path.Combine(results, "claims.md")], File.ReadAllText(Path.Combine(results, "claims.md")));
        Assert.Equal(written[Path.Combine(results, "report.html")], File.ReadAllText(Path.Combine(results, "report.html")));

        File.WriteAllText(Path.Combine(results, "figure5-v3.json"), "{}");
        var alone = SelmProcess.Run("reproduce", "figure1", "--scale", "smoke", "--out", folder.Root);
        Assert.Contains($"{Path.Combine(results, "figure5-v3.json")} was made at another scale or by another version; it is not in claims.md and report.html.", alone.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("| figure5-v3", File.ReadAllText(Path.Combine(results, "claims.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void redraw_needs_nothing_but_the_recording_and_says_when_it_was_made()
    {
        using var folder = new TempFolder();
        var readme = folder.Write("README.md", "# Title\n\n<!-- results: written by ./selm reproduce --redraw -->\nstale numbers\n<!-- end of results -->\n\nend\n");
        var record = SelmProcess.Run("reproduce", "tables-audit", "theorem31", "--record", "--out", folder.Root);
        Assert.Equal(0, record.Code);
        Assert.Contains("Recorded: figures are in ", record.Out, StringComparison.Ordinal);
        var text = File.ReadAllText(readme);
        Assert.DoesNotContain("stale numbers", text, StringComparison.Ordinal);
        Assert.Matches(@"\| theorem31-display \| .* \| exact \| \d\.\de-\d\d \|  \| holds as printed \|", text);
        Assert.EndsWith("<!-- end of results -->\n\nend\n", text, StringComparison.Ordinal);
        var drawn = File.ReadAllText(folder.File("figures", "theorem31.svg"));
        Directory.Delete(folder.File("figures"), recursive: true);
        Directory.Delete(folder.File("data", "runs"), recursive: true);
        File.WriteAllText(readme, text.Replace("| holds |", "| stale |", StringComparison.Ordinal));

        var redraw = SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root);

        Assert.Equal((0, ""), (redraw.Code, redraw.Error));
        Assert.Contains("Redrawn from the recording of ", Regex.Replace(Regex.Replace(drawn, "<[^>]*>", " "), @"\s+", " "), StringComparison.Ordinal); // the caption wraps
        Assert.Equal(drawn, File.ReadAllText(folder.File("figures", "theorem31.svg")));
        Assert.Equal(text, File.ReadAllText(readme));
        Assert.False(Directory.Exists(folder.File("data", "runs")));
    }

    [Fact]
    public void redraw_never_writes_the_numbers_of_a_preview_into_README()
    {
        using var folder = new TempFolder();
        var readme = folder.Write("README.md", "<!-- results: written by ./selm reproduce --redraw -->\nnumbers of the recording\n<!-- end of results -->\n");
        Assert.Equal(0, SelmProcess.Run("reproduce", "tables-audit", "--scale", "smoke", "--out", folder.Root).Code);

        var redraw = SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root);

        Assert.Equal((0, $"{readme} stays as it is: {folder.File("data", "results", "tables-audit.json")} is a preview and no recording.\n"), (redraw.Code, redraw.Error));
        Assert.Contains("numbers of the recording", File.ReadAllText(readme), StringComparison.Ordinal);
    }

    [Fact]
    public void records_of_another_version_are_refused_and_those_of_other_rules_are_judged_again()
    {
        using var folder = new TempFolder();
        Assert.Equal(0, SelmProcess.Run("reproduce", "figure1", "--scale", "smoke", "--out", folder.Root).Code);
        var file = folder.File("data", "results", "figure1.json");
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"format\": 1", "\"format\": 7", StringComparison.Ordinal));
        SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root).Refused($"{file} has format 7 and this kit reads 1; run its experiment again with selm reproduce.");
        File.WriteAllText(file, text.Replace("\"claims_sha256\": \"", "\"claims_sha256\": \"0", StringComparison.Ordinal));
        Assert.Equal(0, SelmProcess.Run("reproduce", "--redraw", "--out", folder.Root).Code);
        Assert.Equal(text, File.ReadAllText(file));
    }

    [Theory]
    [InlineData("--record needs at least 10 seeds, since fewer judge nothing; give --seeds 10 or more, or leave --record out for a preview.", "table1", "--record")]
    [InlineData("--record needs at least 10 seeds, since fewer judge nothing; give --seeds 10 or more, or leave --record out for a preview.", "table1", "--record", "--seeds", "40", "--headline-seeds", "9")]
    [InlineData("--record writes the recording, which is of scale lab with its full budget and seeds from 2000; leave --record out for a preview.", "figure1", "--record", "--scale", "smoke")]
    [InlineData("--record writes the recording, which is of scale lab with its full budget and seeds from 2000; leave --record out for a preview.", "--record", "--budget", "smoke")]
    [InlineData("--redraw runs nothing and draws the whole recording again; leave out --record.", "--redraw", "--record")]
    [InlineData("--redraw runs nothing and draws the whole recording again; leave out figure1.", "--redraw", "figure1")]
    public void what_cannot_be_a_recording_is_refused_before_anything_is_written(string sentence, params string[] arguments)
    {
        using var folder = new TempFolder();
        SelmProcess.Run(["reproduce", .. arguments, "--out", folder.Root]).Refused(sentence);
        Assert.Empty(folder.Names());
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
