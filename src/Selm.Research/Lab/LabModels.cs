using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using static TorchSharp.torch;

namespace Selm.Research.Lab;

/// <summary>
/// The models that all lab runs share, each trained once: base models by supervised fine-tuning, one ranker. A model
/// lies in a folder named by the hash of everything it is made from; making it is skipped where the folder exists.
/// </summary>
/// <param name="root">Folder of the models, such as data/models/lab.</param>
/// <param name="language">The language.</param>
/// <param name="preset">Who writes.</param>
/// <param name="progress">Is told about every step of a training.</param>
/// <param name="cancellation">Stops a training.</param>
public sealed class LabModels(
    string root, LabLanguage language, LabPreset preset, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
{
    /// <summary>Seed of the base model that the ranker starts from; no policy has it.</summary>
    public const ulong RankerSeed = 555;

    // Part of every name: raised when the training code changes what a model becomes.
    private const string Format = "lab-model-1";

    /// <summary>Shape of the policy.</summary>
    public LabShape Shape { get; init; } = new();

    /// <summary>Where models are trained; null is the CPU. No part of a model's name.</summary>
    public Device? Device { get; init; }

    /// <summary>Numbers of supervised fine-tuning.</summary>
    public SftOptions Sft { get; init; } = new();

    /// <summary>Numbers of the ranker.</summary>
    public LabRankerOptions Ranker { get; init; } = new();

    /// <summary>The folder of a base model, trained first where it is absent; it also holds training.json.</summary>
    /// <param name="seed">Seed of its weights, demonstrations and batches.</param>
    /// <exception cref="InputException">The training fails or the folder cannot be written.</exception>
    public string BaseModel(ulong seed)
    {
        var data = SftTrainer.Data(language, preset, seed, Sft);
        var folder = FolderOf("sft", seed, BaseKey(seed, data));
        return Made(folder, temporary =>
        {
            using var model = LabPolicy.Create(language, seed, Shape, Device);
            var losses = SftTrainer.Run(model, data, seed, Sft, progress, cancellation);
            LabPolicy.Save(model, language, temporary);
            var scores = LabEvaluation.Greedy(model, language, language.Split.Test);
            return new { Kind = "sft", Preset = preset.Name, Seed = seed, Options = Sft, LossAtEnd = losses.TakeLast(20).Average(), Test = scores };
        }, cancellation);
    }

    /// <summary>The folder of the ranker, for <c>--ranker rm:DIR</c>, trained first where it is absent.</summary>
    /// <exception cref="InputException">The training fails or the folder cannot be written.</exception>
    public string RewardModelFolder()
    {
        var start = BaseModel(RankerSeed);
        var key = ContentHash.Combine(Path.GetFileName(start), JsonSerializer.Serialize(Ranker, JsonFormat.Line));
        return Made(FolderOf("ranker", RankerSeed, key), temporary =>
        {
            using var model = LlamaWeights.Load(start, device: Device);
            LabJudgement[] Pairs(IReadOnlyList<LabPrompt> prompts, string stream, int count) =>
                LabRankerPairs.Make(language, preset, model, prompts, RankerSeed, stream, count);
            var losses = LabRanker.Train(
                model, language, Pairs(language.Split.Train, LabStreams.RankerPairs, Ranker.Pairs), RankerSeed, Ranker, temporary, progress, cancellation);
            using var trained = RewardModel.Load(temporary, device: Device, batchSize: 128);
            var heldOut = Pairs([.. language.Split.Validation, .. language.Split.Test], LabStreams.RankerHeldOut, Ranker.HeldOut);
            return new { Kind = "ranker", Preset = preset.Name, Seed = RankerSeed, Options = Ranker, LossAtEnd = losses.TakeLast(20).Average(), HeldOut = LabRanker.Measure(trained.Score, language, heldOut) };
        }, cancellation);
    }

    /// <summary>
    /// A folder that is made once, whole or not at all; what making it returns is recorded in its training.json. A second process
    /// that wants it waits for the first.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="make">Is given another folder to fill.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    internal static string Made<T>(string folder, Func<string, T> make, CancellationToken cancellation)
    {
        if (Directory.Exists(folder))
        {
            return folder;
        }
        using var alone = WaitingLock.Take($"{folder}.lock", cancellation);
        if (Directory.Exists(folder))
        {
            return folder;
        }
        // Complete or absent: this process may be killed, and not every file system of a cluster has locks.
        var temporary = string.Create(CultureInfo.InvariantCulture, $"{folder}.tmp-{Environment.MachineName}-{Environment.ProcessId}");
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }
        var watch = Stopwatch.StartNew();
        var record = make(temporary);
        AtomicFile.WriteJson(Path.Combine(temporary, "training.json"), new { Result = record, WallSeconds = Math.Round(watch.Elapsed.TotalSeconds, 1), Libtorch.Threads, Cpu = Provenance.CpuModel() });
        try
        {
            Directory.Move(temporary, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            Directory.Delete(temporary, recursive: true); // the other process was faster and made the same
        }
        return folder;
    }

    private string FolderOf(string kind, ulong seed, string key) =>
        Path.Combine(root, FormattableString.Invariant($"{preset.Name}-{kind}-{seed}-{key[..16]}"));

    private string BaseKey(ulong seed, IReadOnlyList<SharedRow[]> data) => ContentHash.Combine(
        Format, preset.Name, seed.ToString(CultureInfo.InvariantCulture), LabPolicy.Config(language, Shape).ToJson().ToJsonString(), JsonSerializer.Serialize(Sft, JsonFormat.Line),
        ContentHash.OfIds([.. data.SelectMany(rows => rows).SelectMany(row => row.Prompt.Concat(row.Responses[0]))]));
}
