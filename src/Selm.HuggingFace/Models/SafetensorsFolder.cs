using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The weights of a model folder: model.safetensors, or the shards that model.safetensors.index.json names.
/// </summary>
public sealed class SafetensorsFolder : IDisposable
{
    internal const string SingleName = "model.safetensors";
    internal const string IndexName = "model.safetensors.index.json";

    // What the wrappers of DistributedDataParallel and torch.compile put before every name.
    private static readonly string[] wrappers = ["module.", "_orig_mod."];

    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<string, SafetensorsFile> fileOf = new(StringComparer.Ordinal);
    private string wrapper = "";

    private SafetensorsFolder(string folder) => Folder = folder;

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The names of the tensors, in ordinal order; a prefix of wrappers that all of them have is left out.</summary>
    public IReadOnlyList<string> Names => [.. fileOf.Keys.Select(name => name[wrapper.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>Opens all weight files of a folder and checks their headers.</summary>
    /// <exception cref="InputException">A file is missing or broken, or a shard lacks a tensor that the index puts there.</exception>
    public static SafetensorsFolder Open(string folder)
    {
        var result = new SafetensorsFolder(folder);
        try
        {
            foreach (var path in WeightFiles(folder))
            {
                result.Add(SafetensorsFile.Open(path));
            }
            result.CheckIndex();
            result.FindWrapper();
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 of config.json and the weight files of a model folder: the name of a frozen model.</summary>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string WeightHash(string folder) =>
        ContentHash.OfKnownFiles([Path.Combine(folder, HfConfig.FileName), .. WeightFiles(folder)]);

    /// <summary>Numbers in all tensors together.</summary>
    internal long Elements => fileOf.Sum(entry => entry.Value.Shape(entry.Key).Aggregate(1L, (product, size) => product * size));

    /// <summary>Whether a shard holds a tensor of that name.</summary>
    public bool Contains(string name) => fileOf.ContainsKey(wrapper + name);

    /// <summary>The shape of a tensor.</summary>
    /// <exception cref="InputException">The folder has no such tensor.</exception>
    public long[] Shape(string name) => FileOf(name).Shape(wrapper + name);

    /// <summary>The element type in which a tensor is stored.</summary>
    /// <exception cref="InputException">The folder has no such tensor.</exception>
    public ScalarType DtypeOf(string name) => FileOf(name).DtypeOf(wrapper + name);

    /// <summary>Reads one tensor; the caller (or the surrounding dispose scope) owns it.</summary>
    /// <exception cref="InputException">The folder has no such tensor.</exception>
    public Tensor Read(string name, ScalarType? asType = null, Device? device = null) => FileOf(name).Read(wrapper + name, asType, device);

    /// <summary>Reads a weight of a known shape and checks that all its numbers are finite.</summary>
    /// <exception cref="InputException">The tensor is missing, has another shape, or holds NaN or infinite numbers; it is named.</exception>
    public Tensor ReadWeight(string name, long[] shape, ScalarType? asType = null, Device? device = null)
    {
        var file = FileOf(name);
        if (file.DtypeOf(wrapper + name) is var type and not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
        {
            throw new InputException(
                $"{file.Path}: the tensor \"{name}\" holds whole numbers ({SafetensorsHeader.NameOf(type)}), as quantised weights do, which the kit does not read; use the unquantised checkpoint.");
        }
        if (file.Shape(wrapper + name) is var found && !found.SequenceEqual(shape))
        {
            throw new InputException(
                $"{file.Path}: the tensor \"{name}\" has the shape [{string.Join(", ", found)}], but config.json asks for [{string.Join(", ", shape)}]; use the config.json that belongs to these weights.");
        }
        var tensor = file.Read(wrapper + name, asType, device);
        try
        {
            EnsureFinite(file.Path, name, tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Checks that a tensor holds neither NaN nor infinities.</summary>
    /// <param name="path">The file it came from, for the message.</param>
    /// <param name="name">Its name, for the message.</param>
    /// <param name="tensor">The tensor, of any shape; whole numbers pass.</param>
    /// <exception cref="InputException">It does.</exception>
    public static void EnsureFinite(string path, string name, Tensor tensor)
    {
        if (tensor.numel() == 0 || tensor.dtype is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
        {
            return;
        }
        // The largest and the smallest element are NaN where any is; no copy of a large tensor is made.
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        if (!double.IsFinite(tensor.max().to(ScalarType.Float64).cpu().item<double>()) || !double.IsFinite(tensor.min().to(ScalarType.Float64).cpu().item<double>()))
        {
            throw new InputException($"{path}: the tensor \"{name}\" holds NaN or infinite numbers; use an earlier checkpoint or train with a smaller learning rate.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(file => file.Dispose());

    /// <summary>The weight files of a folder, by their names in the index where there is one.</summary>
    internal static string[] WeightFiles(string folder)
    {
        var single = Path.Combine(folder, SingleName);
        if (File.Exists(single))
        {
            return [single];
        }
        if (!File.Exists(Path.Combine(folder, IndexName)))
        {
            throw FolderKind.WithoutWeights(folder);
        }
        return [.. IndexedNames(folder).Values.Distinct().Order(StringComparer.Ordinal).Select(name => Path.Combine(folder, name))];
    }

    // Tensor name to shard name.
    private static Dictionary<string, string> IndexedNames(string folder)
    {
        var index = ConfigFields.Read(Path.Combine(folder, IndexName), IndexName);
        if (index.Json["weight_map"] is not JsonObject map || map.Count == 0)
        {
            throw index.Error("the field \"weight_map\" is missing; restore the file from the checkpoint");
        }
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in map)
        {
            var shard = value is JsonValue text && text.TryGetValue<string>(out var found) ? found : "";
            // Shards lie beside their index; anything else would leave the folder.
            if (shard.Length == 0 || shard != Path.GetFileName(shard) || shard is "." or "..")
            {
                throw index.Error($"the shard of \"{name}\" must be a file name but is {value?.ToJsonString() ?? "null"}; restore the file from the checkpoint");
            }
            if (!File.Exists(Path.Combine(folder, shard)))
            {
                throw new InputException($"{Path.Combine(folder, shard)} is missing, though {IndexName} names it; download that shard.");
            }
            result.Add(name, shard);
        }
        return result;
    }

    private void Add(SafetensorsFile file)
    {
        files.Add(file);
        foreach (var name in file.Names)
        {
            if (!fileOf.TryAdd(name, file))
            {
                throw new InputException($"{file.Path}: the tensor \"{name}\" is also in {fileOf[name].Path}; keep one of the two.");
            }
        }
    }

    private void CheckIndex()
    {
        if (files is [{ Path: var only }] && Path.GetFileName(only) == SingleName)
        {
            return;
        }
        foreach (var (name, shard) in IndexedNames(Folder))
        {
            if (!fileOf.TryGetValue(name, out var file) || Path.GetFileName(file.Path) != shard)
            {
                throw new InputException($"{Path.Combine(Folder, shard)} has no tensor \"{name}\", though {IndexName} says so; download that shard again.");
            }
        }
    }

    private void FindWrapper()
    {
        while (fileOf.Count > 0 && Array.Find(wrappers, next => fileOf.Keys.All(name => name.StartsWith(wrapper + next, StringComparison.Ordinal))) is { } found)
        {
            wrapper += found;
        }
    }

    private SafetensorsFile FileOf(string name) => fileOf.TryGetValue(wrapper + name, out var file)
        ? file
        : throw new InputException($"{Folder} has no tensor \"{name}\" in its weight files; check that weights and config.json belong together.");
}
