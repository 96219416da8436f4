using System.Text.Json;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Runs;

public class RecipeTests
{
    private static string Message(string yaml) => Assert.Throws<InputException>(() => Recipe.Parse(yaml, "r.yaml")).Message;

    public static TheoryData<string> Files() =>
        [.. Directory.GetFiles(Path.Combine(Golden.Root, "data", "recipes"), "*.yaml").Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(Files))]
    public void every_recipe_of_the_kit_reads_and_survives_a_round_trip(string file)
    {
        var recipe = Recipe.Read(Path.Combine(Golden.Root, "data", "recipes", file));
        Assert.Equal(Path.GetFileNameWithoutExtension(file), recipe.Name);
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToYaml(), "copy").ToJson());
    }

    [Fact]
    public void the_paper_recipes_carry_the_published_numbers()
    {
        Recipe Read(string name) => Recipe.Read(Path.Combine(Golden.Root, "data", "recipes", name + ".yaml"));
        var (zephyr, llama) = (Read("zephyr-selm"), Read("llama3-selm"));
        Assert.Equal((0.01, 0.001, 256, 61135 / 4), (zephyr.Loss.Beta!.Value, zephyr.Loss.Alpha!.Value, zephyr.BatchSize * zephyr.GradientAccumulation, 61135 / zephyr.Portions));
        Assert.Equal((0.01, 0.0001, 128, 20378), (llama.Loss.Beta!.Value, llama.Loss.Alpha!.Value, llama.BatchSize * llama.GradientAccumulation, 61135 / llama.Portions));
        Assert.Equal([5e-7, 5e-7, 5e-7, 1e-7], Enumerable.Range(0, zephyr.Iterations).Select(zephyr.LearningRateOf));
        Assert.Equal([5e-7, 3e-7, 1e-7], Enumerable.Range(0, llama.Iterations).Select(llama.LearningRateOf));
        foreach (var (selm, dpo) in new[] { (zephyr, Read("zephyr-dpo")), (llama, Read("llama3-dpo")) })
        {
            // The baseline differs from SELM in the method and the bonus only.
            Assert.Equal(0, dpo.Loss.Alpha);
            Assert.Equal(selm.ToJson(), (dpo with { Name = selm.Name, Method = selm.Method, Loss = selm.Loss }).ToJson());
        }
    }

    [Theory]
    [InlineData("zephyr-selm")]
    [InlineData("zephyr-dpo")]
    [InlineData("llama3-selm")]
    [InlineData("llama3-dpo")]
    [InlineData("phi3-selm")]
    public void a_paper_recipe_holds_six_bytes_a_weight_and_its_lora_form_differs_in_what_it_says_it_does(string name)
    {
        Recipe Read(string of) => Recipe.Read(Path.Combine(Golden.Root, "data", "recipes", of + ".yaml"));
        var (full, lora) = (Read(name), Read(name + "-lora"));
        Assert.Equal((false, Precision.Bf16, MomentsPlace.Host, Precision.Bf16, true), (full.Optimizer.MasterWeights, full.Optimizer.Moments, full.Optimizer.MomentsOn, full.Precision, full.ActivationCheckpointing));
        Assert.Equal(full.BatchSize * full.GradientAccumulation, lora.BatchSize * lora.GradientAccumulation);
        Assert.All(Enumerable.Range(0, full.Iterations), t => Assert.Equal(10 * full.LearningRateOf(t), lora.LearningRateOf(t), 1e-12));
        Assert.Equal((16, 32.0, "all-linear"), (lora.Adapter!.Rank, lora.Adapter.Alpha, lora.Adapter.TargetModules.Single()));
        Assert.Equal(full.ToJson(), (lora with
        {
            Name = full.Name, Adapter = null, Optimizer = full.Optimizer, IterationLearningRates = full.IterationLearningRates, BatchSize = full.BatchSize, GradientAccumulation = full.GradientAccumulation,
        }).ToJson());
    }

    [Theory]
    [InlineData("optimizer:\n  master_weights: false", "r.yaml line 2: optimizer.master_weights is false, which goes with precision: bf16 alone: fp32 weights have no copy to leave out.")]
    [InlineData("precision: bf16\noptimizer:\n  name: sgd\n  master_weights: false", "r.yaml line 4: optimizer.master_weights is false, which goes with optimizer.name: adamw alone, whose step is rounded stochastically.")]
    [InlineData("optimizer: {name: rmsprop, moments: bf16}", "r.yaml line 1: optimizer.moments is bf16, which goes with optimizer.name: adamw alone.")]
    [InlineData("optimizer: {name: rmsprop, moments_on: host}", "r.yaml line 1: optimizer.moments_on is host, which goes with optimizer.name: adamw alone.")]
    [InlineData("optimizer:\n  update_in_backward: true", "r.yaml line 2: optimizer.update_in_backward does not go with max_grad_norm, which needs the norm of the whole gradient before the first weight moves; write max_grad_norm: 0 or leave update_in_backward out.")]
    [InlineData("max_grad_norm: 0\noptimizer:\n  update_in_backward: true", "r.yaml line 3: optimizer.update_in_backward does not go with gradient_accumulation above 1, whose sum is a whole gradient; write gradient_accumulation: 1 or leave update_in_backward out.")]
    [InlineData("max_grad_norm: null\ngradient_accumulation: 1\noptimizer:\n  update_in_backward: true", "r.yaml line 4: optimizer.update_in_backward goes with activation_checkpointing: true alone, whose backward pass ends block by block.")]
    public void keys_that_exclude_each_other_are_refused_in_one_sentence_that_names_both(string yaml, string message) => Assert.Equal(message, Message(yaml));

    [Fact]
    public void all_keys_that_save_memory_may_stand_together()
    {
        var recipe = Recipe.Parse(
            "precision: bf16\nactivation_checkpointing: true\nmax_grad_norm: 0\ngradient_accumulation: 1\noptimizer: {master_weights: false, moments: bf16, moments_on: host, update_in_backward: true}", "r.yaml");
        Assert.True(recipe.Optimizer is { MasterWeights: false, Moments: Precision.Bf16, MomentsOn: MomentsPlace.Host, UpdateInBackward: true });
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToYaml(), "copy").ToJson());
    }

    [Theory]
    [InlineData("target_modules: all-linear", "all-linear")]
    [InlineData("target_modules: [q_proj, v_proj]", "q_proj v_proj")]
    [InlineData("rank: 8", "")]
    public void an_adapter_names_its_layers_by_one_word_or_a_list(string line, string modules)
    {
        var recipe = Recipe.Parse($"adapter:\n  rslora: true\n  {line}\n", "r.yaml");
        Assert.Equal(modules, string.Join(' ', recipe.Adapter!.TargetModules));
        Assert.True(recipe.Adapter.Rslora);
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToYaml(), "copy").ToJson());
        Assert.Null(Recipe.Parse("adapter: null\n", "r.yaml").Adapter);
    }

    [Fact]
    public void an_unknown_key_is_told_with_line_and_nearest_name()
    {
        Assert.Equal("r.yaml line 2: unknown key 'max_lenght'; did you mean 'max_length'?", Message("name: x\nmax_lenght: 5\n"));
        Assert.Equal("r.yaml line 3: loss.betta is no parameter of the loss 'selm' (it has beta, alpha); did you mean 'loss.beta'.", Message("loss:\n  alpha: 0.1\n  betta: 5\n"));
    }

    [Theory]
    [InlineData("iterations: three", "r.yaml line 1: iterations must be a whole number but is 'three'.")]
    [InlineData("iterations: 2.5", "r.yaml line 1: iterations must be a whole number but is '2.5'.")]
    [InlineData("loss:\n  beta: 0,01", "r.yaml line 2: loss.beta must be a finite number but is '0,01'.")]
    [InlineData("loss:\n  beta: .nan", "r.yaml line 2: loss.beta must be a finite number but is '.nan'.")]
    [InlineData("loss: 3", "r.yaml line 1: loss must be a list of 'key: value' lines.")]
    [InlineData("keep_data: yes", "r.yaml line 1: keep_data must be true or false but is 'yes'.")]
    [InlineData("datasets: a.jsonl", "r.yaml line 1: datasets must be a list such as [a, b], each element text, but is 'a.jsonl'.")]
    [InlineData("name:", "r.yaml line 1: name must be text but is ''.")]
    [InlineData("adapter: 3", "r.yaml line 1: adapter must be a list of 'key: value' lines.")]
    [InlineData("adapter:\n  rank: 0", "r.yaml line 2: adapter.rank must be from 1 to 65536.")]
    [InlineData("adapter:\n  path: a\n  rank: 8", "r.yaml line 3: adapter.rank must be left out beside adapter.path, whose adapter_config.json says it.")]
    [InlineData("method: explicit-reward\nadapter:\n  rank: 8", "r.yaml line 2: adapter does not go with method explicit-reward, whose reward model is a whole copy of the base.")]
    [InlineData("update_rule: best-wurst", "r.yaml line 1: 'best-wurst' is not a value of update_rule; did you mean 'best-worst' (it is one of best-worst, replace)?")]
    [InlineData("batch_size: 2147483647", "r.yaml line 1: batch_size must be from 1 to 65536.")]
    [InlineData("gradient_accumulation: 2147483647", "r.yaml line 1: gradient_accumulation must be from 1 to 65536.")]
    [InlineData("epochs: 2147483647", "r.yaml line 1: epochs must be from 1 to 65536.")]
    [InlineData("max_new_tokens: 2147483647", "r.yaml line 1: max_new_tokens must be from 1 to 1048576.")]
    [InlineData("threads: 2147483647", "r.yaml line 1: threads must be from 0 to 4096.")]
    [InlineData("\nmethod: slem", "r.yaml line 2: method is 'slem', which is not one of selm, dpo, iterative-dpo, stepwise-dpo, xpo, vpo, spin, sppo, dno, explicit-reward, train; did you mean 'selm'.")]
    [InlineData("loss:\n  beta: 0", "r.yaml line 2: loss.beta must be above 0.")]
    [InlineData("max_length: 100", "r.yaml line 1: max_length must exceed max_prompt_length, or no response fits.")]
    [InlineData("iteration_learning_rates: [1e-3]", "r.yaml line 1: iteration_learning_rates must name one rate for each iteration.")]
    [InlineData("optimizer:\n  betas: [0.9, x]", "r.yaml line 2: optimizer.betas must be a list, each element a finite number, but is 'x'.")]
    public void a_wrong_value_is_told_with_line_and_key(string yaml, string message) => Assert.Equal(message, Message(yaml));

    [Fact]
    public void broken_yaml_and_missing_files_are_one_sentence()
    {
        Assert.StartsWith("r.yaml line 2: not valid YAML (", Message("name: x\n  beta: [1\n"), StringComparison.Ordinal);
        Assert.StartsWith("r.yaml is empty", Message("# nothing\n"), StringComparison.Ordinal);
        Assert.StartsWith("none.yaml cannot be read", Assert.Throws<InputException>(() => Recipe.Read("none.yaml")).Message, StringComparison.Ordinal);
        Assert.Contains("line 2", Message("name: x\nname: y\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void absent_keys_keep_their_defaults_and_null_is_only_for_what_may_be_absent()
    {
        var recipe = Recipe.Parse("loss: {alpha: 0.5}\nbase: ~\npairs_per_iteration: null\n", "r.yaml");
        Assert.Equal((0.5, (double?)null, (string?)null), (recipe.Loss.Alpha!.Value, recipe.Loss.Beta, recipe.Base));
        Assert.Equal(new SelmLoss(0.01, 0.5), PreferenceLosses.Of(recipe.Loss));
        Assert.Equal(new Recipe().ToJson(), (recipe with { Loss = new() }).ToJson());
    }

    [Fact]
    public void a_recipe_may_name_every_loss_and_every_parameter_of_it() => Assert.All(PreferenceLosses.All, objective =>
    {
        var section = string.Join("", objective.Parameters.Select(parameter => FormattableString.Invariant($"  {parameter.Name}: {parameter.Default}\n")));
        var recipe = Recipe.Parse($"method: train\nloss:\n  kind: {objective.Name}\n{section}", "r.yaml");
        Assert.Equal(objective.With(), PreferenceLosses.Of(recipe.Loss));
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToYaml(), "copy").ToJson());
    });

    [Theory]
    [InlineData("loss: {kind: dpop, lambda: 5, beta: 0.3}", 5)]
    [InlineData("loss: {kind: dpop, beta: 0.3}", 50)]
    public void a_parameter_of_one_loss_alone_reaches_it(string yaml, double lambda) =>
        Assert.Equal(new DpopLoss(0.3, lambda), PreferenceLosses.Of(Recipe.Parse(yaml, "r.yaml").Loss));

    [Theory]
    [InlineData("loss:\n  kind: dpop\n  lamda: 5", "r.yaml line 3: loss.lamda is no parameter of the loss 'dpop' (it has beta, lambda); did you mean 'loss.lambda'.")]
    [InlineData("loss:\n  kind: dpop\n  lambda: -1", "r.yaml line 3: loss.lambda must be at least 0.")]
    [InlineData("loss:\n  kind: dpop\n  lambda: many", "r.yaml line 3: loss.lambda must be a finite number but is 'many'.")]
    [InlineData("loss:\n  kind: dpo\n  alpha: 0.1", "r.yaml line 3: loss.alpha is no parameter of the loss 'dpo' (it has beta, label_smoothing); did you mean 'loss.beta'.")]
    [InlineData("loss:\n  kind: ipo\n  label_smoothing: 0.1", "r.yaml line 3: loss.label_smoothing is no parameter of the loss 'ipo' (it has beta); did you mean 'loss.beta'.")]
    [InlineData("method: iterative-dpo\nloss:\n  alpha: 0.1", "r.yaml line 3: loss.alpha is no parameter of the loss 'dpo' (it has beta, label_smoothing); did you mean 'loss.beta'.")]
    [InlineData("loss:\n  kind: robst", "did you mean 'robust'.")]
    [InlineData("loss:\n  kind: ipo\n  alpha_scale: alpha", "r.yaml line 3: loss.alpha_scale is only for the kind selm, not for ipo; leave it out.")]
    public void a_number_that_the_loss_does_not_take_is_told_with_line_and_nearest_name(string yaml, string message) =>
        Assert.EndsWith(message, Message(yaml), StringComparison.Ordinal);

    [Fact]
    public void clipping_may_be_left_out() => Assert.Null(Recipe.Parse("max_grad_norm: null", "r.yaml").MaxGradNorm);

    [Fact]
    public void the_last_iterations_factor_and_the_list_of_rates_agree_with_their_words()
    {
        var recipe = new Recipe { Iterations = 3, LastIterationLrFactor = 0.2, Optimizer = new() { LearningRate = 1 } };
        Assert.Equal([1, 1, 0.2], Enumerable.Range(0, 3).Select(recipe.LearningRateOf));
    }

    [Fact]
    public void canonical_json_names_every_field_once_and_enumerations_in_words()
    {
        var json = JsonDocument.Parse(new Recipe().ToJson()).RootElement;
        Assert.Equal("best-worst", json.GetProperty("update_rule").GetString());
        Assert.Equal(5e-7, json.GetProperty("optimizer").GetProperty("learning_rate").GetDouble());
        Assert.Equal(typeof(Recipe).GetProperties().Count(p => p.CanWrite), json.EnumerateObject().Count());
    }

    [Fact]
    public void texts_with_quotes_colons_and_umlauts_survive_yaml()
    {
        var recipe = new Recipe { Name = "a: \"b\" # ü\n- c", Model = "true", Datasets = ["x, y.jsonl", "z]"] };
        Assert.Equal(recipe.ToJson(), Recipe.Parse(recipe.ToYaml(), "copy").ToJson());
    }
}
