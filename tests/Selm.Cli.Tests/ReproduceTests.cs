using System.Text.Json;

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

        var run = SelmProcess.Run("reproduce", "tables-audit", "theorem31", "figure4", "--scale", "smoke", "--out", folder.Root);

        Assert.Equal(0, run.Code);
        Assert.Contains("figure4, tabular 20/20", run.Error, StringComparison.Ordinal);
        Assert.Contains("figure4-tabular-chosen-150", run.Out, StringComparison.Ordinal);
        Assert.Equal(["data", "figures"], folder.Names());
        Assert.True(File.Exists(folder.File("figures", "theorem31.svg")));
        Assert.True(File.Exists(folder.File("figures", "figure4-exact.svg")));
        Assert.True(File.Exists(folder.File("data", "results", "theorem31.csv")));
        Assert.True(File.Exists(folder.File("data", "results", "tables-audit.json")));
        var result = JsonDocument.Parse(File.ReadAllText(folder.File("data", "results", "figure4.json"))).RootElement;
        Assert.Equal(("figure4", "smoke", 20), (result.GetProperty("name").GetString(), result.GetProperty("scale").GetString(), result.GetProperty("worlds").GetInt32()));
        Assert.NotEmpty(result.GetProperty("provenance").GetProperty("cpu").GetString()!);
        Assert.Equal(8, result.GetProperty("claims").GetArrayLength());
    }

    [Fact]
    public void seeds_set_the_number_of_worlds_and_few_make_a_preview()
    {
        using var folder = new TempFolder();

        var run = SelmProcess.Run("reproduce", "figure4", "--seeds", "3", "--json", "--out", folder.Root);

        Assert.Equal(0, run.Code);
        Assert.All(JsonDocument.Parse(run.Out).RootElement.GetProperty("claims").EnumerateArray(), claim => Assert.Equal("preview (n = 3)", claim.GetProperty("verdict").GetString()));
    }

    [Fact]
    public void the_list_names_every_experiment()
    {
        var list = SelmProcess.Run("reproduce", "--list");

        Assert.Equal((0, ""), (list.Code, list.Error));
        Assert.All(new[] { "tables-audit", "theorem31", "figure1", "figure4", "exploration", "map" }, name => Assert.Contains($"\n{name} ", list.Out, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("There is no experiment 'theorem3'; did you mean 'theorem31'? (selm reproduce --list shows all.)", "theorem3")]
    [InlineData("--scale must be smoke or lab but is 'huge'; selm reproduce --help shows examples.", "theorem31", "--scale", "huge")]
    [InlineData("--seeds must be a whole number, at least 0 but is '-1'; selm reproduce --help shows examples.", "map", "--seeds", "-1")]
    public void a_wrong_name_or_size_is_answered_in_one_sentence(string sentence, params string[] arguments) =>
        SelmProcess.Run(["reproduce", .. arguments]).Refused(sentence);
}
