using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm bench</c>: how fast this machine trains, generates and scores, and how much of it is lost.</summary>
internal static class BenchCommand
{
    private const string Options = "options", LcFit = "lc-fit", Gpu = "gpu";

    private static readonly Dictionary<string, BenchMode> modes = Enum.GetValues<BenchMode>().ToDictionary(mode => mode.ToString().ToLowerInvariant());

    public static Command Create()
    {
        var model = new BenchShape();
        var mode = new Argument<string>("train|generate|logprobs|options|lc-fit|gpu")
        {
            Description = "A SELM training step, greedy decoding, log-probs of given responses; multiple-choice options, a length-controlled fit; everything on a GPU",
        };
        mode.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !modes.ContainsKey(token.Value) && token.Value is not (Options or LcFit or Gpu))
            {
                result.AddError($"selm bench measures train, generate, logprobs, options, lc-fit or gpu, not '{token.Value}'");
            }
        });
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
        var peer = Values.Switch("--peer", "Alternate step by step with a plain eager PyTorch program and show the ratios");
        var device = Values.OptionalText("--device", "cuda|cuda:N|cpu", "Where gpu computes (default: cuda)");
        var budget = Values.OptionalText("--budget", "whole|smoke", "Of gpu: models of 0.5 to 8 billion weights within eight minutes, or tiny ones for a test of the path (default: whole)");
        var json = Values.Json();
        var command = new CliCommand(
            "bench",
            "Times the kit's training step, generation, scoring and parts of the evaluation on random data.",
            [
                "selm bench train",
                "selm bench train --reuse 0.67 --peer",
                "selm bench generate --hidden 512 --layers 8 --heads 8 --kv-heads 4 --ff 1408 --threads 4 --json",
                "selm bench options",
                "selm bench lc-fit",
                "selm bench gpu --json",
                "selm bench gpu --device cpu --budget smoke",
            ],
            """
            The floor is what a step cannot avoid: its matrix products, a shared prompt and a reused response counted once. Floor over time is the
            achieved speed; the ceiling is the fastest matrix product of the same run, the roofline what it and the fastest copy of memory allow. --peer needs python3 with torch (Debian: python3-torch);
            it runs twice, with glibc's allocator as it comes and tuned as the kit tunes its own, which keeps freed memory.
            options scores questions of four options, with their contexts computed once and, step by step in turns, by loops that compute them for every
            option; there --prompt (800), --response (20), --batch (4) and --steps (7) are HellaSwag's with ten solved examples where nothing is said.
            lc-fit is one length-controlled win rate of 805 instructions; of the options it knows --steps alone.
            gpu holds the model fixtures of tests/golden to Hugging Face's numbers on the device, in fp32 and bf16, measures the two ceilings, then training,
            decoding and ranking at the shapes of published models with random weights, and a plain PyTorch program where python3 has torch. Rows
            without room, time or program are "not measured". Exit code 1 where a fixture is off.
            """)
        {
            mode, vocab, hidden, layers, heads, kvHeads, ff, prompt, response, batch, steps, threads, reuse, peer, device, budget, json,
        };
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(mode);
            int Of(Option<int> option, int asked) => name == Options && parsed.GetResult(option) is not { Implicit: false } ? asked : parsed.GetValue(option);
            var usual = EvaluationBench.HellaSwag;
            var shape = new BenchShape(
                parsed.GetValue(vocab), parsed.GetValue(hidden), parsed.GetValue(layers), parsed.GetValue(heads), parsed.GetValue(kvHeads), parsed.GetValue(ff),
                Of(prompt, usual.Prompt), Of(response, usual.Response), Of(batch, usual.Batch), Of(steps, usual.Steps), parsed.GetValue(threads), parsed.GetValue(reuse));
            if (name == Gpu)
            {
                return OnDevice(parsed.GetValue(device) ?? "cuda", parsed.GetValue(budget) ?? "whole", parsed.GetValue(json));
            }
            if ((parsed.GetValue(device) is null ? parsed.GetValue(budget) is null ? null : "--budget" : "--device") is { } foreign)
            {
                throw new InputException($"selm bench {name} computes on the CPU; {foreign} belongs to selm bench gpu.");
            }
            if (parsed.GetValue(peer) && !modes.ContainsKey(name))
            {
                throw new InputException($"selm bench {name} has no peer in PyTorch; leave --peer out.");
            }
            return name switch
            {
                Options => Show(parsed.GetValue(json), ProgressView.Run(progress => EvaluationBench.Options(shape, progress), keepsNothing: true), Print),
                LcFit => Show(parsed.GetValue(json), ProgressView.Run(progress => EvaluationBench.LcFit(shape.Steps, progress), keepsNothing: true), Print),
                _ => Show(parsed.GetValue(json), ProgressView.Run(progress => Bench.Run(modes[name], shape, parsed.GetValue(peer), progress), keepsNothing: true), Print),
            };
        });
        return command;
    }

    private static int OnDevice(string device, string budget, bool json)
    {
        if (budget is not ("whole" or "smoke"))
        {
            throw new InputException($"--budget is '{budget}'; give whole or smoke.");
        }
        var report = ProgressView.Run(progress => DeviceBench.Run(device, budget == "smoke", progress), keepsNothing: true);
        Show(json, report, Print);
        return report.Parity.All(row => row.Passed) ? SelmCommandLine.Success : SelmCommandLine.Failure;
    }

    private static void Print(DeviceBenchReport r)
    {
        Line("device", $"{r.Device}, libtorch {r.Libtorch}, budget {r.Budget}, {r.Seconds:F0} s");
        TextTable.Print(Console.Out, ["parity", "precision", "numbers", "gap", "allowed", "result"], r.Parity.Select(row => new[]
        {
            row.Fixture, row.Precision, $"{row.Numbers}", row.Gap.ToString("0.0e0", CultureInfo.InvariantCulture), row.Tolerance.ToString("0.0e0", CultureInfo.InvariantCulture), row.Passed ? "ok" : "off",
        }));
        Line("ceilings", $"{r.Gflops32:F1} GFLOP/s in fp32, {r.Gflops16:F1} GFLOP/s in bf16, {r.GbPerS:F1} GB/s");
        TextTable.Print(Console.Out, ["what", "speed", "unit", "% of products", "% of bandwidth", "planned GB"], r.Speeds.Concat(r.Peer).Select(row => new[]
        {
            row.What, row.Note ?? Number(row.Speed), row.Unit, Number(100 * row.ShareOfProducts), Number(100 * row.ShareOfBandwidth), Number(row.PlannedGb),
        }));

        static string Number(double? value) => value?.ToString(Math.Abs(value.Value) >= 100 ? "F0" : "0.##", CultureInfo.InvariantCulture) ?? "";
    }

    private static int Show<T>(bool json, T report, Action<T> print)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, JsonFormat.Line));
        }
        else
        {
            print(report);
        }
        return SelmCommandLine.Success;
    }

    private static void Print(OptionsBenchReport r)
    {
        Line("model", $"{r.Shape.Parameters / 1e6:F2} M parameters, {r.Shape.Threads} thread(s), libtorch {r.Libtorch}");
        Line("step", $"{r.Shape.Batch} questions of {r.Shape.Prompt} tokens with {r.Options} options of {r.Shape.Response}");
        Line("shared", $"{r.SharedMs:F1} ms, every context computed once");
        Line("loop", $"{r.LoopMs:F1} ms, every context for every option, one by one: {r.Ratio:F2} times");
        Line("batched", $"{r.BatchedLoopMs:F1} ms, the same in batches: {r.BatchedRatio:F2} times");
    }

    private static void Print(LcFitBenchReport r) =>
        Line("lc-fit", $"{r.FitMs:F1} ms (the slowest of {r.Steps}: {r.SlowestMs:F1} ms), {r.Rows} judgements and {r.CalibrationRows} calibration rows, cross-validation included");

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
        Line("achieved", $"{r.GflopPerS:F1} GFLOP/s, {100 * r.ShareOfCeiling:F0} % of the ceiling of {r.CeilingGflopPerS:F1} GFLOP/s ({r.CeilingProduct}): model FLOP utilisation");
        Line("roofline", $"{100 * r.ShareOfRoofline:F0} % of the {r.RooflineGflopPerS:F1} GFLOP/s that both ceilings allow; {100 * r.ShareOfBandwidth:F0} % of {r.CeilingGbPerS:F1} GB/s of memory");
        if (r.Peer is { } p)
        {
            Line("PyTorch", $"eager, {p.Torch}: {p.Tuned.StepMs:F1} ms ({p.Tuned.CpuMs:F1} ms of processor time) with its allocator tuned as the kit tunes its own,");
            Line("", $"{p.Plain.StepMs:F1} ms ({p.Plain.CpuMs:F1} ms) with glibc's defaults");
            Line("ratio", Ratio(p.Tuned, "allocators tuned alike"));
            Line("", Ratio(p.Plain, "PyTorch with glibc's defaults"));
            foreach (var variable in p.ClearedVariables)
            {
                Line("note", $"{variable} is set here; it slows OpenBLAS and was cleared for PyTorch");
            }
        }
    }

    private static string Ratio(BenchPeerTimes times, string how) => string.Create(CultureInfo.InvariantCulture,
        $"{times.Ratio:F2} by wall time, {times.CpuRatio:F2} by processor time{(times.RatioWithoutReference is { } ratio ? $" ({ratio:F2} with the reference's log-probs at hand)" : "")}, {how}");

    private static void Line(string name, FormattableString value) => Console.WriteLine($"{name,-9} {value.ToString(CultureInfo.InvariantCulture)}");

    private static void Line(string name, string value) => Console.WriteLine($"{name,-9} {value}");
}
