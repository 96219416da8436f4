using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm bench</c>: how fast this machine trains, generates and scores, and how much of it is lost.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var model = new BenchShape();
        var mode = new Argument<BenchMode>("train|generate|logprobs")
        {
            Description = "A SELM training step, greedy decoding, or log-probs of given responses",
            CustomParser = result => Enum.TryParse<BenchMode>(result.Tokens[0].Value, ignoreCase: true, out var found) && Enum.IsDefined(found)
                ? found
                : Refuse(result),
        };
        var vocab = Values.Whole("--vocab", "V", "Tokens of the vocabulary", model.Vocab, least: 2);
        var hidden = Values.Whole("--hidden", "H", "Width of the residual stream", model.Hidden, least: 2);
        var layers = Values.Whole("--layers", "L", "Blocks", model.Layers, least: 1);
        var heads = Values.Whole("--heads", "A", "Query heads", model.Heads, least: 1);
        var kvHeads = Values.Whole("--kv-heads", "K", "Key and value heads", model.KvHeads, least: 1);
        var ff = Values.Whole("--ff", "F", "Width of the feed-forward layer", model.Ff, least: 1);
        var prompt = Values.Whole("--prompt", "P", "Tokens of each prompt", model.Prompt, least: 1);
        var response = Values.Whole("--response", "R", "Tokens of each response", model.Response, least: 1);
        var batch = Values.Whole("--batch", "B", "Examples or rows per step", model.Batch, least: 1);
        var steps = Values.Whole("--steps", "S", "Timed steps; medians are shown", model.Steps, least: 1);
        var threads = Values.Whole("--threads", "N", "Threads", model.Threads, least: 1);
        var reuse = Values.Number("--reuse", "Q", "Share of examples whose y is the chosen or the rejected response (train)", model.Reuse);
        var peer = Values.Switch("--peer", "Alternate step by step with a plain eager PyTorch program and show the ratio");
        var json = Values.Json();
        var command = new CliCommand(
            "bench",
            "Times the kit's training step, generation or scoring on random data.",
            [
                "selm bench train",
                "selm bench train --reuse 0.67 --peer",
                "selm bench generate --hidden 512 --layers 8 --heads 8 --kv-heads 4 --ff 1408 --threads 4 --json",
            ],
            """
            The floor is what a step cannot avoid: its matrix products, a shared prompt and a reused response counted once. Floor over time is the
            achieved speed; the ceiling is the fastest matrix product of the same run. --peer needs python3 with torch (Debian: python3-torch).
            """)
        {
            mode, vocab, hidden, layers, heads, kvHeads, ff, prompt, response, batch, steps, threads, reuse, peer, json,
        };
        command.SetAction(parsed =>
        {
            var shape = new BenchShape(
                parsed.GetValue(vocab), parsed.GetValue(hidden), parsed.GetValue(layers), parsed.GetValue(heads), parsed.GetValue(kvHeads), parsed.GetValue(ff),
                parsed.GetValue(prompt), parsed.GetValue(response), parsed.GetValue(batch), parsed.GetValue(steps), parsed.GetValue(threads), parsed.GetValue(reuse));
            var report = ProgressView.Run(progress => Bench.Run(parsed.GetRequiredValue(mode), shape, parsed.GetValue(peer), progress));
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(report, JsonFormat.Line));
            }
            else
            {
                Print(report);
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static BenchMode Refuse(System.CommandLine.Parsing.ArgumentResult result)
    {
        result.AddError($"selm bench measures train, generate or logprobs, not '{result.Tokens[0].Value}'");
        return default;
    }

    private static void Print(BenchReport r)
    {
        Line("model", $"{r.Parameters / 1e6:F2} M parameters, {r.Shape.Threads} thread(s), libtorch {r.Libtorch}");
        Line("step", $"{r.StepMs:F1} ms ({r.CpuMs:F1} ms of processor time)"
            + (r.StepMsWithoutReference is { } without ? $"; {without:F1} ms ({r.CpuMsWithoutReference:F1} ms) without the reference pass" : ""));
        Line("speed", string.Join(", ", new[]
        {
            r.PairsPerS is { } pairs ? $"{pairs:F1} pairs/s" : null, r.TokensPerS is { } tokens ? $"{tokens:F0} tokens/s" : null, r.NewTokensPerS is { } fresh ? $"{fresh:F0} new tokens/s" : null,
        }.OfType<string>()));
        Line("floor", $"{r.FloorGflop:F2} GFLOP and {r.FloorGb:F3} GB per step");
        Line("achieved", $"{r.GflopPerS:F1} GFLOP/s, {100 * r.ShareOfCeiling:F0} % of the ceiling of {r.CeilingGflopPerS:F1} GFLOP/s ({r.CeilingProduct})");
        if (r.Peer is { } p)
        {
            Line("PyTorch", $"{p.StepMs:F1} ms ({p.CpuMs:F1} ms of processor time), eager, {p.Torch}");
            Line("ratio", $"{p.Ratio:F2} by wall time, {p.CpuRatio:F2} by processor time"
                + (p.RatioWithoutReference is { } ratio ? $"; {ratio:F2} with the reference's log-probs at hand" : ""));
        }
    }

    private static void Line(string name, FormattableString value) => Console.WriteLine($"{name,-9} {value.ToString(CultureInfo.InvariantCulture)}");

    private static void Line(string name, string value) => Console.WriteLine($"{name,-9} {value}");
}
