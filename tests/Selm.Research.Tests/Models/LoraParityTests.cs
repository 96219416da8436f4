using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Sampling;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

/// <summary>PEFT's adapters against PEFT's numbers. The fixtures lie outside the project; LoraTests has made-up cases that always run.</summary>
public class LoraParityTests(ITestOutputHelper log)
{
    public static TheoryData<string, bool> Adapters()
    {
        var data = new TheoryData<string, bool>();
        foreach (var name in new[] { "all-linear", "q-v", "rslora", "modules-to-save" })
        {
            data.Add(name, true);
            data.Add(name, false);
        }
        return data;
    }

    [SkippableTheory]
    [MemberData(nameof(Adapters))]
    public void logits_on_and_off_and_merged_equal_pefts(string name, bool fused)
    {
        using var golden = new LoraGolden(name, fused);
        var tolerance = name == "rslora" ? 2e-4 : 1e-4;
        Assert.Equal(golden.Cases.GetProperty("scaling").GetDouble(), golden.Folder.Model.Adapter!.Config.Scaling, 1e-12);
        golden.Close("plain.logits", golden.Logits("plain"), tolerance);
        golden.Folder.Model.AdapterOn = false;
        golden.Close("plain.logits_adapter_off", golden.Logits("plain"), tolerance);
        golden.Folder.Model.AdapterOn = true;
        golden.Folder.Model.Merge();
        golden.Close("plain.logits_merged", golden.Logits("plain"), tolerance);
    }

    [SkippableTheory]
    [MemberData(nameof(Adapters))]
    public void response_log_probs_and_the_adapters_gradients_equal_pefts_and_the_base_gets_none(string name, bool fused)
    {
        using var golden = new LoraGolden(name, fused);
        var model = golden.Folder.Model;
        var entry = golden.Cases.GetProperty("response_logprobs");
        var rows = GoldenModel.Matrix(entry.GetProperty("input_ids")).Zip(GoldenModel.Matrix(entry.GetProperty("labels")), (ids, labels) =>
        {
            var (start, end) = (Array.FindIndex(labels, l => l != -100), Array.FindLastIndex(labels, l => l != -100) + 1);
            return new SharedRow(ids[..start], [ids[start..end]]);
        }).ToArray();
        var expected = GoldenModel.Doubles(entry.GetProperty("sum_logps"));
        var (sums, _) = TokenLogps.Of(model, rows);
        Assert.All(expected.Zip(sums), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * Math.Max(1, Math.Abs(pair.First))));
        foreach (var checkpointing in new[] { false, true })
        {
            model.Trained.ToList().ForEach(parameter => parameter.grad = null);
            StagedBackward.Run(model, rows, _ => GoldenModel.Doubles(entry.GetProperty("grad_weights")), checkpointing);
            using var scope = NewDisposeScope();
            using var file = SafetensorsFile.Open(Path.Combine(golden.Place, "expected_grads.safetensors"));
            var gradients = model.Adapter!.NamedGradients.ToArray();
            Assert.Equal(file.Names.Order(StringComparer.Ordinal), gradients.Select(g => g.Name).Order(StringComparer.Ordinal));
            var scale = file.Names.Max(tensor => file.Read(tensor).abs().max().item<float>());
            var gap = gradients.Max(g => (file.Read(g.Name) - g.Gradient).abs().max().item<float>());
            log.WriteLine($"{name}: largest gap {gap}, largest entry {scale}, relative {gap / scale}");
            Assert.True(gap <= 1e-5 * scale, $"largest gap {gap}, largest entry {scale}");
            Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Adapters))]
    public void greedy_decoding_with_a_cache_gives_pefts_tokens(string name, bool fused)
    {
        using var golden = new LoraGolden(name, fused);
        foreach (var which in new[] { "greedy_single", "greedy_left_padded_batch", "greedy_eos" })
        {
            var entry = golden.Cases.GetProperty(which);
            var (ids, sequences) = (GoldenModel.Matrix(entry.GetProperty("prompt_ids")), GoldenModel.Matrix(entry.GetProperty("sequences")));
            var masks = entry.TryGetProperty("attention_mask", out var mask) ? GoldenModel.Matrix(mask) : [.. ids.Select(row => row.Select(_ => 1).ToArray())];
            int[] ends = entry.TryGetProperty("eos_token_id", out var eos) ? [eos.GetInt32()] : [];
            var made = ResponseGenerator.Generate(
                golden.Folder.Model, [.. ids.Zip(masks, (row, keep) => row.Where((_, k) => keep[k] == 1).ToArray())],
                new SamplingOptions(MaxNewTokens: entry.GetProperty("max_new_tokens").GetInt32()), endIds: ends);
            for (var k = 0; k < made.Length; k++)
            {
                Assert.Equal(sequences[k].Skip(ids[k].Length).Take(made[k].OutputIds.Length), made[k].OutputIds);
                Assert.True(made[k].OutputIds.Length == sequences[k].Length - ids[k].Length || ends.Contains(made[k].OutputIds[^1]));
            }
        }
    }

    [SkippableTheory]
    [InlineData("all-linear")]
    [InlineData("modules-to-save")]
    public void merged_weights_equal_merge_and_unload(string name)
    {
        using var golden = new LoraGolden(name, fused: true);
        golden.Folder.Model.Merge();
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path.Combine(golden.Place, "merged_model.safetensors"));
        var named = LlamaWeights.Named(golden.Folder.Model).ToArray();
        Assert.Equal(file.Names.Order(StringComparer.Ordinal), named.Select(w => w.Name).Order(StringComparer.Ordinal));
        var gap = named.Max(w => (file.Read(w.Name) - w.Weight.detach()).abs().max().item<float>());
        log.WriteLine($"{name}: {gap}");
        Assert.True(gap <= 1e-6, $"largest gap {gap}");
    }

    [SkippableTheory]
    [MemberData(nameof(Adapters))]
    public void an_adapter_of_pefts_is_written_as_it_was_read(string name, bool fused)
    {
        using var golden = new LoraGolden(name, fused);
        using var folder = new TempFolder();
        LoraFiles.Save(golden.Folder.Model.Adapter!, folder.Root);
        Assert.Equal(File.ReadAllBytes(Path.Combine(golden.Place, LoraFiles.WeightsName)), File.ReadAllBytes(folder.File(LoraFiles.WeightsName)));
        var (before, after) = (JsonElement.Parse(File.ReadAllBytes(Path.Combine(golden.Place, LoraConfig.FileName))), JsonElement.Parse(File.ReadAllBytes(folder.File(LoraConfig.FileName))));
        Assert.True(JsonElement.DeepEquals(before, after), $"{before}\n{after}");
    }
}

/// <summary>One folder of fixtures/lora on its base model.</summary>
internal sealed class LoraGolden : IDisposable
{
    private readonly bool wasDisabled = Fast.Disabled;

    public LoraGolden(string name, bool fused)
    {
        Skip.If(Golden.Outside("lora", name) is null, "fixtures/lora is not here");
        Fast.Disabled = !fused;
        Place = Golden.Outside("lora", name)!;
        Cases = JsonElement.Parse(File.ReadAllBytes(Path.Combine(Place, "expected.json")));
        Folder = ModelFolder.Load(Golden.Path("hf-models", "llama-gqa-untied"), adapter: Place);
    }

    public string Place { get; }

    public JsonElement Cases { get; }

    public ModelFolder Folder { get; }

    public Tensor Logits(string name)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var plan = Folder.Model.Plan([.. GoldenModel.Matrix(Cases.GetProperty(name).GetProperty("input_ids")).Select(ids => new SharedRow(ids, []))]);
        return Folder.Model.Logits(Folder.Model.Hidden(plan)).MoveToOuterDisposeScope();
    }

    public void Close(string name, Tensor actual, double tolerance)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Place, "expected.safetensors"));
        using var scope = NewDisposeScope();
        var gap = (file.Read(name, ScalarType.Float32).view(-1) - actual.reshape(-1)).abs().max().item<float>();
        actual.Dispose();
        Assert.True(gap <= tolerance, $"{name}: largest gap {gap}");
    }

    public void Dispose()
    {
        Folder.Dispose();
        Fast.Disabled = wasDisabled;
    }
}
