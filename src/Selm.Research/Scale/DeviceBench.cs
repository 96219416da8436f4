// selm bench gpu: one command that says whether a device computes what it should and how fast, within eight minutes. Rows that
// there is no room, time or program for say "not measured" and why. The same path runs on the CPU at tiny sizes.
using System.Diagnostics;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>One speed on the device.</summary>
/// <param name="What">What was done, and with which model.</param>
/// <param name="Unit">pairs/s or tokens/s.</param>
/// <param name="Speed">How many, or null where it was not measured.</param>
/// <param name="ShareOfProducts">Least operations over time, over the ceiling of products of the same precision.</param>
/// <param name="ShareOfBandwidth">Least bytes over time, over the ceiling of copies.</param>
/// <param name="PlannedGb">What selm plan says of its peak [GB]; null where it plans no such work.</param>
/// <param name="Note">Why it was not measured, or null.</param>
public sealed record DeviceSpeed(string What, string Unit, double? Speed, double? ShareOfProducts, double? ShareOfBandwidth, double? PlannedGb, string? Note)
{
    /// <summary>The words of a row without a number.</summary>
    public const string NotMeasured = "not measured";
}

/// <summary>A device against two ceilings, one model after another.</summary>
/// <param name="Device">cpu, cuda or cuda:N.</param>
/// <param name="Budget">whole or smoke.</param>
/// <param name="Libtorch">The libtorch that computed.</param>
/// <param name="Parity">The fixtures.</param>
/// <param name="Gflops32">The fastest product in float32 [GFLOP/s].</param>
/// <param name="Gflops16">The fastest product in bfloat16 [GFLOP/s].</param>
/// <param name="GbPerS">The fastest copy, read and written [GB/s].</param>
/// <param name="Speeds">Training, decoding, ranking.</param>
/// <param name="Peer">Ratios to a plain eager PyTorch program, where there is one; times of that program over ours.</param>
/// <param name="Seconds">What the whole bench took.</param>
public sealed record DeviceBenchReport(
    string Device, string Budget, string Libtorch, IReadOnlyList<ParityRow> Parity, double Gflops32, double Gflops16, double GbPerS,
    IReadOnlyList<DeviceSpeed> Speeds, IReadOnlyList<DeviceSpeed> Peer, double Seconds);

/// <summary>Benches a device.</summary>
public static class DeviceBench
{
    private const double MostSeconds = 420; // no row is begun later

    // Names, numbers and tokens of the two budgets.
    private static readonly (string[] Models, int Prompt, int Response, int Steps, int[] Batches, int Product, int Copy, bool Large) whole =
        (["Qwen2-0.5B", "Llama-3.2-1B", "Mistral-7B", "Llama-3-8B"], 128, 128, 4, [1, 8, 64, 256], 8192, 1 << 28, true);

    private static readonly (string[] Models, int Prompt, int Response, int Steps, int[] Batches, int Product, int Copy, bool Large) smoke =
        (["tiny"], 4, 6, 3, [1, 8], 64, 1 << 16, false);

    /// <summary>Runs everything.</summary>
    /// <param name="deviceName">cpu, cuda or cuda:N.</param>
    /// <param name="small">Tiny sizes: a test of the path.</param>
    /// <param name="progress">Is told about every row.</param>
    /// <exception cref="InputException">The device is not there, or the kit's source tree is not found.</exception>
    public static DeviceBenchReport Run(string deviceName, bool small, IProgress<StepProgress>? progress = null)
    {
        var device = DeviceName.Parse(deviceName);
        var (clock, size) = (Stopwatch.StartNew(), small ? smoke : whole);
        var parity = DeviceParity.Rows(device).ToArray();
        progress?.Report(new StepProgress("bench gpu: parity", parity.Length, parity.Length));
        var (products32, products16) = (Products(device, ScalarType.Float32, size.Product), Products(device, ScalarType.BFloat16, size.Product));
        var copy = Copies(device, size.Copy);
        double memory = device.type == DeviceType.CPU ? PlanDevice.PhysicalMemory : PlanCheck.CudaMemory() ?? double.PositiveInfinity;
        var speeds = new List<DeviceSpeed>();
        foreach (var name in size.Models)
        {
            var model = small ? Tiny() : PlanModel.Published(name)!;
            foreach (var (form, recipe) in Forms(name, deviceName))
            {
                Add($"training, {name}, {form}", "pairs/s", Peak(recipe, model, size.Prompt, size.Response), products16, what => Train(what, recipe, model, device, size.Prompt, size.Response, size.Steps));
            }
        }
        var decoded = small ? Tiny() : PlanModel.Published("Mistral-7B")!;
        foreach (var batch in size.Batches)
        {
            var recipe = new Recipe { Precision = Precision.Bf16 };
            Add($"decoding, {(small ? "tiny" : "Mistral-7B")}, batch {batch}", "tokens/s", new StepMemory(recipe, decoded, false, 0).Sampling(batch, size.Prompt, size.Response).Total, products16, what => Decode(what, decoded, device, batch, size.Prompt, size.Response));
        }
        Add($"ranking, {(small ? "tiny" : "DeBERTa-v3-large")}", "pairs/s", 0, products32, what => RankingBench.Run(what, device, size.Large));
        return new(deviceName, small ? "smoke" : "whole", __version__, parity, products32, products16, copy, speeds, Peers(deviceName, small, progress), clock.Elapsed.TotalSeconds);

        void Add(string what, string unit, double bytes, double products, Func<string, (double Speed, Floor Work, double Seconds)> measure)
        {
            progress?.Report(new StepProgress($"bench gpu: {what}", speeds.Count, 0));
            double? planned = bytes > 0 ? bytes / 1e9 : null;
            var not = bytes > memory ? "it is larger than the device" : clock.Elapsed.TotalSeconds > MostSeconds ? "the time is up" : null;
            try
            {
                if (not is null)
                {
                    var (speed, work, seconds) = measure(what);
                    speeds.Add(new(what, unit, speed, work.Flops / seconds / 1e9 / products, work.Bytes / seconds / 1e9 / copy, planned, null));
                    return;
                }
            }
            catch (Exception e) when (MemoryShortage.Is(e))
            {
                not = "it ran out of memory";
            }
            speeds.Add(new(what, unit, null, null, null, planned, $"{DeviceSpeed.NotMeasured}: {not}"));
        }
    }

    // An adapter, and all weights at ten bytes each: without master copies, moments in bf16 on the device.
    private static (string Form, Recipe Recipe)[] Forms(string name, string device)
    {
        var both = new Recipe { Name = name, Precision = Precision.Bf16, ActivationCheckpointing = true, BatchSize = 2, GradientAccumulation = 1, Device = device };
        return
        [
            ("adapter of rank 16", both with { Adapter = new AdapterRecipe { Rank = 16 } }),
            ("all weights", both with { Optimizer = both.Optimizer with { MasterWeights = false, Moments = Precision.Bf16 } }),
        ];
    }

    private static PlanModel Tiny() => new("tiny", new BenchShape(Vocab: 64, Hidden: 32, Layers: 2, Heads: 2, KvHeads: 1, Ff: 48, Prompt: 16, Response: 16).Config(), "built-in", 0);

    private static double Peak(Recipe recipe, PlanModel model, int prompt, int response) =>
        new StepMemory(recipe, model, kernels: false, 0.6e9, onHost: recipe.Device == "cpu").Training(recipe.BatchSize, prompt, response, 3).Max(moment => moment.Total);

    // Optimiser steps through the trainer itself; the first warms up, the median of the others counts.
    private static (double, Floor, double) Train(string what, Recipe recipe, PlanModel shape, Device device, int prompt, int response, int steps)
    {
        using var model = new Llama(shape.Config, ScalarType.BFloat16, device);
        TiledWeights.Fill(model);
        if (recipe.Adapter is { } adapter)
        {
            model.Attach(NewAdapter.Of(model, adapter, seed: 1));
        }
        else
        {
            foreach (var parameter in model.parameters())
            {
                parameter.requires_grad = true;
            }
        }
        TrainingExample[] examples = [.. Enumerable.Range(0, steps * recipe.BatchSize).Select(k =>
        {
            var stream = new PhiloxStream(0, what, k);
            var ids = BenchWork.Ids(stream, prompt, shape.Config.VocabSize);
            TokenRow Row() => new([.. ids, .. BenchWork.Ids(stream, response, shape.Config.VocabSize)], prompt);
            return new TrainingExample(new TokenTriple(ids, Row(), Row(), Row()), RefChosen: 0, RefRejected: 0, RefSample: 0);
        })];
        var times = new Times();
        var last = Stopwatch.GetTimestamp();
        Trainer.Run(model, examples, [], new SelmLoss(0.01, 0.001), TrainerOptions.Of(recipe, 0) with { CheckpointEvery = 0 }, progress: new Stopped(done =>
        {
            if (done > 1)
            {
                times.Add(Stopwatch.GetElapsedTime(last).TotalMilliseconds, 0);
            }
            last = Stopwatch.GetTimestamp();
        }));
        var work = Floor.Of(BenchMode.Train, shape.Shape(recipe.BatchSize, prompt, response), withReference: false);
        return (recipe.BatchSize / times.Wall * 1e3, work with { Bytes = work.Bytes / 2 }, times.Wall / 1e3);
    }

    private static (double, Floor, double) Decode(string what, PlanModel shape, Device device, int batch, int prompt, int response)
    {
        using var model = new Llama(shape.Config, ScalarType.BFloat16, device);
        TiledWeights.Fill(model);
        int[][] prompts = [.. Enumerable.Range(0, batch).Select(k => BenchWork.Ids(new PhiloxStream(0, what, k), prompt, shape.Config.VocabSize))];
        ResponseGenerator.Generate(model, prompts, new SamplingOptions(MaxNewTokens: 2), batch, endIds: []); // warms up
        var (wall, _) = Times.Of(() => ResponseGenerator.Generate(model, prompts, new SamplingOptions(MaxNewTokens: response), batch, endIds: []));
        var work = Floor.Of(BenchMode.Generate, shape.Shape(batch, prompt, response));
        return (batch * response / wall * 1e3, work with { Bytes = work.Bytes / 2 }, wall / 1e3);
    }

    // The fastest of a few square products [GFLOP/s]; reading one number waits for the device.
    private static double Products(Device device, ScalarType dtype, int size)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (a, b) = (ones([size, size], dtype, device), ones([size, size], dtype, device));
        return 2.0 * size * size * size / Fastest(() => a.matmul(b)) / 1e9;
    }

    private static double Copies(Device device, int floats)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (from, to) = (ones([floats], ScalarType.Float32, device), zeros([floats], ScalarType.Float32, device));
        return 2.0 * sizeof(float) * floats / Fastest(() => to.copy_(from)) / 1e9;
    }

    private static double Fastest(Func<Tensor> work)
    {
        const int calls = 8, repetitions = 5;
        var best = double.PositiveInfinity;
        for (var k = 0; k <= repetitions; k++)
        {
            using var scope = NewDisposeScope();
            var start = Stopwatch.GetTimestamp();
            Tensor last = work();
            for (var call = 1; call < calls; call++)
            {
                last = work();
            }
            last.reshape(-1)[0].to_type(ScalarType.Float32).cpu().item<float>();
            best = k == 0 ? best : Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / calls);
        }
        return best;
    }

    // The plain program beside the kit's own bench of the same shape: float32 on the CPU, where both exist.
    private static List<DeviceSpeed> Peers(string device, bool small, IProgress<StepProgress>? progress)
    {
        var rows = new List<DeviceSpeed>();
        foreach (var mode in new[] { BenchMode.Train, BenchMode.Generate })
        {
            var what = $"{mode.ToString().ToLowerInvariant()}, plain PyTorch";
            try
            {
                rows.Add(DevicePeer.Run(what, mode, device, small));
            }
            catch (InputException e)
            {
                rows.Add(new(what, mode == BenchMode.Train ? "pairs/s" : "tokens/s", null, null, null, null, $"{DeviceSpeed.NotMeasured}: {e.Message}"));
            }
            progress?.Report(new StepProgress($"bench gpu: {what}", rows.Count, 2));
        }
        return rows;
    }

    private sealed class Stopped(Action<long> step) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => step(value.Done);
    }
}
