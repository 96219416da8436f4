// Memory can be measured in a fresh process only: this assembly's own entry point runs one piece of work and prints
// what it took. The test runner does not come through here.
using System.Diagnostics;
using System.Globalization;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Scale;
using Selm.Research.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests;

/// <summary>Work in a process of its own, and its memory by the kernel's count.</summary>
public static class MemoryProbe
{
    private const int Vocabulary = 128_256, Width = 16;

    /// <summary>Runs the named work.</summary>
    /// <param name="args">Its name, then its numbers.</param>
    public static void Main(string[] args)
    {
        Selm.HuggingFace.Engine.Libtorch.Threads = 1;
        var result = args[0] switch
        {
            "naive-head" => Head(int.Parse(args[1], CultureInfo.InvariantCulture), Naive),
            "staged-head" => Head(int.Parse(args[1], CultureInfo.InvariantCulture), Staged),
            "composed-head" => Head(int.Parse(args[1], CultureInfo.InvariantCulture), Composed),
            "training" => Training(),
            "lora" => Lora(int.Parse(args[1], CultureInfo.InvariantCulture), int.Parse(args[2], CultureInfo.InvariantCulture)),
            "rows" => Rows(args[1]),
            "lengths" => Lengths(int.Parse(args[1], CultureInfo.InvariantCulture)),
            "reader" => OfReader(args[1], args[2]),
            "steps" => Steps(args.Skip(1).Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray()),
            "load" => Load(args[1], args[2] == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32),
            "store" => Store(args[1]),
            "bench" => OfBench(Enum.Parse<BenchMode>(args[1]), int.Parse(args[2], CultureInfo.InvariantCulture)),
            _ => throw new ArgumentException(args[0]),
        };
        Console.WriteLine(string.Join(' ', result));
    }

    /// <summary>Starts this assembly as a program.</summary>
    /// <returns>The numbers that it printed.</returns>
    internal static long[] Run(params string[] args)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", typeof(MemoryProbe).Assembly.Location, .. args])
        {
            RedirectStandardOutput = true,
        };
        // The runtime's own growth is not meant: code that is compiled again once it has proved hot, and the first fill
        // of the nursery (together 8 to 20 MB, once).
        start.Environment["DOTNET_TieredCompilation"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_GCgen0size"] = "0x80000";
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return [.. text.Split().Where(word => word.Length > 0).Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
    }

    // Puts two thousand numbers into a store that others put them into at the same time; how many were known, held and wrong.
    private static long[] Store(string path)
    {
        const int count = 2000;
        var (known, wrong) = (0, 0);
        using var store = new NumberStore(path);
        for (var i = 0; i < count; i++)
        {
            var value = Math.Sin(i);
            if (store.TryGet($"key {i}", out var found))
            {
                known++;
                wrong += found == value ? 0 : 1;
            }
            store.Put($"key {i}", value);
            if (i % 50 == 0)
            {
                store.Flush();
            }
        }
        return [known, store.Count, wrong];
    }

    // The most memory [kB] that log-probs of `positions` tokens and their gradient take beyond what they start from.
    private static long[] Head(int positions, Action<Tensor, Tensor, Tensor, Tensor> work)
    {
        using var scope = NewDisposeScope();
        work(Noise(2, Width), Noise(40, Width), Ids(2, 40), Noise(2)); // loads and compiles what is needed
        var (states, head, ids, weights) = (Noise(positions, Width), Noise(Vocabulary, Width), Ids(positions, Vocabulary), Noise(positions));
        var before = Status("VmRSS");
        work(states, head, ids, weights);
        return [Status("VmHWM") - before];
    }

    private static void Naive(Tensor states, Tensor head, Tensor ids, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var (x, w) = (states.detach().requires_grad_(), head.detach().requires_grad_());
        var logps = nn.functional.linear(x, w).log_softmax(-1).gather(1, ids.unsqueeze(1)).squeeze(1);
        autograd.backward(logps, weights);
    }

    private static void Staged(Tensor states, Tensor head, Tensor ids, Tensor weights)
    {
        using var scope = NewDisposeScope();
        Fast.TokenLogpsBackward(states, head, ids, Fast.TokenLogps(states, head, ids), weights, head.zeros_like());
    }

    private static void Composed(Tensor states, Tensor head, Tensor ids, Tensor weights)
    {
        Fast.Disabled = true;
        Staged(states, head, ids, weights);
    }

    // A thousand steps of a tiny model: growth of the resident memory from step 100 to the end [kB], and steps after
    // which another number of tensors was alive than after the first ones.
    private static long[] Training()
    {
        const int warm = 100, steps = 1000;
        using var work = BenchWork.Of(BenchMode.Train, new(Vocab: 31, Hidden: 16, Layers: 2, Heads: 2, KvHeads: 1, Ff: 24, Prompt: 4, Response: 6, Batch: 4));
        long resident = 0, tensors = 0, odd = 0;
        for (var step = 0; step < steps; step++)
        {
            work.Prepare(step % 7);
            work.Reference();
            work.Step();
            if (step < warm)
            {
                tensors = Tensor.TotalCount;
                resident = Resident();
            }
            else if (Tensor.TotalCount != tensors)
            {
                odd++;
            }
        }
        return [Resident() - resident, odd];

        static long Resident() => Status("VmRSS");
    }

    // An optimiser step of an adapter (rank 16, all-linear) on a model of random weights in Qwen2.5-0.5B's shape, one prompt with two
    // responses: peak of the process, weights, activations by the formula [all kB], milliseconds of a second step.
    private static long[] Lora(int prompt, int response)
    {
        const int rank = 16;
        using var model = new Llama(new LlamaConfig
        {
            ModelType = "qwen2", VocabSize = 151_936, HiddenSize = 896, IntermediateSize = 4864, NumHiddenLayers = 24, NumAttentionHeads = 14, NumKeyValueHeads = 2, HeadDim = 64,
            MaxPositionEmbeddings = 32_768, TieWordEmbeddings = true,
        });
        TiledWeights.Fill(model);
        model.Attach(NewAdapter.Of(model, new AdapterRecipe { Rank = rank }, seed: 1));
        using var update = new ParameterUpdate(model, new OptimizerRecipe { LearningRate = 1e-4 });
        SharedRow[] rows = [new([.. Enumerable.Range(0, prompt)], [[.. Enumerable.Range(500, response)], [.. Enumerable.Range(900, response)]])];
        var clock = new Stopwatch();
        for (var step = 0; step < 2; step++)
        {
            clock.Restart();
            StagedBackward.Run(model, rows, sums => [-1, 1]);
            update.Step(1e-4, maxNorm: 1);
        }
        // What a block keeps of a token: its input, twice normed and once between, q k v, mixed values, gate and up, their product, x A'.
        var config = model.Config;
        long perBlock = (4 * config.HiddenSize) + ((config.NumAttentionHeads + (2 * config.NumKeyValueHeads)) * config.HeadDim) + config.HiddenSize + (3 * config.IntermediateSize) + (7 * rank);
        var tokens = prompt + (2 * (response - 1));
        return [Status("VmHWM"), 4 * model.parameters().Sum(p => p.numel()) >> 10, 4 * tokens * config.NumHiddenLayers * perBlock >> 10, clock.ElapsedMilliseconds];
    }

    // Loads a folder and watches meanwhile: the most memory of the process's own beyond what it started with, the model, its largest weight [all kB].
    // Pages of the mapped files, which the system takes back when it likes, do not count.
    private static long[] Load(string folder, ScalarType dtype)
    {
        using (new Llama(new LlamaConfig { ModelType = "llama", VocabSize = 8, HiddenSize = 8, IntermediateSize = 8, NumHiddenLayers = 1, NumAttentionHeads = 1, NumKeyValueHeads = 1, HeadDim = 8 }))
        {
        }
        var (before, most, over) = (Status("RssAnon"), 0L, false);
        var watch = new Thread(() =>
        {
            while (!Volatile.Read(ref over))
            {
                most = Math.Max(most, Status("RssAnon"));
            }
        });
        watch.Start();
        using var model = LlamaWeights.Load(folder, dtype);
        Volatile.Write(ref over, true);
        watch.Join();
        var size = dtype == ScalarType.BFloat16 ? 2 : 4;
        return [most - before, size * model.parameters().Sum(p => p.numel()) >> 10, size * model.parameters().Max(p => p.numel()) >> 10];
    }

    // Optimiser steps on a model of random weights: the peak of the process [kB]. Numbers: vocabulary, hidden, layers, heads, key heads, ff,
    // tokens of a prompt and of each of three responses, pairs of a micro-batch, micro-batches, whether block inputs alone are kept, rank of
    // an adapter (0: all weights), steps.
    private static long[] Steps(int[] n)
    {
        var shape = new BenchShape(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]);
        using var model = new Llama(shape.Config());
        TiledWeights.Fill(model);
        if (n[11] > 0)
        {
            model.Attach(NewAdapter.Of(model, new AdapterRecipe { Rank = n[11] }, seed: 1));
        }
        else
        {
            foreach (var parameter in model.parameters())
            {
                parameter.requires_grad = true;
            }
        }
        using var update = new ParameterUpdate(model, new OptimizerRecipe { LearningRate = 1e-6 });
        for (var step = 0; step < n[12]; step++)
        {
            for (var micro = 0; micro < n[9]; micro++)
            {
                SharedRow[] rows = [.. Enumerable.Range(0, n[8]).Select(k =>
                {
                    var stream = new PhiloxStream((ulong)((step * 1000) + micro), "steps", k);
                    int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => stream.NextInt(n[0]))];
                    return new SharedRow(Ids(n[6]), [Ids(n[7]), Ids(n[7]), Ids(n[7])]);
                })];
                StagedBackward.Run(model, rows, sums => [.. sums.Select((_, k) => k % 3 == 0 ? -0.1 : 0.05)], n[10] > 0, update.Accumulate);
            }
            update.Step(1e-6, maxNorm: 1);
        }
        return [Status("VmHWM")];
    }

    // Memory [kB] after a third of some passes in bfloat16, each over rows of other lengths, and after all of them.
    private static long[] Lengths(int passes)
    {
        using var model = new Llama(new BenchShape(512, 512, 2, 8, 4, 1536, 24, 24).Config(), ScalarType.BFloat16, CPU);
        TiledWeights.Fill(model);
        foreach (var parameter in model.parameters())
        {
            parameter.requires_grad = true;
        }
        using var update = new ParameterUpdate(model, new OptimizerRecipe { MasterWeights = false, Moments = Precision.Bf16, UpdateInBackward = true });
        var early = 0L;
        for (var pass = 0; pass < passes; pass++)
        {
            var stream = new PhiloxStream(1, "lengths", pass);
            int[] Ids(int most) => [.. Enumerable.Range(0, 4 + stream.NextInt(most)).Select(_ => stream.NextInt(512))];
            SharedRow[] rows = [.. Enumerable.Range(0, 8).Select(_ => new SharedRow(Ids(40), [Ids(40), Ids(40)]))];
            update.Begin(1e-6);
            StagedBackward.Run(model, rows, sums => [.. sums.Select((_, k) => k % 2 == 0 ? -0.1 : 0.05)], checkpointing: true, update.Apply);
            GC.Collect();
            early = pass == passes / 3 ? Status("VmRSS") : early;
        }
        return [early, Status("VmRSS")];
    }

    // Rows of a file and the most memory [kB] that reading them takes beyond what the process started with.
    private static long[] Rows(string path)
    {
        var before = Status("VmRSS");
        var rows = RowFile.Read(path).LongCount(row => row.Value.ValueKind == System.Text.Json.JsonValueKind.Object);
        return [rows, Status("VmHWM") - before];
    }

    // The most memory [kB] that a reader takes beyond what the process holds once it has read sound files of that kind.
    private static long[] OfReader(string name, string path)
    {
        using var readers = new Hostile.HostileReaders();
        var reader = readers.All.Single(one => one.Name == name);
        using var run = new Selm.Tests.Hostile.HostileRun(reader);
        foreach (var _ in run.Sound())
        {
        }
        var before = Selm.Tests.Hostile.PeakMemory.Reset();
        reader.Read(path);
        return [(Selm.Tests.Hostile.PeakMemory.Now() - before) >> 10];
    }

    // The most that a bench takes beyond what the process started with.
    private static long[] OfBench(BenchMode mode, int batch)
    {
        var shape = new BenchShape(Hidden: 64, Ff: 128, Heads: 2, KvHeads: 1, Batch: batch, Steps: 1);
        Bench.Run(mode, shape with { Batch = 2 }); // loads and compiles what is needed
        var before = Status("VmRSS");
        Bench.Run(mode, shape);
        return [Status("VmHWM") - before];
    }

    private static long Status(string name) => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private static Tensor Ids(int count, int vocabulary) => tensor(Enumerable.Range(0, count).Select(k => k * 7919L % vocabulary).ToArray(), [count]);

    private static Tensor Noise(params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        new PhiloxStream(5, "probe").FillUniform(values);
        return tensor(values, shape);
    }
}
