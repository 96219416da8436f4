using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The Python files that "auto_map" of config.json names, which transformers loads with trust_remote_code. The kit does
/// not run them; a saved folder has them beside it, or no auto_map where they are not to be had.
/// </summary>
public static class ModelCode
{
    private const string Field = "auto_map";
    private static readonly string[] settings = [HfConfig.FileName, "tokenizer_config.json"];

    /// <summary>Code files that config.json of a folder names and the folder lacks: what is saved from it has no auto_map.</summary>
    /// <param name="folder">A checkpoint.</param>
    /// <exception cref="InputException">config.json is missing or broken.</exception>
    public static IReadOnlyList<string> Missing(string folder) =>
        [.. Named(ConfigFields.Read(Path.Combine(folder, HfConfig.FileName), HfConfig.FileName).Json).Where(name => !File.Exists(Path.Combine(folder, name)))];

    /// <summary>Copies the code of a folder, where its settings name any; modules may import their neighbours, so all of it.</summary>
    internal static void Copy(string from, string to)
    {
        var named = settings.Select(name => Path.Combine(from, name)).Where(File.Exists).SelectMany(path => Named(ConfigFields.Read(path, Path.GetFileName(path)).Json));
        if (!named.Any())
        {
            return;
        }
        foreach (var path in Directory.EnumerateFiles(from, "*.py"))
        {
            var bytes = File.ReadAllBytes(path);
            AtomicFile.Write(Path.Combine(to, Path.GetFileName(path)), stream => stream.Write(bytes));
        }
    }

    /// <summary>Takes auto_map out of a configuration that is to be written where its code is not.</summary>
    internal static void Fit(JsonObject config, string folder)
    {
        if (Named(config).Any(name => !File.Exists(Path.Combine(folder, name))))
        {
            config.Remove(Field);
        }
    }

    // "module.Class", or a list of those; "owner/name--module.Class" lies on the hub.
    private static IEnumerable<string> Named(JsonObject config) =>
        ((config[Field] as JsonObject) ?? []).SelectMany(entry => entry.Value is JsonArray list ? list.ToArray() : [entry.Value])
            .Select(node => node?.ToString() ?? "")
            .Where(name => name.Contains('.', StringComparison.Ordinal) && !name.Contains("--", StringComparison.Ordinal))
            .Select(name => Path.GetFileName(name[..name.LastIndexOf('.')].Replace('.', '/')) + ".py")
            .Distinct();
}
