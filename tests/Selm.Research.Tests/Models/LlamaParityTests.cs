using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

/// <summary>Every causal model of tests/golden/hf-models against Hugging Face's numbers, by the fused kernels and by the plain operators.</summary>
public class LlamaParityTests
{
    public static TheoryData<string, bool> Models()
    {
        var data = new TheoryData<string, bool>();
        // qwen2-tied repeats what others cover, so it is read where the fixtures are and not copied.
        string[] folders = [.. Directory.GetDirectories(Golden.Path("hf-models")).Order(), .. Golden.Outside("hf-models", "qwen2-tied") is { } tied ? [tied] : Array.Empty<string>()];
        foreach (var folder in folders)
        {
            var name = Path.GetFileName(folder);
            if ((name.StartsWith("llama", StringComparison.Ordinal) || name.StartsWith("mistral", StringComparison.Ordinal) || name.StartsWith("qwen", StringComparison.Ordinal) || name == "phi3") && !name.EndsWith("reward", StringComparison.Ordinal))
            {
                data.Add(name, true);
                data.Add(name, false);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void hidden_states_and_logits_equal_hugging_faces(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = golden.Ids("plain").Select(ids => new SharedRow(ids, [])).ToArray();
        using var plan = golden.Model.Plan(rows);
        var x = golden.Model.Embed(plan);
        golden.Close("plain.hidden_states.0", x, 1e-5);
        for (var layer = 0; layer < golden.Model.Depth; layer++)
        {
            x = golden.Model.Block(layer, x, plan);
            if (layer + 1 < golden.Model.Depth)
            {
                golden.Close($"plain.hidden_states.{layer + 1}", x, 1e-4);
            }
        }
        x = golden.Model.FinalNorm(x);
        golden.Close($"plain.hidden_states.{golden.Model.Depth}", x, 1e-4);
        golden.Close("plain.logits", golden.Model.Logits(x), 1e-4);
        golden.Close("plain.log_softmax", golden.Model.Logits(x).log_softmax(-1), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void padding_on_either_side_changes_nothing(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        var right = golden.Masked("right_padded").Select(r => new SharedRow(r.Ids, [])).ToArray();
        golden.CloseWhereMasked("right_padded", "right_padded.logits", right);
        var left = golden.Masked("left_padded");
        golden.CloseWhereMasked("left_padded", "left_padded.logits_positions_from_mask", [.. left.Select(r => new SharedRow(r.Ids, [], r.Padding))]);
        golden.CloseWhereMasked("left_padded", "left_padded.logits_default_positions", [.. left.Select(r => new SharedRow(r.Ids, [], r.Padding, r.Padding))]);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void response_log_probs_and_gradients_equal_trls(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        var (rows, expected, lengths) = golden.Responses();
        var (sums, tokens) = TokenLogps.Of(golden.Model, rows);
        for (var k = 0; k < sums.Length; k++)
        {
            Assert.Equal(expected[k], sums[k], 1e-4 * Math.Max(1, Math.Abs(expected[k])));
        }
        Assert.Equal(lengths, rows.Select(r => r.Responses[0].Length));
        Assert.Equal(lengths.Sum(), tokens.Length);
        var (padded, _) = TokenLogps.Of(golden.Model, [.. rows.Select((row, k) => row with { LeftPadding = k + 1 })]);
        for (var k = 0; k < sums.Length; k++)
        {
            Assert.Equal(expected[k], padded[k], 1e-4 * Math.Max(1, Math.Abs(expected[k])));
        }
        if (!golden.HasGradients)
        {
            return;
        }
        foreach (var checkpointing in new[] { false, true })
        {
            golden.Model.zero_grad();
            StagedBackward.Run(golden.Model, rows, _ => golden.GradWeights, checkpointing);
            var seen = 0;
            using var scope = NewDisposeScope();
            foreach (var (parameter, gradient) in LlamaWeights.NamedGradients(golden.Model))
            {
                golden.CloseGradient(parameter, gradient);
                seen++;
            }
            Assert.Equal(golden.GradientCount, seen);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void sequences_longer_than_the_window_follow_either_published_convention(bool fused)
    {
        foreach (var convention in new[] { WindowConvention.Exclusive, WindowConvention.Inclusive })
        {
            using var golden = new GoldenModel("mistral-sliding", fused, convention);
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            using var plan = golden.Model.Plan([.. golden.Ids("long").Select(ids => new SharedRow(ids, []))]);
            golden.Close("long.logits", golden.Model.Logits(golden.Model.Hidden(plan)), 1e-4, convention == WindowConvention.Inclusive);
        }
    }

    [Theory]
    [InlineData("qwen2-untied", true)]
    [InlineData("qwen2-untied", false)]
    [InlineData("qwen3-tied", true)]
    [InlineData("qwen3-tied", false)]
    public void long_sequences_of_qwen_have_no_window(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var plan = golden.Model.Plan([.. golden.Ids("long").Select(ids => new SharedRow(ids, []))]);
        golden.Close("long.logits", golden.Model.Logits(golden.Model.Hidden(plan)), 1e-4);
        var left = golden.Masked("long_left_padded");
        golden.CloseWhereMasked("long_left_padded", "long_left_padded.logits_default_positions", [.. left.Select(r => new SharedRow(r.Ids, [], r.Padding, r.Padding))]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void responses_that_share_a_prompt_equal_separate_rows_in_values_and_gradients(bool fused)
    {
        foreach (var name in new[] { "llama-gqa-untied", "mistral-sliding", "qwen2-untied", "qwen3-tied" })
        {
            using var golden = new GoldenModel(name, fused);
            int[] prompt = [5, 9, 31, 7, 60, 22, 41, 3, 18];
            int[][] responses = [[11, 12, 13, 14, 15, 16, 17, 18, 19], [44, 2], [70, 71, 72, 73, 74]];
            int[] second = [8, 90, 4];
            double[] weights = [0.7, -1.3, 0.4, 0.9];
            SharedRow[] shared = [new(prompt, responses), new(second, [responses[2]])];
            SharedRow[] separate = [.. responses.Select(r => new SharedRow(prompt, [r])), new(second, [responses[2]])];

            double[] Sums(SharedRow[] rows, out Dictionary<string, float[]> gradients)
            {
                golden.Model.zero_grad();
                var sums = StagedBackward.Run(golden.Model, rows, _ => weights);
                using var scope = NewDisposeScope();
                gradients = LlamaWeights.NamedGradients(golden.Model).ToDictionary(g => g.Name, g => g.Gradient.contiguous().data<float>().ToArray());
                return sums;
            }
            var one = Sums(shared, out var sharedGradients);
            var many = Sums(separate, out var separateGradients);
            for (var k = 0; k < one.Length; k++)
            {
                Assert.Equal(many[k], one[k], 1e-4);
            }
            foreach (var (parameter, gradient) in separateGradients)
            {
                var scale = gradient.Max(MathF.Abs);
                Assert.All(gradient.Zip(sharedGradients[parameter]), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * Math.Max(1, scale)));
            }
        }
    }
}

[Collection(LiveTensors.Name)]
public class LlamaLeakTests
{
    [Fact]
    public void a_step_leaves_no_tensor_behind()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var (rows, _, _) = golden.Responses();
        StagedBackward.Run(golden.Model, rows, s => s);
        var before = LiveTensors.Count();
        StagedBackward.Run(golden.Model, rows, s => s);
        StagedBackward.Run(golden.Model, rows, s => s, checkpointing: true);
        TokenLogps.Of(golden.Model, rows);
        Assert.Equal(before, Tensor.TotalCount);
    }
}

/// <summary>One folder of tests/golden/hf-models: the model, and its expected numbers by name.</summary>
internal sealed class GoldenModel : IDisposable
{
    private readonly JsonElement cases;
    private readonly bool wasDisabled = Fast.Disabled;

    public GoldenModel(string name, bool fused, WindowConvention window = WindowConvention.Exclusive)
    {
        Fast.Disabled = !fused;
        Folder = Directory.Exists(Golden.Path("hf-models", name)) ? Golden.Path("hf-models", name) : Golden.Outside("hf-models", name)!;
        cases = JsonElement.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.json")));
        Model = LlamaWeights.Load(Folder, window: window);
    }

    public string Folder { get; }

    public Llama Model { get; }

    public bool HasGradients => File.Exists(Path.Combine(Folder, "expected_grads.safetensors"));

    public int GradientCount
    {
        get
        {
            using var file = SafetensorsFile.Open(Path.Combine(Folder, "expected_grads.safetensors"));
            return file.Names.Count;
        }
    }

    public double[] GradWeights => Doubles(cases.GetProperty("response_logprobs").GetProperty("grad_weights"));

    public JsonElement Case(string name) => cases.GetProperty(name);

    public int[][] Ids(string name) => Matrix(cases.GetProperty(name).GetProperty("input_ids"));

    public (int[] Ids, int Padding)[] Masked(string name)
    {
        var mask = Matrix(cases.GetProperty(name).GetProperty("attention_mask"));
        return [.. Ids(name).Zip(mask, (ids, keep) => (ids.Where((_, k) => keep[k] == 1).ToArray(), keep[0] == 1 ? 0 : Array.IndexOf(keep, 1)))];
    }

    public (SharedRow[] Rows, double[] Sums, int[] Lengths) Responses()
    {
        var entry = cases.GetProperty("response_logprobs");
        var (ids, labels) = (Matrix(entry.GetProperty("input_ids")), Matrix(entry.GetProperty("labels")));
        var rows = ids.Zip(labels, (row, label) =>
        {
            var start = Array.FindIndex(label, l => l != -100);
            var end = Array.FindLastIndex(label, l => l != -100) + 1;
            return new SharedRow(row[..start], [row[start..end]]);
        }).ToArray();
        return (rows, Doubles(entry.GetProperty("sum_logps")), [.. labels.Select(l => l.Count(id => id != -100))]);
    }

    public void Close(string name, Tensor actual, double tolerance, bool otherConvention = false)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, otherConvention ? "other_convention_window_plus_one.safetensors" : "expected.safetensors"));
        using var scope = NewDisposeScope();
        var expected = file.Read(name, ScalarType.Float32);
        var gap = (expected.view(-1) - actual.reshape(-1)).abs().max().item<float>();
        Assert.True(gap <= tolerance * Math.Max(1, expected.abs().max().item<float>() / 10), $"{name}: largest gap {gap}");
    }

    public double Gap(string name, Tensor actual)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "expected.safetensors"));
        using var scope = NewDisposeScope();
        return (file.Read(name, ScalarType.Float32).view(-1) - actual.to_type(ScalarType.Float32).reshape(-1)).abs().max().item<float>();
    }

    public Tensor Gradient(string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "expected_grads.safetensors"));
        return file.Read(name, ScalarType.Float32);
    }

    public void CloseGradient(string name, Tensor actual)
    {
        using var scope = NewDisposeScope();
        var expected = Gradient(name);
        var gap = (expected - actual).abs().max().item<float>();
        var scale = expected.abs().max().item<float>();
        Assert.True(gap <= 1e-4 * Math.Max(scale, 1e-3), $"gradient of {name}: largest gap {gap}, largest element {scale}");
    }

    public void CloseWhereMasked(string caseName, string tensorName, SharedRow[] rows)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "expected.safetensors"));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var plan = Model.Plan(rows);
        var mask = Matrix(cases.GetProperty(caseName).GetProperty("attention_mask"));
        var expected = file.Read(tensorName, ScalarType.Float32);
        var actual = Model.Logits(Model.Hidden(plan)).view(plan.Rows, plan.Width, -1);
        var keep = tensor(mask.SelectMany(row => row.Select(m => m == 1)).ToArray(), [plan.Rows, plan.Width, 1]);
        var gap = where(keep, expected - actual, zeros(1)).abs().max().item<float>();
        Assert.True(gap <= 1e-4, $"{tensorName}: largest gap {gap}");
    }

    public void Dispose()
    {
        Model.Dispose();
        Fast.Disabled = wasDisabled;
    }

    internal static int[][] Matrix(JsonElement rows) => [.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(v => v.GetInt32()).ToArray())];

    internal static double[] Doubles(JsonElement values) => [.. values.EnumerateArray().Select(Golden.Number)];
}
