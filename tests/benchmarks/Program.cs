using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Objectives;
using Selm.Research.Scale;
using Selm.Research.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Benchmarks;

/// <summary>The cost of a call to libtorch where the work itself is nothing: sixteen numbers. The kit aims at 2 microseconds.</summary>
public class Operators
{
    private Tensor a = null!, b = null!;

    /// <summary>One thread.</summary>
    [GlobalSetup]
    public void Setup()
    {
        Selm.HuggingFace.Engine.Libtorch.Threads = 1;
        (a, b) = (ones(16), ones(16));
    }

    /// <summary>A new tensor from two.</summary>
    [Benchmark]
    public void Add() => a.add(b).Dispose();

    /// <summary>In place.</summary>
    [Benchmark]
    public void AddInPlace() => a.add_(b);

    /// <summary>A view.</summary>
    [Benchmark]
    public void Narrow() => a.narrow(0, 2, 8).Dispose();

    /// <summary>A reduction.</summary>
    [Benchmark]
    public void Sum() => a.sum().Dispose();
}

/// <summary>Log-probs of 32 responses under the lab-bench model.</summary>
public class Scoring
{
    private readonly Llama model = Lab();
    private SharedRow[] rows = [];

    /// <summary>Random rows.</summary>
    [GlobalSetup]
    public void Setup()
    {
        Selm.HuggingFace.Engine.Libtorch.Threads = 1;
        rows = [.. Enumerable.Range(0, 32).Select(k => new SharedRow(Ids(k, 24), [Ids(k + 7, 40)]))];
    }

    /// <summary>Forward pass and log-probs.</summary>
    [Benchmark]
    public double Rows() => TokenLogps.Of(model, rows).Sums[0];

    private static int[] Ids(int seed, int count) => [.. Enumerable.Range(1, count).Select(k => (k * (seed + 13)) % 256)];

    private static Llama Lab()
    {
        var shape = new BenchShape();
        var model = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = shape.Vocab, HiddenSize = shape.Hidden, IntermediateSize = shape.Ff, NumHiddenLayers = shape.Layers,
            NumAttentionHeads = shape.Heads, NumKeyValueHeads = shape.KvHeads, HeadDim = shape.HeadDim,
        });
        RandomWeights.Fill(model, seed: 1);
        return model;
    }
}

/// <summary>A loss with its gradients.</summary>
public class Losses
{
    private readonly IPreferenceLoss selm = new SelmLoss(0.1, 0.005), dpo = new DpoLoss(0.1);
    private readonly SequenceLogps example = new(-31, -35, -29, -30, -33, -30, 40, 40, 40);

    /// <summary>SELM.</summary>
    [Benchmark]
    public LossResult Selm() => selm.Evaluate(example);

    /// <summary>DPO.</summary>
    [Benchmark]
    public LossResult Dpo() => dpo.Evaluate(example);
}

/// <summary>Text to ids and back, with the tokenizer that the kit ships.</summary>
public class Tokenizing
{
    private const string Text = "The quick brown fox jumps over the lazy dog; 1,234 times, naïvely, in \"quotes\" and (brackets).\n\n";
    private Tokenizer tokenizer = null!;
    private string page = "";

    /// <summary>About 2,500 characters.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var folder = Directory.CreateTempSubdirectory("selm-bench").FullName;
        DemoTokenizer.Write(folder);
        tokenizer = Tokenizer.Load(folder);
        Directory.Delete(folder, recursive: true);
        page = string.Concat(Enumerable.Repeat(Text, 25));
    }

    /// <summary>A page of text.</summary>
    [Benchmark]
    public int EncodePage() => tokenizer.Encode(page).Length;
}

/// <summary>Runs the benchmarks: <c>dotnet run -c Release --project tests/benchmarks -- --filter '*'</c>.</summary>
public static class Program
{
    /// <summary>In this process: the toolchain that builds a project per run does not know central package versions.</summary>
    /// <param name="args">BenchmarkDotNet's options.</param>
    public static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(
        args, DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(5).WithIterationCount(12)));
}
