using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Cli.Tests;

public class DemoTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    [Fact]
    public void make_demo_writes_a_model_a_ranker_100_pairs_and_a_recipe_that_names_them()
    {
        Assert.Equal((0, ""), (demo.Made.Code, demo.Made.Error));
        Assert.Contains("selm run --recipe", demo.Made.Out, StringComparison.Ordinal);
        Assert.Equal(100, PreferenceFile.Read(Path.Combine(demo.Root, "pairs.jsonl")).Records.Count);
        var recipe = Recipe.Read(Path.Combine(demo.Root, "recipe.yaml"));
        Assert.Equal((demo.Model, $"pairrm:{demo.Ranker}", 2), (recipe.Base, recipe.Ranker, recipe.Iterations));
        Assert.True(File.Exists(Assert.Single(recipe.Datasets)));
    }

    [Fact]
    public void the_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        using var folder = new TempFolder();
        DemoFolder.Write(folder.File("again"), 100, 42);
        DemoFolder.Write(folder.File("other"), 100, 43);

        foreach (var name in new[] { "model/model.safetensors", "model/tokenizer.json", "ranker/model.safetensors", "ranker/spm.model", "pairs.jsonl" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(demo.Root, name)), File.ReadAllBytes(folder.File("again", name)));
        }
        Assert.NotEqual(File.ReadAllBytes(folder.File("again", "model/model.safetensors")), File.ReadAllBytes(folder.File("other", "model/model.safetensors")));
    }

    [Fact]
    public void a_folder_that_cannot_be_made_is_named()
    {
        using var folder = new TempFolder();

        var run = SelmProcess.Run("make-demo", Path.Combine(folder.Write("file", ""), "demo"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith(folder.File("file", "demo", "model"), run.Error, StringComparison.Ordinal);
    }
}
