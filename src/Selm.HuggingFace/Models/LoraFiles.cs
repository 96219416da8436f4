using System.Text.Json.Nodes;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>Adapters in PEFT's files: adapter_config.json and adapter_model.safetensors; and adapters merged into whole weights.</summary>
public static class LoraFiles
{
    /// <summary>The file of the weights.</summary>
    public const string WeightsName = "adapter_model.safetensors";

    // In config.json of a merged model: the adapter that is in it.
    private const string MergedField = "selm_merged_adapter";

    /// <summary>Reads an adapter and attaches it to a model.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="others">Names without their prefix that the caller reads itself.</param>
    /// <exception cref="InputException">A file is missing or broken, the adapter does not fit the model (its first tensor that does not is named),
    /// it says what the kit does not compute, or it is in the model already.</exception>
    public static void Attach(Llama model, string folder, params string[] others)
    {
        var config = LoraConfig.Load(folder);
        var path = WeightsOf(folder);
        if (model.Config.Source?[MergedField]?.ToString() is { } merged && merged == Hash(folder))
        {
            throw new InputException($"{folder} is merged in this model already (config.json: {MergedField}); give the merged model alone, or the adapter with its base model.");
        }
        RefuseOtherRank(config, path);
        LoraAdapter adapter;
        try
        {
            adapter = new LoraAdapter(config, model);
        }
        catch (InputException e)
        {
            throw new InputException($"{Path.Combine(folder, LoraConfig.FileName)}: {e.Message}", e);
        }
        try
        {
            Fill(adapter, path, others);
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        model.Attach(adapter);
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors as PEFT reads them.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="folder">Where to; made if absent. Each file appears whole or not at all.</param>
    /// <param name="dtype">Element type to store; null stores what the model computes in.</param>
    /// <param name="baseModel">The base model that the file names; null keeps the name that the adapter came with.</param>
    public static void Save(LoraAdapter adapter, string folder, ScalarType? dtype = null, string? baseModel = null)
    {
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        SafetensorsWriter.Write(Path.Combine(folder, WeightsName), adapter.Named.Select(w => (w.Name, w.Weight.to_type(dtype ?? w.Weight.dtype).cpu().contiguous())).ToList());
        AtomicFile.WriteJson(Path.Combine(folder, LoraConfig.FileName), (adapter.Config with { BaseModel = baseModel ?? adapter.Config.BaseModel }).ToJson());
    }

    /// <summary>Writes a whole model with an adapter merged into it: W + scaling * B A under the base model's names, in its element type.</summary>
    /// <param name="model">Folder of the base model.</param>
    /// <param name="adapter">Folder of the adapter.</param>
    /// <param name="output">Where to; made if absent.</param>
    /// <exception cref="InputException">A folder is wrong, the adapter belongs to another base, or the output is one of the two.</exception>
    public static void Merge(string model, string adapter, string output)
    {
        var target = Path.GetFullPath(output);
        if (new[] { model, adapter }.FirstOrDefault(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) == Path.TrimEndingDirectorySeparator(target)) is { } same)
        {
            throw new InputException($"{output} is where {same} lies; give another folder for the merged model.");
        }
        using var folder = ModelFolder.Load(model, adapter: adapter);
        folder.Model.Merge();
        folder.CopyTextFiles(output);
        LlamaWeights.Save(folder.Model, output, folder.Model.Config.TorchDtype, (MergedField, Hash(adapter)));
    }

    /// <summary>A module of which an adapter holds a whole copy and that the caller uses itself, such as the head of a reward model.</summary>
    /// <param name="folder">The adapter's folder, or null.</param>
    /// <param name="name">Its name in the base model.</param>
    /// <param name="shape">What it must be.</param>
    /// <param name="dtype">Element type to read it in.</param>
    /// <param name="device">Where it lives; null is the CPU.</param>
    /// <returns>The copy, or null where there is none.</returns>
    internal static Tensor? ReadCopy(string? folder, string name, long[] shape, ScalarType dtype, Device? device)
    {
        if (folder is null)
        {
            return null;
        }
        using var file = SafetensorsFile.Open(WeightsOf(folder));
        var full = LoraAdapter.Prefix + name;
        if (!file.Contains(full))
        {
            return null;
        }
        if (!file.Shape(full).SequenceEqual(shape))
        {
            throw new InputException($"{file.Path}: the tensor \"{full}\" has the shape [{string.Join(", ", file.Shape(full))}], but this base model asks for [{string.Join(", ", shape)}]; give the base model that the adapter was trained on.");
        }
        return file.Read(full, dtype, device);
    }

    /// <summary>SHA-256 of an adapter's two files.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string Hash(string folder)
    {
        // Where the base model lies is no part of what the adapter is.
        var config = ConfigFields.Read(Path.Combine(folder, LoraConfig.FileName), LoraConfig.FileName).Json.DeepClone().AsObject();
        config.Remove("base_model_name_or_path");
        return ContentHash.Combine(ContentHash.OfText(config.ToJsonString()), ContentHash.OfKnownFile(WeightsOf(folder)));
    }

    private static string WeightsOf(string folder)
    {
        var path = Path.Combine(folder, WeightsName);
        return File.Exists(path) ? path
            : File.Exists(Path.Combine(folder, "adapter_model.bin"))
            ? throw new InputException($"{Path.Combine(folder, "adapter_model.bin")} is a PyTorch file, and the kit reads safetensors only; load the adapter with PEFT and save it again with safe_serialization=True.")
            : throw new InputException($"{path} does not exist; give the folder of a LoRA adapter as PEFT saves it.");
    }

    // Before the adapter is made: a config that asks for another rank must not make us allocate it.
    private static void RefuseOtherRank(LoraConfig config, string path)
    {
        using var file = SafetensorsFile.Open(path);
        var first = file.Names.FirstOrDefault(name => name.EndsWith(".lora_A.weight", StringComparison.Ordinal));
        if (first is not null && file.Shape(first) is var shape && !(shape is [var rank, _] && rank == config.Rank))
        {
            throw new InputException(
                $"{path}: the tensor \"{first}\" has the shape [{string.Join(", ", shape)}], but {LoraConfig.FileName} asks for the rank {config.Rank}; give both files of one adapter.");
        }
    }

    private static void Fill(LoraAdapter adapter, string path, string[] others)
    {
        using var file = SafetensorsFile.Open(path);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var places = adapter.Named.ToDictionary(w => w.Name, w => w.Weight, StringComparer.Ordinal);
        foreach (var name in file.Names.Order(StringComparer.Ordinal))
        {
            if (others.Any(other => name == LoraAdapter.Prefix + other))
            {
                continue;
            }
            var found = string.Join(", ", file.Shape(name));
            var place = places.GetValueOrDefault(name) ?? throw new InputException(
                $"{path}: the tensor \"{name}\" [{found}] has no place in this model under {LoraConfig.FileName}; give the base model that the adapter was trained on.");
            if (!file.Shape(name).SequenceEqual(place.shape))
            {
                throw new InputException(
                    $"{path}: the tensor \"{name}\" has the shape [{found}], but this base model asks for [{string.Join(", ", place.shape)}]; give the base model that the adapter was trained on.");
            }
            using var one = NewDisposeScope();
            var tensor = file.Read(name, place.dtype, place.device);
            SafetensorsFolder.EnsureFinite(path, name, tensor);
            place.copy_(tensor);
        }
        if (places.Keys.Order(StringComparer.Ordinal).FirstOrDefault(name => !file.Contains(name)) is { } missing)
        {
            throw new InputException($"{path} lacks the tensor \"{missing}\", which {LoraConfig.FileName} asks for; give the base model that the adapter was trained on, or both files of one adapter.");
        }
    }
}
