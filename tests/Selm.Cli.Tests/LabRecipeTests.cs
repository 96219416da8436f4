using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>Recipes that are named, and recipes that start from the lab: lab-quick with the smoke budget.</summary>
public class LabRecipeTests
{
    private static readonly string quick = File.ReadAllText(Path.Combine(Golden.Root, "data", "recipes", "lab-quick.yaml"));

    private static readonly string smoke = quick
        .Replace("scale: lab\n", "scale: smoke\n", StringComparison.Ordinal)
        .Replace("checkpoint_every: 8", "checkpoint_every: 1", StringComparison.Ordinal);

    [Fact]
    public void a_lab_run_shows_true_rewards_and_one_that_was_killed_ends_with_the_same_bytes()
    {
        using var folder = new TempFolder();
        using var other = new TempFolder();
        var (recipe, run, killed) = (folder.Write("smoke.yaml", smoke), folder.File("data", "runs", "lab-quick"), other.File("data", "runs", "lab-quick"));

        var json = SelmProcess.StartIn(folder.Root, "run", "--recipe", "smoke.yaml", "--json").Finish();

        Assert.True(json.Code == 0, json.Error);
        var result = JsonDocument.Parse(json.Out).RootElement;
        Assert.Equal(Path.Combine("data", "runs", "lab-quick"), result.GetProperty("run").GetString());
        var answers = result.GetProperty("answers").EnumerateArray().ToArray();
        Assert.Equal(5, answers.Length);
        foreach (var when in new[] { "before", "after" })
        {
            var rewards = answers.Select(answer => LabReward.Of(
                LabLanguage.Standard, LabPrompt.Read(LabLanguage.Standard, answer.GetProperty("prompt").GetString()!), answer.GetProperty(when).GetString()!)).ToArray();
            Assert.Equal(rewards, answers.Select(answer => answer.GetProperty("true_reward").GetProperty(when).GetDouble()));
            Assert.Equal(rewards.Average(), result.GetProperty("mean_true_reward").GetProperty(when).GetDouble(), 12);
        }
        Assert.Equal(4 * 64, File.ReadLines(Directory.GetFiles(folder.File("data", "models", "lab"), "lab-pairs-100-*.jsonl").Single()).Count());

        // The same command again only reads, and the words say what the JSON said.
        var files = Files(run);
        var text = SelmProcess.StartIn(folder.Root, "run", "--recipe", "smoke.yaml", "--resume").Finish();
        Assert.Equal(0, text.Code);
        Assert.DoesNotContain("training", text.Error, StringComparison.Ordinal);
        Assert.Equal(files, Files(run));
        var mean = result.GetProperty("mean_true_reward");
        Assert.Contains(
            FormattableString.Invariant($"mean true reward of these 5: {mean.GetProperty("before").GetDouble():0.00} before, {mean.GetProperty("after").GetDouble():0.00} after\n"), text.Out, StringComparison.Ordinal);

        // Elsewhere, with a base model of its own.
        var running = SelmProcess.StartIn(other.Root, "run", "--recipe", recipe);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(killed, "iteration-1", "responses.jsonl")), 60_000));
        running.Signal("KILL");
        running.Finish();
        Assert.Equal(0, SelmProcess.StartIn(other.Root, "run", "--recipe", recipe).Finish().Code);
        foreach (var name in new[] { "run.json", "model/model.safetensors", "iteration-3/preferences.jsonl", "metrics.jsonl", "answers.jsonl" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(run, name)), File.ReadAllBytes(Path.Combine(killed, name)));
        }
    }

    [Fact]
    public void lab_quick_has_the_numbers_of_the_labs_oracle_setting()
    {
        var recipe = KitRecipes.Read("lab-quick");

        Assert.Equal(("selm", 0.3, 0.001, 4e-4, 0.2), (recipe.Method, recipe.Loss.Beta!.Value, recipe.Loss.Alpha!.Value, recipe.Optimizer.LearningRate, recipe.LastIterationLrFactor));
        Assert.Equal((4, 4, true, 32), (recipe.Iterations, recipe.Portions, recipe.FirstIterationIsDpo, recipe.BatchSize * recipe.GradientAccumulation));
        Assert.Equal(("lab:100", "lab:100", "oracle:lab-noisy:100"), (recipe.Base, Assert.Single(recipe.Datasets), recipe.Ranker));
    }

    [Fact]
    public void every_recipe_of_the_kit_is_found_by_its_name()
    {
        Assert.Contains("lab-quick", KitRecipes.Names());
        Assert.Contains("zephyr-selm", KitRecipes.Names());
        Assert.All(KitRecipes.Names(), name => Assert.Equal(name, KitRecipes.Read(name).Name));
    }

    [Fact]
    public void an_unknown_name_is_answered_with_the_nearest_and_all_names()
    {
        using var folder = new TempFolder();

        SelmProcess.StartIn(folder.Root, "run", "--recipe", "lab-quik").Finish().Refused(
            $"There is no recipe 'lab-quik'; did you mean 'lab-quick' (it is one of {string.Join(", ", KitRecipes.Names())}; a file of yours is named with its path or .yaml)?");
        Assert.Empty(folder.Names());
    }

    [Theory]
    [InlineData("base: lab:100", "base: lab:x", "'lab:x' under base of the recipe must end in a seed, a whole number >= 0; write lab:100, for example.")]
    [InlineData("datasets: [lab:100]", "datasets: ['lab:']", "'lab:' under datasets of the recipe must end in a seed, a whole number >= 0; write lab:100, for example.")]
    [InlineData("scale: lab", "scale: paper", "The recipe lab-quick takes its model or its data from the lab (lab:SEED) but says scale: paper; write scale: lab, or smoke.")]
    public void a_lab_source_that_means_nothing_is_refused_before_anything_is_made(string line, string wrong, string sentence)
    {
        using var folder = new TempFolder();
        folder.Write("r.yaml", quick.Replace(line, wrong, StringComparison.Ordinal));

        SelmProcess.StartIn(folder.Root, "run", "--recipe", "r.yaml").Finish().Refused(sentence);
        Assert.Equal(["r.yaml"], folder.Names());
    }

    private static (string Name, string Hash)[] Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(path => (path, ContentHash.OfFile(path)))];
}
