using System.Text.Json;

namespace Selm.Cli.Tests;

/// <summary>Whole runs on the demo, as a user starts, interrupts and continues them.</summary>
public class SelmRunTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    private string Recipe => Path.Combine(demo.Root, "recipe.yaml");

    [Fact]
    public void a_run_that_was_interrupted_goes_on_and_ends_with_the_same_bytes()
    {
        using var folder = new TempFolder();
        var (whole, parts) = (folder.File("whole"), folder.File("parts"));
        var uninterrupted = SelmProcess.Run("run", "--recipe", Recipe, "--out", whole, "--json");
        Assert.Equal(0, uninterrupted.Code);
        Assert.Equal(5, JsonDocument.Parse(uninterrupted.Out).RootElement.GetProperty("answers").GetArrayLength());

        var running = SelmProcess.Start([], "run", "--recipe", Recipe, "--out", parts, "--json");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(parts, "metrics.jsonl")), 30_000));
        running.Signal("INT");
        var interrupted = running.Finish();
        Assert.Equal((130, ""), (interrupted.Code, interrupted.Out));
        Assert.EndsWith("Interrupted; what was finished is kept, nothing is half-written.\n", interrupted.Error, StringComparison.Ordinal);
        Assert.Contains(": demo (selm), stopped\n", SelmProcess.Run("status", parts).Out, StringComparison.Ordinal);
        Assert.Equal(0, SelmProcess.Run("run", "--recipe", Recipe, "--out", parts, "--resume").Code);

        Assert.Contains(": demo (selm), finished\n", SelmProcess.Run("status", parts).Out, StringComparison.Ordinal);
        foreach (var name in new[] { "model/model.safetensors", "iteration-1/preferences.jsonl", "metrics.jsonl", "answers.jsonl" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, name)), File.ReadAllBytes(Path.Combine(parts, name)));
        }
    }

    [Fact]
    public void a_run_that_was_killed_again_and_again_ends_with_the_same_bytes()
    {
        using var folder = new TempFolder();
        var (whole, parts) = (folder.File("whole"), folder.File("parts"));
        Assert.Equal(0, SelmProcess.Run("run", "--recipe", Recipe, "--out", whole).Code);

        // Wherever SIGKILL lands after these files have appeared; a later one may come too late, which changes nothing.
        foreach (var sign in new[] { "run.json", "iteration-0/responses.jsonl", "iteration-0/checkpoints/checkpoint.json", "iteration-1/ranks.jsonl", "iteration-1/model/config.json" })
        {
            var running = SelmProcess.Start([], "run", "--recipe", Recipe, "--out", parts);
            Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(parts, sign)) || File.Exists(Path.Combine(parts, "answers.jsonl")), 60_000), sign);
            running.Signal("KILL");
            running.Finish();
        }
        Assert.Equal(0, SelmProcess.Run("run", "--recipe", Recipe, "--out", parts).Code);

        foreach (var name in new[] { "model/model.safetensors", "iteration-0/responses.jsonl", "iteration-1/preferences.jsonl", "metrics.jsonl", "answers.jsonl" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, name)), File.ReadAllBytes(Path.Combine(parts, name)));
        }
    }

    [Fact]
    public void train_writes_weights_that_generate_loads()
    {
        using var folder = new TempFolder();
        var recipe = folder.Write("dpo.yaml", "loss: {kind: dpo, beta: 0.1}\nbatch_size: 10\ngradient_accumulation: 1\nmax_length: 160\nmax_prompt_length: 96\nmax_new_tokens: 8\nthreads: 1\n");

        var train = SelmProcess.Run("train", "--model", demo.Model, "--data", Path.Combine(demo.Root, "pairs.jsonl"), "--recipe", recipe, "--out", folder.File("run"));

        Assert.Equal(0, train.Code);
        var generate = SelmProcess.Run(
            "generate", "--model", folder.File("run", "model"), "--input", folder.Write("in.jsonl", """{"prompt": "Hi"}"""), "--output", folder.File("out.jsonl"), "--max-new-tokens", "2");
        Assert.Equal((0, ""), (generate.Code, generate.Out));
    }

    [Fact]
    public void a_training_that_runs_away_is_one_sentence_with_exit_code_3_and_claims_no_checkpoint()
    {
        using var folder = new TempFolder();
        var recipe = folder.Write("dpo.yaml", "loss: {kind: dpo, beta: 0.1}\nbatch_size: 10\ngradient_accumulation: 1\nmax_length: 160\nmax_prompt_length: 96\nmax_new_tokens: 8\nthreads: 1\noptimizer: {learning_rate: 1.0e+30}\n");

        var train = SelmProcess.Run("train", "--model", demo.Model, "--data", Path.Combine(demo.Root, "pairs.jsonl"), "--recipe", recipe, "--out", folder.File("run"));

        Assert.Equal((3, ""), (train.Code, train.Out));
        Assert.Matches(@"\nStep \d+ of 10 \(iteration 0\): the loss is \S+ and the gradient norm \S+ for [^;]+; lower the learning rate \(1E\+30\) or alpha; no checkpoint was written\.\n$", train.Error);
    }

    [Fact]
    public void a_recipe_with_an_unknown_key_names_the_nearest_and_the_line_and_makes_no_folder()
    {
        using var folder = new TempFolder();
        var recipe = folder.Write("r.yaml", "name: x\nbatchsize: 4\n");

        var run = SelmProcess.Run("run", "--recipe", recipe, "--out", folder.File("run"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith($"{recipe} line 2: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("batch_size", run.Error, StringComparison.Ordinal);
        Assert.Equal(["r.yaml"], folder.Names());
    }

    [Theory]
    [InlineData("ranker: foo", "There is no ranker 'foo'; ")]
    [InlineData("portions: 1000", "100 pairs cannot be cut into 1000 portions; give more pairs or fewer portions.")]
    [InlineData("method: dpo", "but method dpo has no optimism; set loss: {kind: dpo} or take method: selm.")]
    [InlineData("method: iterative-dpo", "but method iterative-dpo has no optimism; set loss: {kind: dpo} or take method: selm.")]
    [InlineData("batch_size: 2147483647", "batch_size must be from 1 to 65536.")]
    public void a_mistyped_recipe_makes_no_folder_so_that_the_corrected_one_runs(string line, string sentence)
    {
        using var folder = new TempFolder();
        var key = line[..line.IndexOf(' ', StringComparison.Ordinal)];
        var recipe = folder.Write("r.yaml", string.Join('\n', File.ReadLines(Recipe).Select(old => old.StartsWith(key, StringComparison.Ordinal) ? line : old)));

        var run = SelmProcess.Run("run", "--recipe", recipe, "--out", folder.File("run"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains(sentence, run.Error, StringComparison.Ordinal);
        Assert.Equal(["r.yaml"], folder.Names());
    }

    [Fact]
    public void steps_batch_and_rates_are_printed_before_the_training_and_answers_without_a_ranker_carry_no_score()
    {
        using var folder = new TempFolder();
        var recipe = folder.Write("dpo.yaml", "loss: {kind: dpo, beta: 0.1}\nmax_length: 160\nmax_prompt_length: 96\nmax_new_tokens: 8\nthreads: 1\n");

        var train = SelmProcess.Run("train", "--model", demo.Model, "--data", Path.Combine(demo.Root, "pairs.jsonl"), "--recipe", recipe, "--out", folder.File("run"));

        Assert.Equal(0, train.Code);
        Assert.StartsWith(
            "iteration 0: 100 pairs, 1 step of up to 256 (batch_size 8 x gradient_accumulation 32), learning rate 5E-07; fewer than a step holds: a lower gradient_accumulation gives more steps\n",
            train.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("(0)", train.Out, StringComparison.Ordinal);
        Assert.Contains("\n  before: ", train.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void a_folder_that_cannot_be_and_folders_in_place_of_files_are_one_sentence()
    {
        using var folder = new TempFolder();
        var file = folder.Write("file", "x");

        SelmProcess.Run("run", "--recipe", Recipe, "--out", file).Refused($"{file} is a file; choose another name for the folder of the run.");
        var under = SelmProcess.Run("run", "--recipe", Recipe, "--out", Path.Combine(file, "run"));
        Assert.Equal((2, ""), (under.Code, under.Out));
        Assert.DoesNotContain("Unexpected", under.Error, StringComparison.Ordinal);
        SelmProcess.Run("run", "--recipe", folder.Root, "--out", folder.File("run"))
            .Refused($"{folder.Root} is a folder, not a file; give the path of a recipe such as data/recipes/demo.yaml.");
        SelmProcess.Run("train", "--model", demo.Model, "--data", folder.Root, "--recipe", Recipe, "--out", folder.File("run"))
            .Refused($"{folder.Root} is a folder, not a file; give the path of a readable JSONL file.");
        Assert.Equal(["file"], folder.Names());
    }

    [Fact]
    public void resuming_a_run_that_is_not_there_is_refused()
    {
        using var folder = new TempFolder();

        SelmProcess.Run("run", "--recipe", Recipe, "--out", folder.File("run"), "--resume")
            .Refused($"{folder.File("run")} holds no run to resume (there is no run.json); check the path or leave --resume away.");
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void continuing_with_another_recipe_is_refused_with_the_difference()
    {
        using var folder = new TempFolder();
        var run = SelmProcess.Start([], "run", "--recipe", Recipe, "--out", folder.File("run"));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(folder.File("run", "run.json")), 30_000));
        run.Signal("KILL");
        run.Finish();
        var other = folder.Write("other.yaml", File.ReadAllText(Recipe).Replace("seed: 42", "seed: 43", StringComparison.Ordinal));

        SelmProcess.Run("run", "--recipe", other, "--out", folder.File("run"))
            .Refused($"{folder.File("run")} was started with another recipe (seed: 42 -> 43); give the recipe it was started with or choose another folder.");
    }
}
