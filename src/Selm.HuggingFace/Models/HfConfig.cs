using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The config.json of a Hugging Face checkpoint: the shape of the model and its special ids. The JSON it came from
/// is kept, so that a trained model is saved with the same fields, those the kit does not use included.
/// </summary>
public abstract record HfConfig
{
    internal const string FileName = "config.json";

    // Names as config.json has them in "model_type", with the class that "architectures" would name.
    private static readonly (string Type, string Class)[] known = [("llama", "Llama"), ("mistral", "Mistral"), ("phi3", "Phi3"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3"), ("deberta-v2", "DebertaV2")];

    /// <summary>The JSON the configuration was read from; null where it was made in code.</summary>
    internal JsonObject? Source { get; init; }

    /// <summary>The family, as "model_type" names it: llama, mistral, phi3, qwen2, qwen3 or deberta-v2.</summary>
    public required string ModelType { get; init; }

    /// <summary>Reads config.json of a model folder.</summary>
    /// <returns>A <see cref="LlamaConfig"/> (Llama, Mistral, Phi-3, Qwen2, Qwen3), a <see cref="PairRmConfig"/> or a <see cref="DebertaConfig"/>.</returns>
    /// <exception cref="InputException">The file or a field is missing or wrong, or the architecture is not known.</exception>
    public static HfConfig Load(string folder)
    {
        FolderKind.RefuseAdapter(folder);
        var fields = ConfigFields.Read(Path.Combine(folder, FileName), FileName);
        if (BlenderForm.Describes(fields.Json))
        {
            fields = BlenderForm.Complete(folder, fields);
        }
        var type = TypeOf(fields);
        ConfigRules.RefuseQuantised(fields);
        return type switch
        {
            "deberta-v2" when PairRmConfig.Describes(fields) => PairRmConfig.Read(fields),
            "deberta-v2" => DebertaConfig.Read(fields),
            _ => LlamaConfig.Read(fields),
        };
    }

    /// <summary>The configuration as config.json has it: the fields it was read from, with those changed since.</summary>
    public abstract JsonObject ToJson();

    /// <summary>What the names of Hugging Face's classes for a model type begin with: "Llama" for llama.</summary>
    internal static string ClassOf(string modelType) => Array.Find(known, entry => entry.Type == modelType).Class;

    /// <summary>The known model type of a config.json, by "model_type" or else by "architectures".</summary>
    internal static string TypeOf(ConfigFields fields)
    {
        var type = fields.Text("model_type");
        var architecture = (fields.Json["architectures"] as JsonArray)?.FirstOrDefault()?.ToString();
        foreach (var (name, prefix) in known)
        {
            if (type == name || (type is null && architecture?.StartsWith(prefix + "For", StringComparison.Ordinal) == true))
            {
                return name;
            }
        }
        throw fields.Error(
            $"the architecture \"{type ?? architecture ?? "(none)"}\" is not known; the kit reads {string.Join(", ", known.Select(k => k.Type))}");
    }
}
