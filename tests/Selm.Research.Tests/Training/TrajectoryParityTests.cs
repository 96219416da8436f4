using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Tests.Models;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>Optimisation runs of the SELM repository, TRL and PyTorch, step by step.</summary>
public class TrajectoryParityTests(ITestOutputHelper output)
{
    /// <summary>Below this a gradient is rounding noise, which AdamW blows up to full steps.</summary>
    private const double Noise = 1e-7;

    [Theory]
    [InlineData("selm-adamw-llama", "llama-gqa-untied")]
    [InlineData("selm-adamw-decay-llama", "llama-gqa-untied")]
    [InlineData("dpo-rmsprop-llama", "llama-gqa-untied")]
    [InlineData("selm-adamw-mistral", "mistral-sliding")]
    public void loss_gradient_norm_log_probs_and_final_weights_follow_the_golden_run(string name, string start)
    {
        var golden = Golden.Json("training", name, "expected.json");
        using var policy = LlamaWeights.Load(Golden.Path("hf-models", start));
        using var reference = LlamaWeights.Load(Golden.Path("hf-models", start));
        var loss = new SelmLoss(golden.GetProperty("beta").GetDouble(), golden.GetProperty("alpha").GetDouble());
        using var update = new ParameterUpdate(policy, Optimizer(golden));
        var schedule = new Schedule(ScheduleKind.Cosine, golden.GetProperty("schedule").GetProperty("warmup_steps").GetInt32(), golden.GetProperty("schedule").GetProperty("total_steps").GetInt32());
        var peak = golden.GetProperty("optimizer_settings").GetProperty("lr").GetDouble();
        var largest = new Dictionary<string, float[]>(); // per weight: the largest gradient it ever saw
        var step = 0;
        foreach (var (batch, log) in golden.GetProperty("batches").EnumerateArray().Zip(golden.GetProperty("log").EnumerateArray()))
        {
            var examples = new ReferenceLogps(null, "", "").Fill(reference, Examples(batch));
            var (losses, logps) = PreferenceStep.Backward(policy, loss, examples, examples.Length);
            Track(policy, largest);
            var rate = peak * schedule.Factor(step);
            Close(log.GetProperty("lr").GetDouble(), rate, $"step {step}: learning rate");
            Close(log.GetProperty("loss").GetDouble(), losses.Average(l => l.Loss), $"step {step}: loss");
            Close(log.GetProperty("policy_logps").GetProperty("chosen"), logps.Select(l => l.PolicyChosen), $"step {step}: chosen");
            Close(log.GetProperty("policy_logps").GetProperty("rejected"), logps.Select(l => l.PolicyRejected), $"step {step}: rejected");
            Close(log.GetProperty("policy_logps").GetProperty("response"), logps.Select(l => l.PolicySample), $"step {step}: y");
            Close(log.GetProperty("reference_logps").GetProperty("response"), logps.Select(l => l.RefSample), $"step {step}: y under the reference");
            Close(log.GetProperty("grad_norm_before_clip").GetDouble(), update.Step(rate, golden.GetProperty("max_grad_norm").GetDouble()), $"step {step}: gradient norm");
            step++;
        }
        CompareWeights(policy, Golden.Path("training", name, "final_weights.safetensors"), largest);
    }

    [SkippableFact]
    public void an_adapter_follows_the_golden_run_of_peft_with_the_base_as_its_reference()
    {
        const string name = "selm-lora-adamw-llama";
        Skip.If(Golden.Outside("training", name) is null, $"fixtures/training/{name} is not here");
        var folder = Golden.Outside("training", name)!;
        var golden = JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        using var model = ModelFolder.Load(Golden.Path("hf-models", "llama-gqa-untied"), adapter: folder);
        var policy = model.Model;
        var loss = new SelmLoss(golden.GetProperty("beta").GetDouble(), golden.GetProperty("alpha").GetDouble());
        using var update = new ParameterUpdate(policy, Optimizer(golden));
        var schedule = new Schedule(ScheduleKind.Cosine, golden.GetProperty("schedule").GetProperty("warmup_steps").GetInt32(), golden.GetProperty("schedule").GetProperty("total_steps").GetInt32());
        var first = policy.Adapter!.Named.ToDictionary(w => w.Name, w => new float[w.Weight.numel()]); // per weight: the first gradient that is not 0
        var step = 0;
        foreach (var (batch, log) in golden.GetProperty("batches").EnumerateArray().Zip(golden.GetProperty("log").EnumerateArray()))
        {
            policy.AdapterOn = false;
            var examples = new ReferenceLogps(null, "", "").Fill(policy, Examples(batch));
            policy.AdapterOn = true;
            var (losses, logps) = PreferenceStep.Backward(policy, loss, examples, examples.Length);
            var rate = golden.GetProperty("optimizer_settings").GetProperty("lr").GetDouble() * schedule.Factor(step);
            foreach (var (weight, gradient) in policy.Adapter.NamedGradients)
            {
                first[weight] = [.. first[weight].Zip(gradient.contiguous().data<float>().ToArray(), (before, now) => before != 0 ? before : now)];
            }
            Near(log.GetProperty("loss").GetDouble(), losses.Average(l => l.Loss), 1e-5, $"step {step}: loss");
            Near(log.GetProperty("policy_logps").GetProperty("chosen"), logps.Select(l => l.PolicyChosen), $"step {step}: chosen");
            Near(log.GetProperty("policy_logps").GetProperty("rejected"), logps.Select(l => l.PolicyRejected), $"step {step}: rejected");
            Near(log.GetProperty("reference_logps").GetProperty("response"), logps.Select(l => l.RefSample), $"step {step}: y under the reference");
            Near(log.GetProperty("grad_norm_before_clip").GetDouble(), update.Step(rate, golden.GetProperty("max_grad_norm").GetDouble()), 1e-5, $"step {step}: gradient norm");
            step++;
        }
        using var file = SafetensorsFile.Open(Path.Combine(folder, "final_adapter.safetensors"));
        using var scope = NewDisposeScope();
        var gaps = policy.Adapter.Named.SelectMany(w => file.Read(w.Name).data<float>().ToArray()
            .Zip(w.Weight.detach().contiguous().data<float>().ToArray(), first[w.Name]).Select(e => (Gap: Math.Abs(e.First - e.Second), Noise: Math.Abs(e.Third) < Noise))).ToArray();
        var (noise, gap) = (gaps.Count(e => e.Noise), gaps.Where(e => !e.Noise).Max(e => e.Gap));
        output.WriteLine($"{gaps.Length} numbers within {gap}, but for {noise} whose first gradient is below {Noise}: within {gaps.Max(e => e.Gap)}");
        Assert.True(gap <= 1e-4, $"largest gap {gap}");
        Assert.True(noise < gaps.Length / 100, $"{noise} of {gaps.Length} numbers were left out");
        Assert.Equal(file.Names.Order(StringComparer.Ordinal), policy.Adapter.Named.Select(w => w.Name).Order(StringComparer.Ordinal));
        policy.AdapterOn = false;
        using var start = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        Assert.All(start.parameters().Zip(policy.parameters()), pair => Assert.Equal(pair.First.data<float>().ToArray(), pair.Second.data<float>().ToArray()));

    }

    private static OptimizerRecipe Optimizer(JsonElement golden)
    {
        var settings = golden.GetProperty("optimizer_settings");
        return new OptimizerRecipe
        {
            Name = golden.GetProperty("optimizer").GetString()!.StartsWith("adamw", StringComparison.Ordinal) ? OptimizerKind.Adamw : OptimizerKind.Rmsprop,
            LearningRate = settings.GetProperty("lr").GetDouble(),
            Betas = settings.TryGetProperty("betas", out var betas) ? GoldenModel.Doubles(betas) : [0.9, 0.999],
            Eps = settings.GetProperty("eps").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
        };
    }

    private static TrainingExample[] Examples(JsonElement batch)
    {
        TokenRow[] Rows(string role)
        {
            var part = batch.GetProperty(role);
            return [.. GoldenModel.Matrix(part.GetProperty("input_ids")).Zip(GoldenModel.Matrix(part.GetProperty("labels")), (ids, labels) =>
            {
                var first = Array.FindIndex(labels, l => l != -100);
                return new TokenRow(ids[..(Array.FindLastIndex(labels, l => l != -100) + 1)], first);
            })];
        }
        var (chosen, rejected, y) = (Rows("chosen"), Rows("rejected"), Rows("response"));
        return [.. chosen.Select((c, k) => new TrainingExample(new TokenTriple(c.InputIds[..c.ResponseStart], c, rejected[k], y[k])))];
    }

    // Tolerances of fixtures/training: absolute, and relative above 1.
    private static void Near(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected)), $"{what}: {actual} instead of {expected}");

    private static void Near(JsonElement expected, IEnumerable<double> actual, string what)
    {
        foreach (var (e, a) in expected.EnumerateArray().Zip(actual))
        {
            Near(e.GetDouble(), a, 1e-4, what);
        }
    }

    private static void Close(double expected, double actual, string what) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-4 * Math.Max(Math.Abs(expected), 1e-3), $"{what}: {actual} instead of {expected}");

    private static void Close(JsonElement expected, IEnumerable<double> actual, string what)
    {
        foreach (var (e, a) in expected.EnumerateArray().Zip(actual))
        {
            Close(e.GetDouble(), a, what);
        }
    }

    private static void Track(Llama policy, Dictionary<string, float[]> largest)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, gradient) in LlamaWeights.NamedGradients(policy))
        {
            var now = gradient.abs().contiguous().data<float>().ToArray();
            largest[name] = largest.TryGetValue(name, out var before) ? [.. before.Zip(now, Math.Max)] : now;
        }
    }

    private void CompareWeights(Llama policy, string path, Dictionary<string, float[]> largest)
    {
        using var file = SafetensorsFile.Open(path);
        using var scope = NewDisposeScope();
        long noise = 0, all = 0;
        foreach (var (name, weight) in LlamaWeights.Named(policy))
        {
            var (expected, actual) = (file.Read(name).data<float>().ToArray(), weight.detach().contiguous().data<float>().ToArray());
            for (var k = 0; k < expected.Length; k++)
            {
                all++;
                if (largest[name][k] < Noise)
                {
                    noise++;
                    continue;
                }
                Assert.True(Math.Abs(expected[k] - actual[k]) <= 1e-4, $"{name}[{k}]: {actual[k]} instead of {expected[k]}, largest gradient {largest[name][k]}");
            }
        }
        output.WriteLine($"{all} weights within 1e-4, but for {noise} whose gradient never reached {Noise}");
        Assert.True(noise < all / 3, $"{noise} of {all} weights were left out");
    }
}
