using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Scale;
using Selm.Tests;

namespace Selm.Research.Tests.Scale;

[Collection(LiveTensors.Name)] // it sets the number of threads of the whole process
public class BenchTests
{
    private static readonly BenchShape tiny = new(
        Vocab: 11, Hidden: 8, Layers: 1, Heads: 2, KvHeads: 1, Ff: 12, Prompt: 3, Response: 4, Batch: 3, Steps: 2, Reuse: 0.4);

    // One layer, one row: prompt 3, so keys and values of the prompt and of 3 tokens per response (the 4th predicts
    // nothing); queries, feed-forward and head of the last prompt token and those 3.
    private static double Row(int responses)
    {
        double keyed = 3 + (3 * responses), queried = 1 + (3 * responses);
        double pairs = 3 + (responses * (4 + 5 + 6));
        return 2 * ((keyed * 8 * 8) + (queried * 8 * 16) + (queried * 3 * 8 * 12) + (pairs * 2 * 8) + (queried * 8 * 11));
    }

    [Fact]
    public void the_floor_counts_a_shared_prompt_and_a_reused_response_once()
    {
        var forward = Row(2) + (2 * Row(3)); // one of three examples reuses
        Assert.Equal(1, tiny.Reused);
        Assert.Equal(4 * forward, Floor.Of(BenchMode.Train, tiny).Flops);
        Assert.Equal(3 * forward, Floor.Of(BenchMode.Train, tiny, withReference: false).Flops);
        Assert.Equal(3 * Row(1), Floor.Of(BenchMode.Logprobs, tiny).Flops);
    }

    [Fact]
    public void decoding_token_by_token_has_the_same_products_as_scoring_what_it_made() =>
        Assert.Equal(Floor.Of(BenchMode.Logprobs, tiny).Flops, Floor.Of(BenchMode.Generate, tiny).Flops);

    [Fact]
    public void parameters_are_those_of_the_model()
    {
        using var model = new Selm.HuggingFace.Models.Llama(new BenchShape().Config());
        Assert.Equal(model.parameters().Sum(p => p.numel()), new BenchShape().Parameters);
    }

    [Theory]
    [InlineData(BenchMode.Train)]
    [InlineData(BenchMode.Generate)]
    [InlineData(BenchMode.Logprobs)]
    public void every_mode_reports_times_speeds_and_the_share_of_the_ceiling(BenchMode mode)
    {
        var report = Bench.Run(mode, tiny);
        Assert.True(report.StepMs > 0);
        Assert.Equal(mode == BenchMode.Train, report.StepMsWithoutReference is not null);
        Assert.Equal(mode == BenchMode.Generate, report.NewTokensPerS is not null);
        Assert.Equal(report.FloorGflop / report.StepMs * 1e3, report.GflopPerS, 1e-9);
        Assert.InRange(report.ShareOfCeiling, 1e-9, 1);
        var json = JsonSerializer.SerializeToElement(report, JsonFormat.Line);
        Assert.Equal(report.StepMs, json.GetProperty("step_ms").GetDouble());
        Assert.Equal(tiny.Threads, json.GetProperty("shape").GetProperty("threads").GetInt32());
    }

    [Theory]
    [InlineData(9, 2, 1, "--hidden 9 is no even multiple of --heads 2; rotary positions need heads of an even width.")]
    [InlineData(12, 3, 2, "--heads 3 is no multiple of --kv-heads 2; each key head serves the same number of query heads.")]
    public void a_shape_that_no_model_has_is_refused(int hidden, int heads, int kvHeads, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<InputException>((tiny with { Hidden = hidden, Heads = heads, KvHeads = kvHeads }).Validate).Message);

    [Theory]
    [InlineData("Batch")]
    [InlineData("Prompt")]
    [InlineData("Response")]
    [InlineData("Layers")]
    [InlineData("Ff")]
    [InlineData("Vocab")]
    [InlineData("Hidden")]
    public void a_shape_that_cannot_fit_is_refused_in_every_mode_before_it_takes_memory(string dimension)
    {
        const int many = 1_999_999_992;
        var shape = new BenchShape();
        shape = dimension switch
        {
            "Batch" => shape with { Batch = many },
            "Prompt" => shape with { Prompt = many },
            "Response" => shape with { Response = many },
            "Layers" => shape with { Layers = many },
            "Ff" => shape with { Ff = many },
            "Vocab" => shape with { Vocab = many },
            _ => shape with { Hidden = many },
        };
        foreach (var mode in Enum.GetValues<BenchMode>())
        {
            Assert.Contains("choose a smaller --batch", Assert.Throws<InputException>(() => Bench.Run(mode, shape)).Message, StringComparison.Ordinal);
        }
        Assert.Contains("choose a smaller --batch", Assert.Throws<InputException>(() => EvaluationBench.Options(shape)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void the_refusal_names_what_is_needed_and_what_is_free() => Assert.Equal(
        "This bench needs at least 2,000.0 GB of memory and 1.5 GB are free; choose a smaller --batch (it is 3), --prompt, --response or model.",
        Assert.Throws<InputException>(() => BenchMemory.Require(2e12, tiny, free: 1.5e9)).Message);

    [Theory]
    [InlineData(BenchMode.Train)]
    [InlineData(BenchMode.Generate)]
    [InlineData(BenchMode.Logprobs)]
    public void the_plan_lies_below_what_a_bench_takes_and_not_far_below(BenchMode mode)
    {
        var shape = new BenchShape(Hidden: 64, Ff: 128, Heads: 2, KvHeads: 1, Batch: 800, Steps: 1);
        var taken = 1024.0 * MemoryProbe.Run("bench", $"{mode}", $"{shape.Batch}")[0];

        Assert.InRange(taken / BenchMemory.Of(mode, shape), 1, 5);
    }

    [Fact]
    public void the_peer_gets_an_allocator_like_ours_or_glibcs_own_and_nothing_that_slows_openblas()
    {
        var source = File.ReadAllText(Path.Combine(Golden.Root, "src", "Selm.HuggingFace", "Engine", "Libtorch.cs"));
        var environment = new Dictionary<string, string?> { ["OPENBLAS_CORETYPE"] = "Haswell", ["OPENBLAS_L2_SIZE"] = "1", ["MALLOC_ARENA_MAX"] = "1", ["PATH"] = "/bin" };

        BenchPeer.SetEnvironment(environment, tuned: true);
        Assert.Equal(["MALLOC_MMAP_THRESHOLD_=33554432", "MALLOC_TOP_PAD_=67108864", "MALLOC_TRIM_THRESHOLD_=1073741824", "PATH=/bin"], environment.Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal));
        Assert.All(["mmapThreshold, 32 << 20", "trimThreshold, 1 << 30", "topPad, 64 << 20"], ours => Assert.Contains($"MallOpt({ours})", source, StringComparison.Ordinal));

        BenchPeer.SetEnvironment(environment, tuned: false);
        Assert.Equal(["PATH"], environment.Keys);
    }

    [SkippableFact]
    public void the_peer_is_measured_with_both_allocators()
    {
        BenchPeerReport peer;
        try
        {
            peer = Bench.Run(BenchMode.Logprobs, tiny, withPeer: true).Peer!;
        }
        catch (InputException e) when (e.Message.StartsWith("No python3", StringComparison.Ordinal))
        {
            throw new SkipException(e.Message);
        }
        Assert.True(peer.Tuned.StepMs > 0 && peer.Plain.StepMs > 0);
        Assert.Equal(peer.Tuned.Ratio / peer.Plain.Ratio, peer.Tuned.StepMs / peer.Plain.StepMs, 1e-9);
    }

    [Fact]
    public void a_path_without_python_is_told_what_the_peer_needs()
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", "/nowhere");
        try
        {
            var error = Assert.Throws<InputException>(() => Bench.Run(BenchMode.Logprobs, tiny, withPeer: true));
            Assert.StartsWith("No python3 in PATH can import torch", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }
}
