using System.Text.Json;
using System.Text.Json.Serialization;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;

namespace Selm.Research.Training;

/// <summary>
/// Where training can go on after a kill: one file of weights and moments per checkpoint, and a small JSON file, renamed
/// into place last, that names the one that counts.
/// </summary>
/// <param name="folder">The folder of the checkpoints of one training.</param>
internal sealed class Checkpoint(string folder)
{
    private string Pointer => Path.Combine(folder, "checkpoint.json");

    /// <summary>Pairs per forward pass of the training that wrote the last checkpoint, where memory made them fewer than the recipe's; else null.</summary>
    internal int? PairsPerPass { get; private set; }

    /// <summary>Writes a checkpoint and deletes the one before.</summary>
    internal void Save(ParameterUpdate update, int step, int? pairsPerPass = null)
    {
        Directory.CreateDirectory(folder);
        var name = $"step-{step}.safetensors";
        SafetensorsWriter.Write(Path.Combine(folder, name), update.State());
        AtomicFile.WriteJson(Pointer, new Entry(step, name) { PairsPerPass = pairsPerPass });
        foreach (var old in Directory.EnumerateFiles(folder, "step-*.safetensors").Where(file => Path.GetFileName(file) != name))
        {
            File.Delete(old);
        }
    }

    /// <summary>Puts the last checkpoint back.</summary>
    /// <returns>Optimiser steps done before it; 0 where there is none.</returns>
    /// <exception cref="InputException">The checkpoint is damaged.</exception>
    internal int Restore(ParameterUpdate update)
    {
        if (!File.Exists(Pointer))
        {
            return 0;
        }
        var entry = Read();
        using var file = SafetensorsFile.Open(Path.Combine(folder, entry.File));
        update.Restore(file, entry.Step);
        PairsPerPass = entry.PairsPerPass;
        return entry.Step;
    }

    /// <summary>Which checkpoint is there, in words; null where none was written.</summary>
    internal string? Last() => File.Exists(Pointer) && Read() is var entry && File.Exists(Path.Combine(folder, entry.File))
        ? $"the checkpoint after step {entry.Step} is kept in {folder}"
        : null;

    /// <summary>Deletes the checkpoints: the training is over and its result is elsewhere.</summary>
    internal void Delete()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private Entry Read()
    {
        try
        {
            return JsonSerializer.Deserialize<Entry>(File.ReadAllBytes(Pointer), JsonFormat.Line) is { Step: >= 0, File: { } name } entry && name == $"step-{entry.Step}.safetensors"
                ? entry
                : throw new JsonException("no checkpoint of this folder");
        }
        catch (JsonException e)
        {
            throw new InputException($"{Pointer} is damaged; delete {folder} to train from the start.", e);
        }
    }

    private sealed record Entry(int Step, string File)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public int? PairsPerPass { get; init; }
    }
}
