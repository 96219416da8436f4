using Selm.HuggingFace.Models;
using Selm.Research.Sampling;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

/// <summary>Models in other element types than float32: stored in bfloat16, computed in bfloat16, computed in float64.</summary>
public class Bf16Tests
{
    private static readonly int[][] Prompts = [[5, 9, 31, 7, 60], [8], [90, 4, 17]];

    [Fact]
    public void bfloat16_weights_computed_in_float32_equal_hugging_faces()
    {
        using var golden = new GoldenModel("llama-bf16", fused: true);
        Assert.Equal(ScalarType.BFloat16, golden.Model.Config.TorchDtype);
        Assert.Equal(ScalarType.Float32, golden.Model.Dtype);
        using var scope = NewDisposeScope();
        golden.Close("plain.logits", PlainLogits(golden, golden.Model), 1e-4);
    }

    [Fact]
    public void bfloat16_arithmetic_is_as_close_to_hugging_faces_as_its_rounding_allows()
    {
        using var golden = new GoldenModel("llama-bf16", fused: true);
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-bf16"), ScalarType.BFloat16);
        using var scope = NewDisposeScope();
        var logits = PlainLogits(golden, model);
        Assert.Equal(ScalarType.BFloat16, logits.dtype);
        var gap = golden.Gap("plain.logits_computed_in_bf16", logits);
        Assert.InRange(gap, 0, 0.15);
        // It must be bfloat16's rounding that is seen: float32 arithmetic would hit the float32 numbers.
        Assert.True(golden.Gap("plain.logits", logits) > 1e-3);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 0.2)]
    [InlineData(ScalarType.Float64, 1e-4)]
    public void every_stage_runs_in_other_element_types(ScalarType dtype, double tolerance)
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"), dtype);

        var (rows, expected, _) = golden.Responses();
        var (sums, _) = TokenLogps.Of(model, rows);
        Assert.All(sums.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, tolerance * Math.Abs(pair.Second) / 10));

        var generations = ResponseGenerator.Generate(model, Prompts, new SamplingOptions(Temperature: 1, MaxNewTokens: 8));
        var (_, again) = TokenLogps.Of(model, [.. Prompts.Zip(generations, (prompt, g) => new SharedRow(prompt, [g.OutputIds]))]);
        Assert.All(again.Zip(generations.SelectMany(g => g.TokenLogps)), pair => Assert.Equal(pair.First, pair.Second, tolerance));

        StagedBackward.Run(model, rows, _ => golden.GradWeights);
        using var scope = NewDisposeScope();
        foreach (var (name, gradient) in LlamaWeights.NamedGradients(model))
        {
            Assert.Equal(dtype, gradient.dtype);
            // The direction is right even where bfloat16 rounds each number to three digits.
            var reference = golden.Gradient(name).to_type(ScalarType.Float64).view(-1);
            var found = gradient.to_type(ScalarType.Float64).reshape(-1);
            var cosine = (reference.dot(found) / (reference.norm() * found.norm())).item<double>();
            Assert.True(cosine > 1 - (tolerance / 10), $"gradient of {name}: cosine {cosine}");
        }
    }

    [Fact]
    public void a_folder_saved_in_bfloat16_says_so_and_loads_again()
    {
        using var source = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        using var folder = new TempFolder();
        LlamaWeights.Save(source, folder.Root, ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, LlamaConfig.Load(folder.Root).TorchDtype);
        using var files = SafetensorsFolder.Open(folder.Root);
        Assert.All(files.Names, name => Assert.Equal(ScalarType.BFloat16, files.DtypeOf(name)));
        using var loaded = LlamaWeights.Load(folder.Root);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var ((name, before), (_, after)) in LlamaWeights.Named(source).Zip(LlamaWeights.Named(loaded)))
        {
            Assert.True(before.to_type(ScalarType.BFloat16).to_type(ScalarType.Float32).allclose(after, rtol: 0, atol: 0), name);
        }
    }

    private static Tensor PlainLogits(GoldenModel golden, Llama model)
    {
        using var noGrad = no_grad();
        using var plan = model.Plan([.. golden.Ids("plain").Select(ids => new SharedRow(ids, []))]);
        return model.Logits(model.Hidden(plan));
    }
}
