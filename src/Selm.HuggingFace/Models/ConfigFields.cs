using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Models;

/// <summary>The fields of one config.json, read with errors that name the file, the field and the cure.</summary>
internal sealed class ConfigFields(string path, JsonObject json)
{
    /// <summary>Reads a JSON file whose root is an object and whose names are unique.</summary>
    /// <exception cref="InputException">The file is missing, unreadable, not JSON or not an object.</exception>
    internal static ConfigFields Read(string path, string what)
    {
        if (!File.Exists(path))
        {
            throw new InputException($"{path} does not exist; give the folder of a Hugging Face checkpoint, which holds {what}.");
        }
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            var bytes = File.ReadAllBytes(path);
            InputFile.RefusePointer(path, bytes);
            JsonTexts.Check(bytes);
            return JsonNode.Parse(bytes, documentOptions: options) is JsonObject json
                ? new ConfigFields(path, json)
                : throw new InputException($"{path} is not a JSON object; restore the file from the checkpoint.");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} line {e.LineNumber + 1}: not valid JSON; repair that line or restore the file from the checkpoint.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); give a readable file.", e);
        }
    }

    internal JsonObject Json => json;

    /// <summary>Whether the field is there at all, be it null.</summary>
    internal bool Contains(string name) => json.ContainsKey(name);

    /// <summary>Whether the field is there and not null.</summary>
    internal bool Has(string name) => json[name] is not null;

    /// <summary>A whole number that must be there and be at least <paramref name="least"/>.</summary>
    internal int Count(string name, int least = 1) => json[name] is { } node
        ? AsCount(name, node, least)
        : throw Error($"the field \"{name}\" is missing; add it as the model's publisher gives it");

    /// <summary>A whole number; the default where the field is missing or null.</summary>
    internal int Count(string name, int absent, int least) => json[name] is { } node ? AsCount(name, node, least) : absent;

    /// <summary>A number; the default where the field is missing or null.</summary>
    internal double Number(string name, double absent) => json[name] switch
    {
        null => absent,
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => value.GetValue<double>(),
        var other => throw Wrong(name, "a number", other),
    };

    /// <summary>A number that must be there.</summary>
    internal double Number(string name) => Has(name)
        ? Number(name, 0)
        : throw Error($"the field \"{name}\" is missing; add it as the model's publisher gives it");

    internal bool Flag(string name, bool absent) => json[name] switch
    {
        null => absent,
        JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False => value.GetValue<bool>(),
        var other => throw Wrong(name, "true or false", other),
    };

    internal string? Text(string name) => json[name] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        var other => throw Wrong(name, "text", other),
    };

    /// <summary>A token id; the default where the field is missing, null where it is null or -1, as the first Llamas say "none".</summary>
    internal int? Id(string name, int? absent) => !Contains(name) ? absent
        : json[name] is { } node && AsCount(name, node, -1) is var id and >= 0 ? id : null;

    /// <summary>One token id or a list of them; empty where the field is null.</summary>
    internal int[] Ids(string name, int[] absent) => json[name] switch
    {
        null => Contains(name) ? [] : absent,
        JsonArray list => [.. list.Select(node => node is null ? throw Wrong(name, "a list of token ids", list) : AsCount(name, node, 0))],
        var one => [AsCount(name, one, 0)],
    };

    /// <summary>A nested object, or null where the field is missing or null.</summary>
    internal ConfigFields? Object(string name) => json[name] switch
    {
        null => null,
        JsonObject inner => new ConfigFields(path, inner),
        var other => throw Wrong(name, "an object", other),
    };

    /// <summary>"config.json: what." One sentence, without the full stop.</summary>
    internal InputException Error(string what) => new($"{path}: {what}.");

    internal InputException Wrong(string name, string expected, JsonNode found) =>
        Error($"the field \"{name}\" must be {expected} but is {found.ToJsonString()}; correct it");

    private int AsCount(string name, JsonNode node, int least)
    {
        // Some writers give whole numbers as 1e6 or 4096.0.
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            && value.GetValue<double>() is var number && number == Math.Floor(number) && number >= least && number <= int.MaxValue)
        {
            return (int)number;
        }
        throw Wrong(name, least <= 0 ? "a whole number" : $"a whole number of at least {least}", node);
    }
}
