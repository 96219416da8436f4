using System.Text.RegularExpressions;
using Selm.HuggingFace.Models;
using Selm.Research.Figures;
using Selm.Research.Runs;
using Selm.Research.Scale;
using Selm.Research.Training;
using Selm.Tests;

namespace Selm.Research.Tests.Scale;

public class PlanTests
{
    [Theory]
    [InlineData("mistralai/Mistral-7B-v0.1", 7_241_732_096)]
    [InlineData("HuggingFaceH4/mistral-7b-sft-beta", 7_241_732_096)]
    [InlineData("zephyr-7b-sft-full", 7_241_732_096)]
    [InlineData("meta-llama/Meta-Llama-3-8B-Instruct", 8_030_261_248)]
    [InlineData("meta-llama/Llama-2-7b-hf", 6_738_415_616)]
    [InlineData("meta-llama/Llama-3.2-1B", 1_235_814_400)]
    [InlineData("microsoft/Phi-3-mini-4k-instruct", 3_821_079_552)]
    [InlineData("Qwen/Qwen2.5-0.5B", 494_032_768)]
    [InlineData("Qwen/Qwen2-1.5B-Instruct", 1_543_714_304)]
    [InlineData("Qwen/Qwen2.5-7B", 7_615_616_512)]
    public void published_models_have_the_parameters_that_their_cards_say(string name, long parameters) => Assert.Equal(parameters, PlanModel.Published(name)!.Parameters);

    [Fact]
    public void parameters_of_a_plan_are_those_of_the_model_and_of_its_adapter()
    {
        foreach (var folder in Directory.GetDirectories(Golden.Path("hf-models")).Where(folder => HfConfig.Load(folder) is LlamaConfig && !folder.EndsWith("reward", StringComparison.Ordinal)))
        {
            using var model = LlamaWeights.Load(folder);
            var recipe = new Recipe { Base = folder, Adapter = new AdapterRecipe { Rank = 2 } };
            var planned = PlanModel.Of(recipe);
            using var adapter = NewAdapter.Of(model, recipe.Adapter!, seed: 1);

            Assert.Equal((folder, model.parameters().Sum(p => p.numel())), (folder, planned.Parameters));
            Assert.Equal((folder, adapter.Parameters.Sum(p => p.numel())), (folder, planned.AdapterWeights(recipe)));
        }
    }

    [Fact]
    public void a_base_that_is_neither_on_disk_nor_known_is_refused_with_the_names_that_are() => Assert.Equal(
        "models/nobody has no config.json and no published model that selm plan knows (Mistral-7B, Llama-3.2-1B, Llama-3-8B, Llama-2-7B, Phi-3-mini, Qwen2-0.5B, Qwen2-1.5B, Qwen2-7B); give a folder as base:, or such a name as model:.",
        Assert.Throws<InputException>(() => PlanModel.Of(new Recipe { Base = "models/nobody" })).Message);

    [Fact]
    public void operations_of_training_are_six_per_weight_and_token_and_two_more_where_blocks_are_computed_again()
    {
        var recipe = Zephyr() with { ActivationCheckpointing = false, FirstIterationIsDpo = false };
        var amount = new PlanAmount(4 * 256, "given", 512, 512);
        double tokens = 4 * 256 * (512 + (3 * 511.0));
        double Training(Recipe r) => RunPlan.Of(r, PlanDevice.Of("h200"), amount).Stages.Single(stage => stage.Name == "training").Flops;

        Assert.InRange(Training(recipe) / (6 * 7.11e9 * tokens), 0.95, 1.10); // 7.11: without the embedding; attention's own products are the rest
        Assert.Equal(4.0 / 3, Training(recipe with { ActivationCheckpointing = true }) / Training(recipe), 1e-9);
    }

    [Fact]
    public void decoding_is_bound_by_memory_and_training_by_products()
    {
        var plan = RunPlan.Of(Zephyr(), PlanDevice.Of("h200"));
        PlannedStage Of(string name) => plan.Stages.Single(stage => stage.Name == name);
        double Intensity(string name) => Of(name).Flops / Of(name).Bytes;

        Assert.Equal(["sampling", "ranking", "reference", "training"], plan.Stages.Select(stage => stage.Name));
        Assert.True(Intensity("sampling") < 30, $"{Intensity("sampling")}");
        Assert.True(Intensity("training") > 300, $"{Intensity("training")}");
        Assert.All(plan.Stages, stage => Assert.Equal(Utilisation.Assumed, stage.Utilisation.Source));
        Assert.True(plan.Assumed);
    }

    [Fact]
    public void a_7b_step_with_the_keys_that_save_memory_stays_under_90_gb_and_fits_80()
    {
        var recipe = Zephyr();
        var onDevice = RunPlan.Of(recipe with { Optimizer = recipe.Optimizer with { MomentsOn = MomentsPlace.Device } }, PlanDevice.Of("h200"));
        var onHost = RunPlan.Of(recipe, PlanDevice.Of("a100-80"));
        var immediate = RunPlan.Of(recipe with { Optimizer = recipe.Optimizer with { UpdateInBackward = true }, GradientAccumulation = 1, MaxGradNorm = 0 }, PlanDevice.Of("a100-80"));

        Assert.InRange(onDevice.PeakBytes, 10 * 7.24e9, 90e9); // ten bytes a weight
        Assert.True(onHost.Fits && onHost.PeakBytes < 70e9, $"{onHost.PeakBytes}");
        Assert.Equal(4 * 7_241_732_096.0, onHost.HostBytes);
        Assert.InRange(onHost.PeakBytes - immediate.PeakBytes, 20e9, 30e9); // four bytes of every gradient
    }

    [Theory]
    [InlineData("zephyr-selm-lora")]
    [InlineData("zephyr-dpo-lora")]
    [InlineData("phi3-selm-lora")]
    public void the_form_with_an_adapter_fits_24_gb(string name)
    {
        var plan = RunPlan.Of(KitRecipe(name), PlanDevice.Of("rtx4090"));

        Assert.True(plan.Fits, $"{plan.PeakBytes}");
        Assert.InRange(plan.PeakBytes, 2 * plan.Parameters, 24e9);
        Assert.InRange(plan.TrainedParameters, 1e7, 1e8);
    }

    [Theory]
    [InlineData("fp32", true, "fp32", "device", 4, 0, 4, 0, 8, 0)]
    [InlineData("bf16", true, "fp32", "device", 2, 4, 4, 2, 8, 0)]
    [InlineData("bf16", false, "fp32", "device", 2, 0, 4, 2, 8, 0)]
    [InlineData("bf16", false, "bf16", "device", 2, 0, 4, 2, 4, 0)]
    [InlineData("bf16", false, "bf16", "host", 2, 0, 4, 2, 0, 4)]
    [InlineData("bf16", true, "fp32", "host", 2, 4, 4, 2, 0, 8)]
    public void each_key_sets_the_bytes_of_a_weight(string precision, bool masters, string moments, string place, double weight, double master, double sum, double micro, double onDevice, double onHost)
    {
        Precision Of(string name) => name == "fp32" ? Precision.Fp32 : Precision.Bf16;
        var recipe = new Recipe { Precision = Of(precision), Optimizer = new() { MasterWeights = masters, Moments = Of(moments), MomentsOn = place == "host" ? MomentsPlace.Host : MomentsPlace.Device } };

        Assert.Equal(new StateBytes(weight, master, sum, micro, false, onDevice, onHost), StateBytes.Of(recipe));
        Assert.Equal((0.0, weight), (StateBytes.Of(recipe with { Optimizer = recipe.Optimizer with { UpdateInBackward = true } }) is var now ? now.Sum : -1, now.Micro));
    }

    [Theory]
    [InlineData("batch_size", 2.0)]
    [InlineData("checkpointing", 4.0)]
    public void a_peak_grows_with_the_batch_and_with_what_is_kept(string key, double least)
    {
        var recipe = Zephyr() with { BatchSize = 1 };
        double Activations(Recipe r) => RunPlan.Of(r, PlanDevice.Of("h200")).Moments.Max(moment => moment.Activations);
        var more = key == "batch_size" ? recipe with { BatchSize = 8 } : recipe with { ActivationCheckpointing = false };

        Assert.True(Activations(more) > least * Activations(recipe), $"{Activations(recipe)} {Activations(more)}");
    }

    [Theory]
    [InlineData("zephyr-selm", "h200")]
    [InlineData("zephyr-selm", "a100-80")]
    [InlineData("zephyr-selm", "rtx4090")]
    [InlineData("llama3-selm", "h200")]
    [InlineData("llama3-selm", "a100-80")]
    [InlineData("llama3-dpo", "rtx4090")]
    public void the_first_suggestion_that_is_said_to_fit_makes_the_recipe_fit(string name, string deviceName)
    {
        var device = PlanDevice.Of(deviceName);
        var yaml = Demanding(name);
        var recipe = Recipe.Parse(yaml, name);
        var advice = PlanAdvice.For(recipe, device);

        Assert.NotEmpty(advice);
        var first = advice.First(suggestion => suggestion.Fits);
        var plan = RunPlan.Of(Recipe.Parse(first.Keys.Aggregate(yaml, Applied), name), device);
        Assert.True(plan.Fits);
        Assert.Equal(first.PeakBytes, plan.PeakBytes, 1.0);
        Assert.Empty(PlanAdvice.For(Recipe.Parse(first.Keys.Aggregate(yaml, Applied), name), device));
    }

    [Fact]
    public void suggestions_go_from_what_changes_the_clock_alone_to_what_trains_something_else()
    {
        var advice = PlanAdvice.For(Recipe.Parse(Demanding("zephyr-selm"), "demanding"), PlanDevice.Of("rtx4090"));
        int Place(string key) => advice.Index().First(one => one.Item.Keys.Any(text => text.StartsWith(key, StringComparison.Ordinal))).Index;

        Assert.True(Place("batch_size") < Place("activation_checkpointing") && Place("activation_checkpointing") < Place("adapter"));
        Assert.Contains(advice, suggestion => !suggestion.Fits);
        Assert.Contains(advice[^1].Keys, key => key == "adapter: {rank: 16}");
        Assert.All(advice, suggestion => Assert.Equal(suggestion.PeakBytes <= 24e9, suggestion.Fits));
    }

    [Fact]
    public void a_recipe_that_fits_gets_no_advice() => Assert.Empty(PlanAdvice.For(new Recipe { Base = Golden.Path("hf-models", "llama-gqa-untied"), Method = "dpo" }, PlanDevice.Of("cpu")));

    [Fact]
    public void the_bars_of_the_picture_stand_on_one_another_up_to_the_peak()
    {
        var plan = RunPlan.Of(Zephyr(), PlanDevice.Of("h200"));
        var figure = PlanFigure.Of(plan);
        var bars = figure.Panels[0].Traces.OfType<BarTrace>().ToArray();

        Assert.Equal(plan.PeakBytes / 1e9, figure.Panels[0].Floors(bars[^1]).Zip(bars[^1].Values, (floor, value) => floor + value).Max(), 1e-6);
        Assert.Empty(FigureChecks.Problems(figure));
        var svg = SvgWriter.Write(figure);
        Assert.All(PlannedMemory.Parts.Where(part => part != "moments"), part => Assert.Contains(part, svg, StringComparison.Ordinal));
        Assert.Contains("\"base\"", PlotlyWriter.Write(figure), StringComparison.Ordinal);
    }

    [Fact]
    public void a_run_larger_than_its_machine_is_warned_of_and_weights_larger_than_a_gpu_are_refused()
    {
        var recipe = new Recipe { Base = Golden.Path("hf-models", "llama-gqa-untied"), Method = "dpo" };

        Assert.Null(PlanCheck.Warning(recipe, 64e9, "this machine"));
        Assert.Matches(@"^At its recipe's limits this run takes up to \d+\.\d GB and this machine has 0\.1 GB; selm plan names the keys that lower it\.$", PlanCheck.Warning(recipe, 1e8, "this machine"));
        Assert.Contains("choose a smaller base", Assert.Throws<InputException>(() => PlanCheck.Warning(recipe with { Device = "cuda" }, 1e3, "cuda")).Message, StringComparison.Ordinal);
    }

    // The paper's recipe without the keys that save memory.
    private static string Demanding(string name) => Regex.Replace(
        Regex.Replace(File.ReadAllText(Path.Combine(Golden.Root, "data", "recipes", $"{name}.yaml")), "(?m)^activation_checkpointing: true", "activation_checkpointing: false"),
        @"(?m)^  (master_weights|moments|moments_on|update_in_backward): .*\n", "");

    // A suggested line in the place of the one that the recipe has.
    private static string Applied(string yaml, string line)
    {
        var (key, value) = (line[..line.IndexOf(':', StringComparison.Ordinal)], line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        if (key.StartsWith("optimizer.", StringComparison.Ordinal))
        {
            var own = key["optimizer.".Length..];
            yaml = Regex.Replace(yaml, $@"(?m)^  {own}:.*\n", "");
            return Regex.Replace(yaml, "(?m)^optimizer:\n", $"optimizer:\n  {own}:{value}\n");
        }
        return $"{Regex.Replace(yaml, $@"(?m)^{key}:.*\n", "").TrimEnd()}\n{key}:{value}\n";
    }

    private static Recipe Zephyr() => KitRecipe("zephyr-selm");

    private static Recipe KitRecipe(string name) => Recipe.Read(Path.Combine(Golden.Root, "data", "recipes", $"{name}.yaml"));
}
