using System.Diagnostics;
using System.Text.Json;

namespace Selm.Cli.Tests;

public class BenchCommandTests
{
    private static readonly string[] tiny =
        ["--vocab", "11", "--hidden", "8", "--layers", "1", "--heads", "2", "--kv-heads", "1", "--ff", "12", "--prompt", "3", "--response", "4", "--batch", "2", "--steps", "2"];

    [Theory]
    [InlineData("train", "pairs_per_s")]
    [InlineData("generate", "new_tokens_per_s")]
    [InlineData("logprobs", "tokens_per_s")]
    public void json_holds_time_speed_floor_and_the_share_of_the_ceiling(string mode, string speed)
    {
        var run = SelmProcess.Run(["bench", mode, .. tiny, "--json"]);
        Assert.Equal(0, run.Code);
        var report = JsonDocument.Parse(run.Out).RootElement;
        foreach (var name in new[] { "step_ms", "cpu_ms", speed, "floor_gflop", "floor_gb", "gflop_per_s", "ceiling_gflop_per_s", "share_of_ceiling", "ceiling_gb_per_s", "share_of_bandwidth", "roofline_gflop_per_s", "share_of_roofline" })
        {
            Assert.True(report.GetProperty(name).GetDouble() > 0, name);
        }
        Assert.Equal(JsonValueKind.Null, report.GetProperty("peer").ValueKind);
    }

    [Fact]
    public void options_and_the_fit_are_measured_too()
    {
        var options = JsonDocument.Parse(SelmProcess.Run(["bench", "options", .. tiny, "--json"]).Out).RootElement;
        var fit = SelmProcess.Run("bench", "lc-fit", "--steps", "1", "--json");

        Assert.All(["shared_ms", "loop_ms", "batched_loop_ms", "ratio", "batched_ratio"], name => Assert.True(options.GetProperty(name).GetDouble() > 0, name));
        Assert.Equal((3, 2, 4), (options.GetProperty("shape").GetProperty("prompt").GetInt32(), options.GetProperty("shape").GetProperty("batch").GetInt32(), options.GetProperty("options").GetInt32()));
        Assert.Equal(0, fit.Code);
        Assert.True(JsonDocument.Parse(fit.Out).RootElement.GetProperty("fit_ms").GetDouble() > 0);
    }

    [Fact]
    public void the_bench_of_a_gpu_runs_its_whole_path_at_tiny_sizes_on_the_cpu()
    {
        var run = SelmProcess.Run("bench", "gpu", "--device", "cpu", "--budget", "smoke", "--json");
        Assert.True(run.Code == 0, run.Error + run.Out);
        var report = JsonDocument.Parse(run.Out).RootElement;
        var parity = report.GetProperty("parity").EnumerateArray().ToArray();
        var speeds = report.GetProperty("speeds").EnumerateArray().ToArray();

        Assert.Equal(2 * Directory.GetDirectories(Selm.Tests.Golden.Path("hf-models")).Length, parity.Length);
        Assert.All(parity, row => Assert.True(row.GetProperty("passed").GetBoolean() && row.GetProperty("numbers").GetInt32() > 0, row.ToString()));
        Assert.Contains(parity, row => row.GetProperty("gap").GetDouble() > 1e-4); // bfloat16 is not float32
        Assert.Equal(
            ["training, tiny, adapter of rank 16", "training, tiny, all weights", "decoding, tiny, batch 1", "decoding, tiny, batch 8", "ranking, tiny"],
            speeds.Select(row => row.GetProperty("what").GetString()));
        Assert.All(speeds, row => Assert.True(row.GetProperty("speed").GetDouble() > 0 && row.GetProperty("share_of_products").GetDouble() > 0, row.ToString()));
        Assert.All(report.GetProperty("peer").EnumerateArray(), row =>
            Assert.True(row.GetProperty("speed").ValueKind == JsonValueKind.Number || row.GetProperty("note").GetString()!.StartsWith("not measured: No python3", StringComparison.Ordinal), row.ToString()));
    }

    [Fact]
    public void an_unknown_mode_or_shape_is_refused()
    {
        SelmProcess.Run("bench", "trian").Refused("selm bench measures train, generate, logprobs, options, lc-fit or gpu, not 'trian'; selm bench --help shows examples.");
        SelmProcess.Run("bench", "options", "--peer").Refused("selm bench options has no peer in PyTorch; leave --peer out.");
        SelmProcess.Run("bench", "train", "--device", "cuda").Refused("selm bench train computes on the CPU; --device belongs to selm bench gpu.");
        SelmProcess.Run("bench", "gpu", "--budget", "huge").Refused("--budget is 'huge'; give whole or smoke.");
        SelmProcess.Run("bench", "train", "--reuse", "1.5").Refused("--reuse is 1.5; give a share from 0 to 1.");
        SelmProcess.Run("bench", "train", "--kv-heads", "3").Refused("--heads 4 is no multiple of --kv-heads 3; each key head serves the same number of query heads.");
    }

    [Theory]
    [InlineData("train", "--batch", "999999999")]
    [InlineData("generate", "--response", "999999999")]
    [InlineData("logprobs", "--prompt", "2147483647")]
    [InlineData("options", "--batch", "999999999")]
    public void what_cannot_fit_is_refused_in_one_sentence_at_once(string mode, string option, string size)
    {
        var clock = Stopwatch.StartNew();

        var refused = SelmProcess.Run("bench", mode, option, size);

        Assert.Matches(@"^This bench needs at least [\d,]+\.\d GB of memory and [\d,]+\.\d GB are free; choose a smaller --batch \(it is \d+\), --prompt, --response or model\.\n$", refused.Error);
        Assert.Equal((2, ""), (refused.Code, refused.Out));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"it took {clock.Elapsed}");
    }

    [Fact]
    public void a_bench_that_is_ended_while_it_computes_does_not_crash()
    {
        for (var k = 0; k < 4; k++)
        {
            var running = SelmProcess.Start([], "bench", "train", "--steps", "1000000");
            var library = $"/proc/{running.Process.Id}/maps";
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText(library).Contains("libtorch_cpu", StringComparison.Ordinal), TimeSpan.FromMinutes(1)));
            Assert.False(running.Process.WaitForExit(1500 + (300 * k))); // it is at its steps by then

            running.Signal("TERM");

            Assert.Equal(130, running.Finish(1).Code);
        }
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void a_signal_ends_a_bench_within_its_step(string signal)
    {
        // One step takes minutes.
        var running = SelmProcess.Start([], "bench", "train", "--hidden", "1024", "--ff", "4096", "--layers", "8", "--batch", "64", "--steps", "3");
        var began = $"/proc/{running.Process.Id}/status";
        // The model has a quarter of a gigabyte, three times with gradient and reference: the first step has begun.
        Assert.True(SpinWait.SpinUntil(() => Resident(began) > 1_500_000, TimeSpan.FromMinutes(2)), "no step began");

        running.Signal(signal);

        Assert.True(running.Process.WaitForExit(TimeSpan.FromSeconds(20)), "it went on");
        Assert.Equal(130, running.Finish().Code);

        static long Resident(string status) => File.ReadLines(status).FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
    }
}
