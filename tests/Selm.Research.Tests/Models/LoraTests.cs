using System.Text.Json.Nodes;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

/// <summary>Adapters on tiny random models: what they compute, what they train, what is refused.</summary>
public class LoraTests
{
    private static readonly SharedRow[] rows = [new([5, 6, 7], [[8, 9, 2], [10, 2]]), new([11, 12], [[13, 14, 15, 2]])];

    public static TheoryData<string, string, bool> Forms()
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var type in new[] { "llama", "mistral", "qwen2", "qwen3", "phi3" })
        {
            foreach (var fused in new[] { true, false })
            {
                data.Add(type, LoraConfig.AllLinear, fused);
            }
        }
        data.Add("llama", "k_proj", true);
        data.Add("llama", "k_proj", false);
        data.Add("llama", "down_proj", true);
        data.Add("phi3", "gate_up_proj", true);
        return data;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void the_adapter_computes_what_the_merged_weights_compute_and_off_it_is_the_base(string type, string target, bool fused)
    {
        using var way = new Way(fused);
        using var model = Model(type);
        var plain = Logits(model);
        Adapt(model, target);
        var on = Logits(model);
        model.AdapterOn = false;
        var off = Logits(model);
        model.AdapterOn = true;
        model.Merge();
        var merged = Logits(model);
        Assert.Equal(plain, off);
        Assert.True(Gap(plain, on) > 0.01, $"the adapter moves logits by {Gap(plain, on)} only");
        Assert.True(Gap(merged, on) < 2e-5, $"adapter and merged weights differ by {Gap(merged, on)}");
        Assert.Null(model.Adapter);
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [InlineData("llama", true)]
    [InlineData("qwen3", true)]
    [InlineData("phi3", false)]
    public void decoding_against_a_cache_is_the_same_with_an_adapter(string type, bool fused)
    {
        using var way = new Way(fused);
        using var model = Model(type);
        Adapt(model, LoraConfig.AllLinear);
        int[][] prompts = [[5, 6, 7], [11, 12]];
        var answers = ResponseGenerator.Generate(model, prompts, new SamplingOptions(MaxNewTokens: 8), endIds: []);
        var (sums, _) = TokenLogps.Of(model, [.. prompts.Zip(answers, (prompt, answer) => new SharedRow(prompt, [answer.OutputIds]))]);
        Assert.All(sums.Zip(answers), pair => Assert.Equal(pair.First, pair.Second.Logp, 1e-4));
    }

    [Theory]
    [InlineData("llama", LoraConfig.AllLinear)]
    [InlineData("phi3", LoraConfig.AllLinear)]
    [InlineData("qwen2", "v_proj")]
    public void gradients_are_those_of_finite_differences_and_the_base_has_none(string type, string target)
    {
        double[] weights = [0.7, -1.3, 0.4];
        using var wide = Model(type, ScalarType.Float64);
        Adapt(wide, target);
        StagedBackward.Run(wide, rows, _ => weights);
        using var scope = NewDisposeScope();
        double Value() => TokenLogps.Of(wide, rows).Sums.Zip(weights, (sum, weight) => sum * weight).Sum();
        foreach (var (weight, gradient) in wide.Adapter!.Named.Zip(wide.Adapter.NamedGradients, (w, g) => (w.Weight, g.Gradient)))
        {
            using var noGrad = no_grad();
            // Log-probs are read in float32, so the step is large and the function is nearly straight over it.
            const double step = 1e-2;
            using var place = weight.view(-1).narrow(0, 1, 1);
            place.AddInPlace(ones(1, ScalarType.Float64), step);
            var above = Value();
            place.AddInPlace(ones(1, ScalarType.Float64), -2 * step);
            var below = Value();
            place.AddInPlace(ones(1, ScalarType.Float64), step);
            Assert.Equal((above - below) / (2 * step), gradient.reshape(-1)[1].item<double>(), 2e-3);
        }
        Assert.All(wide.parameters(), parameter => Assert.Null(parameter.grad));

        // The kernels against the same in double.
        using var narrow = Model(type);
        Adapt(narrow, target);
        foreach (var checkpointing in new[] { false, true })
        {
            narrow.Trained.ToList().ForEach(parameter => parameter.grad = null);
            StagedBackward.Run(narrow, rows, _ => weights, checkpointing);
            Assert.All(narrow.parameters(), parameter => Assert.Null(parameter.grad));
            foreach (var ((name, expected), (_, actual)) in wide.Adapter.NamedGradients.Zip(narrow.Adapter!.NamedGradients))
            {
                var gap = (expected - actual.to_type(ScalarType.Float64)).abs().max().item<double>();
                Assert.True(gap <= 1e-4 * Math.Max(0.1, expected.abs().max().item<double>()), $"{name}: {gap}");
            }
        }
    }

    [Fact]
    public void a_new_adapter_changes_nothing_and_training_changes_it_alone()
    {
        using var model = Model("llama");
        var (plain, weights) = (Logits(model), Numbers(model));
        model.Attach(NewAdapter.Of(model, new AdapterRecipe { Rank = 3, TargetModules = ["q_proj", "v_proj"] }, seed: 4));
        Assert.Equal(plain, Logits(model));
        using var update = new ParameterUpdate(model, new OptimizerRecipe());
        Assert.Equal(3 * model.Trained.Count, update.State().Count());
        for (var step = 0; step < 2; step++)
        {
            StagedBackward.Run(model, rows, sums => [.. sums.Select(_ => -1.0)]);
            Assert.True(update.Step(1e-2, maxNorm: 0) > 0);
        }
        Assert.Equal(weights, Numbers(model));
        Assert.True(Gap(plain, Logits(model)) > 1e-3);
        model.AdapterOn = false;
        Assert.Equal(plain, Logits(model));
    }

    [Fact]
    public void an_adapter_is_saved_beside_its_tokenizer_and_loads_with_its_base_wherever_a_model_does()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe { Rank = 2, Rslora = true }, seed: 4));
        Fill(model.Model.Adapter!, 0.2f);
        model.Save(checkpoint.Place("adapter"));
        Assert.Equal(
            ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json"],
            Directory.EnumerateFiles(checkpoint.Place("adapter")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        using var loaded = ModelFolder.Load(checkpoint.Place("adapter"));
        using var given = ModelFolder.Load(checkpoint.Root, adapter: checkpoint.Place("adapter"));
        Assert.Equal(Logits(model.Model), Logits(loaded.Model));
        Assert.Equal(Logits(model.Model), Logits(given.Model));
        Assert.Equal(loaded.WeightHash, given.WeightHash);
        Assert.NotEqual(model.WeightHash, loaded.WeightHash);
        Assert.Equal(2 / Math.Sqrt(2) * 2, loaded.Model.Adapter!.Config.Scaling, 1e-12);

        LoraFiles.Merge(checkpoint.Root, checkpoint.Place("adapter"), checkpoint.Place("merged"));
        using var merged = ModelFolder.Load(checkpoint.Place("merged"));
        Assert.Null(merged.Model.Adapter);
        Assert.True(Gap(Logits(model.Model), Logits(merged.Model)) < 2e-5);
        Assert.Equal(model.PromptIds("tea"), merged.PromptIds("tea"));
        Assert.Contains("merged in this model already", Refusal(checkpoint.Place("merged"), checkpoint.Place("adapter")), StringComparison.Ordinal);
    }

    [Fact]
    public void an_adapter_that_does_not_belong_there_is_refused_by_its_first_tensor()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe(), seed: 4));
        var adapter = checkpoint.Place("adapter");
        model.Save(adapter);
        using var wider = new TinyCheckpoint(TinyCheckpoint.Config with { HiddenSize = 32, HeadDim = 16 });
        Assert.Contains("\"base_model.model.model.layers.0.mlp.down_proj.lora_B.weight\" has the shape [16, 16], but this base model asks for [32, 16]", Refusal(wider.Root, adapter), StringComparison.Ordinal);
        using var shallow = new TinyCheckpoint(TinyCheckpoint.Config with { NumHiddenLayers = 1 });
        Assert.Contains("\"base_model.model.model.layers.1.mlp.down_proj.lora_A.weight\" [16, 24] has no place in this model", Refusal(shallow.Root, adapter), StringComparison.Ordinal);
        using var deep = new TinyCheckpoint(TinyCheckpoint.Config with { NumHiddenLayers = 3 });
        Assert.Contains("lacks the tensor \"base_model.model.model.layers.2.mlp.down_proj.lora_A.weight\"", Refusal(deep.Root, adapter), StringComparison.Ordinal);
        File.Delete(Path.Combine(adapter, "adapter_model.safetensors"));
        Assert.Contains("adapter_model.safetensors does not exist", Refusal(checkpoint.Root, adapter), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "peft_type \"IA3\"")]
    [InlineData("use_dora", "true", "use_dora true")]
    [InlineData("bias", "\"all\"", "bias \"all\"")]
    [InlineData("rank_pattern", "{\"q_proj\": 8}", "rank_pattern {\"q_proj\":8}")]
    [InlineData("alpha_pattern", "{\"q_proj\": 8}", "alpha_pattern")]
    [InlineData("layers_to_transform", "[0]", "layers_to_transform [0]")]
    [InlineData("fan_in_fan_out", "true", "fan_in_fan_out true")]
    [InlineData("init_lora_weights", "\"pissa\"", "init_lora_weights \"pissa\"")]
    [InlineData("modules_to_save", "[\"embed_positions\"]", "modules_to_save names embed_positions")]
    [InlineData("target_modules", "[\"lm_head\"]", "target_modules names lm_head")]
    [InlineData("target_modules", "[\"c_attn\"]", "its layers are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj")]
    public void what_changes_the_function_and_is_not_computed_is_refused_by_name(string field, string value, string said)
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe(), seed: 4));
        model.Save(checkpoint.Place("adapter"));
        var path = checkpoint.Place("adapter", LoraConfig.FileName);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());
        var message = Refusal(checkpoint.Root, checkpoint.Place("adapter"));
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(said, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"all-linear\"", 28)]
    [InlineData("[\"q_proj\", \"self_attn.v_proj\", \"query_key_value\"]", 8)]
    [InlineData("[\"model.layers.1.mlp.down_proj\"]", 2)]
    [InlineData("\".*layers\\\\.0\\\\.self_attn\\\\.(q|k)_proj\"", 4)]
    public void target_modules_match_as_pefts_do(string targets, int tensors)
    {
        using var folder = new TempFolder();
        folder.Write(LoraConfig.FileName, "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":2,\"lora_dropout\":0.1,\"target_modules\":" + targets + "}");
        using var model = Model("llama");
        using var adapter = new LoraAdapter(LoraConfig.Load(folder.Root), model);
        Assert.Equal(tensors, adapter.Named.Count());
    }

    [Fact]
    public void a_pattern_that_is_none_or_does_not_end_is_refused_and_auto_mapping_is_read()
    {
        using var folder = new TempFolder();
        LoraConfig Load(string targets) => LoraConfig.Load(Path.GetDirectoryName(folder.Write(LoraConfig.FileName, $$$"""
            {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": {{{targets}}}, "auto_mapping": {"base_model_class": "LlamaForCausalLM", "parent_library": "transformers"}}
            """))!);
        Assert.True(Load("[\"q_proj\"]").Targets("model.layers.0.self_attn.q_proj"));
        Assert.Contains("target_modules \"(q_proj\" is no regular expression that can be read", Assert.Throws<InputException>(() => Load("\"(q_proj\"")).Message, StringComparison.Ordinal);
        var endless = Load("\"((.+)+)+!\"");
        Assert.Contains("takes longer than 2 seconds to match", Assert.Throws<InputException>(() => endless.Targets("model.layers.0.self_attn.q_proj")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_saved_adapter_names_the_base_that_was_loaded_and_the_one_at_hand_is_left_as_it_is()
    {
        using var checkpoint = new TinyCheckpoint();
        using (var model = ModelFolder.Load(checkpoint.Root))
        {
            model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe(), seed: 4));
            LoraFiles.Save(model.Model.Adapter!, checkpoint.Place("adapter"), baseModel: "..");
            Assert.Null(model.Model.Adapter!.Config.BaseModel);
        }
        Directory.CreateDirectory(checkpoint.Place("some", "where"));
        using var read = ModelFolder.Load(checkpoint.Place("adapter"));
        read.Save(checkpoint.Place("some", "where"));
        Assert.Equal("..", read.Model.Adapter!.Config.BaseModel);
        using var again = ModelFolder.Load(checkpoint.Place("some", "where")); // ".." would be another folder here
        Assert.Equal(read.Model.Adapter.Fingerprint(), again.Model.Adapter!.Fingerprint());
    }

    [Fact]
    public void a_copy_of_weights_refuses_an_adapter_instead_of_losing_it()
    {
        using var model = Model("llama");
        using var other = Model("llama");
        Adapt(model, LoraConfig.AllLinear);
        Assert.Contains("wears an adapter", Assert.Throws<InvalidOperationException>(() => LlamaWeights.Clone(model)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => LlamaWeights.Copy(model, other));
        Assert.Throws<InvalidOperationException>(() => LlamaWeights.Copy(other, model));
        model.Merge();
        using var copy = LlamaWeights.Clone(model);
        Assert.Equal(Logits(model), Logits(copy));
    }

    [Fact]
    public void an_adapter_beside_whole_weights_or_on_another_adapter_is_refused()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe(), seed: 4));
        var adapter = checkpoint.Place("adapter");
        model.Save(adapter);
        Assert.Contains("is an adapter itself", Refusal(adapter, adapter), StringComparison.Ordinal);
        Assert.Contains("holds no adapter_config.json", Refusal(checkpoint.Root, checkpoint.Root), StringComparison.Ordinal);
        File.Copy(checkpoint.Place("model.safetensors"), Path.Combine(adapter, "model.safetensors"));
        Assert.Contains("holds both an adapter (adapter_config.json) and whole weights (model.safetensors)", Refusal(adapter, null), StringComparison.Ordinal);
        Assert.Contains("give another folder", Assert.Throws<InputException>(() => LoraFiles.Merge(checkpoint.Root, adapter, checkpoint.Root)).Message, StringComparison.Ordinal);
    }

    private static string Refusal(string folder, string? adapter) => Assert.Throws<InputException>(() => ModelFolder.Load(folder, adapter: adapter).Dispose()).Message;

    private static Llama Model(string type, ScalarType dtype = ScalarType.Float32)
    {
        var model = new Llama(
            new LlamaConfig
            {
                ModelType = type, VocabSize = 40, HiddenSize = 24, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 8,
                MaxPositionEmbeddings = 64, EosTokenIds = [2], TieWordEmbeddings = type == "qwen3",
            }, dtype);
        RandomWeights.Fill(model, seed: 5, spread: 0.3);
        return model;
    }

    private static void Adapt(Llama model, string target)
    {
        model.Attach(new LoraAdapter(new LoraConfig { Rank = 3, Alpha = 6, TargetModules = [target] }, model));
        Fill(model.Adapter!, 0.1f);
    }

    // Both factors random, so that every block counts.
    private static void Fill(LoraAdapter adapter, float spread)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, weight) in adapter.Named)
        {
            var values = new float[weight.numel()];
            new PhiloxStream(9, name).FillGaussian(values);
            weight.copy_(tensor(values, weight.shape).Times(spread));
        }
    }

    private static float[] Logits(Llama model)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var plan = model.Plan(rows);
        return model.Logits(model.Hidden(plan)).to_type(ScalarType.Float32).contiguous().data<float>().ToArray();
    }

    private static float[] Numbers(Llama model) => [.. model.parameters().SelectMany(parameter => parameter.detach().contiguous().data<float>().ToArray())];

    private static float Gap(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    /// <summary>The kernels, or libtorch's operators.</summary>
    private sealed class Way : IDisposable
    {
        private readonly bool before = Fast.Disabled;

        public Way(bool fused) => Fast.Disabled = !fused;

        public void Dispose() => Fast.Disabled = before;
    }
}
