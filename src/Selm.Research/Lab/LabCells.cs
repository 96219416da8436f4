using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Algorithm1;
using Selm.Research.Runs;
using static TorchSharp.torch;

namespace Selm.Research.Lab;

/// <summary>
/// Runs cells of the lab. What cells share is computed once and a finished cell is only read; both lie in a cache folder,
/// named by the hash of what they are made from, and several processes may work in it.
/// </summary>
public static class LabCells
{
    private sealed record RunRecord(double WallSeconds, string Cpu, string Device = "cpu");

    /// <summary>A cell's result, computed first where it is absent. A training that runs away ends the cell with a <see cref="LabCellResult.Failure"/>.</summary>
    /// <param name="spec">The cell.</param>
    /// <param name="modelsFolder">Base models and rankers, such as data/models/lab.</param>
    /// <param name="cacheFolder">Results and shared stages.</param>
    /// <param name="progress">Is told about every iteration and the training of shared models.</param>
    /// <param name="device">Where models are trained, sampled and scored; null is the CPU. No part of a cell's name.</param>
    /// <param name="cancellation">Stops between iterations.</param>
    /// <exception cref="InputException">The spec has no meaning, or a folder cannot be read or written.</exception>
    public static LabCellResult Run(
        LabCellSpec spec, string modelsFolder, string cacheFolder, IProgress<StepProgress>? progress = null, Device? device = null, CancellationToken cancellation = default)
    {
        spec = spec.Resolved();
        if (Find(spec, cacheFolder) is { } finished)
        {
            return finished;
        }
        var stages = new LabCellStages(cacheFolder, cancellation);
        var models = Models(spec, modelsFolder, device, progress, cancellation);
        if (spec.Swap && TwinFailure(spec, stages, models, progress, cancellation) is { } failure)
        {
            return Write(new LabCellResult(spec, null, [], [], [], failure), cacheFolder, 0, device);
        }
        var watch = Stopwatch.StartNew();
        return Write(Compute(spec, stages, models, progress, cancellation), cacheFolder, Math.Round(watch.Elapsed.TotalSeconds, 2), device);
    }

    /// <summary>A finished cell, or null.</summary>
    /// <param name="spec">The cell.</param>
    /// <param name="cacheFolder">Where results are.</param>
    /// <exception cref="InputException">The file is broken.</exception>
    public static LabCellResult? Find(LabCellSpec spec, string cacheFolder)
    {
        var (file, run) = (PathOf(spec, cacheFolder), RunPathOf(spec, cacheFolder));
        if (!File.Exists(file))
        {
            return null;
        }
        try
        {
            var result = JsonFormat.Read<LabCellResult>(File.ReadAllBytes(file));
            return File.Exists(run) ? result with { WallSeconds = JsonFormat.Read<RunRecord>(File.ReadAllBytes(run)).WallSeconds } : result;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{file} cannot be read ({e.Message.TrimEnd('.')}); delete it and start again.", e);
        }
    }

    /// <summary>Where a cell's result lies, whether it is there or not.</summary>
    /// <param name="spec">The cell.</param>
    /// <param name="cacheFolder">Where results are.</param>
    public static string PathOf(LabCellSpec spec, string cacheFolder) => Path.Combine(cacheFolder, "cells", $"{spec.Hash}.json");

    /// <summary>Names of the shared stages that a cell needs. Two cells that name the same one should not start at the same time while it is not there.</summary>
    /// <param name="spec">The cell.</param>
    public static IReadOnlyList<string> SharedStages(LabCellSpec spec)
    {
        spec = spec.Resolved();
        var world = $"{spec.Preset} {spec.Budget}";
        var first = string.Create(CultureInfo.InvariantCulture, $"{world} {spec.Seed} {spec.Recipe} {spec.Ranker} {spec.Beta:R} {spec.PairsPerIteration} {spec.BatchSize} {spec.LearningRate:R} {spec.Schedule ?? ScheduleKind.Cosine}");
        return
        [
            string.Create(CultureInfo.InvariantCulture, $"base {world} {spec.Seed}"),
            $"first {first}",
            .. spec.Ranker == LabJudge.Model ? [$"ranker {world}"] : (string[])[],
            .. spec.Swap || (spec.Method == LoopMethod.Selm && spec.Alpha == 0) ? [$"twin {spec.Twin.Hash}"] : (string[])[],
        ];
    }

    internal static LabPreset PresetOf(LabCellSpec spec) => spec.Preset == LabWorldPreset.Standard ? LabPreset.Standard : LabPreset.Headroom;

    private static LabModels Models(LabCellSpec spec, string folder, Device? device, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        var sizes = LabSizes.Of(spec.Budget);
        return new LabModels(folder, sizes.Language, PresetOf(spec), progress, cancellation)
        {
            Shape = sizes.Shape,
            Sft = sizes.Sft,
            Ranker = sizes.Ranker,
            Device = device,
        };
    }

    // Makes the twin's checkpoints where they are absent; says why they cannot be made.
    private static string? TwinFailure(LabCellSpec spec, LabCellStages stages, LabModels models, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        var there = Enumerable.Range(0, spec.Iterations!.Value - 1).All(t => stages.Checkpoint(spec.Twin, t) is not null);
        return there || Compute(spec.Twin, stages, models, progress, cancellation).Failure is not { } failure
            ? null
            : $"The twin whose answers are asked for failed: {failure}";
    }

    private static LabCellResult Compute(LabCellSpec spec, LabCellStages stages, LabModels models, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        var (start, startBenchmarks, iterations) = ((LabCellEvaluation?)null, (LabBenchmarkScore[])[], new List<LabCellIteration>());
        try
        {
            using var run = new LabCellRun(spec, stages, models);
            (start, startBenchmarks) = run.Start();
            for (var t = 0; t < spec.Iterations; t++)
            {
                cancellation.ThrowIfCancellationRequested();
                iterations.Add(run.Iterate(t));
                progress?.Report(new StepProgress(spec.Name, t + 1, spec.Iterations.Value, string.Create(CultureInfo.InvariantCulture, $"r* {iterations[^1].Evaluation.MeanReward:F3}")));
            }
            return new LabCellResult(spec, start, startBenchmarks, iterations, run.Benchmarks(), null);
        }
        catch (LabCellFailedException e)
        {
            return new LabCellResult(spec, start, startBenchmarks, iterations, [], e.Message);
        }
    }

    // The result is written last: where it is, the cell is finished.
    private static LabCellResult Write(LabCellResult result, string cacheFolder, double seconds, Device? device)
    {
        AtomicFile.WriteJson(RunPathOf(result.Spec, cacheFolder), new RunRecord(seconds, Provenance.CpuModel(), (device ?? CPU).ToString()));
        AtomicFile.WriteJson(PathOf(result.Spec, cacheFolder), result);
        return result with { WallSeconds = seconds };
    }

    private static string RunPathOf(LabCellSpec spec, string cacheFolder) => Path.Combine(cacheFolder, "cells", $"{spec.Hash}.run.json");
}
