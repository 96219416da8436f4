using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The rotary settings of one config.json. Published files keep them at the top level, in "rope_scaling" (transformers 4)
/// or in "rope_parameters" (transformers 5), and some in two of these: all three are read, and they must agree.
/// </summary>
/// <param name="Theta">Base of the frequencies.</param>
/// <param name="Scaling">Stretching of positions, or null.</param>
internal sealed record RopeSettings(double Theta, RopeScaling? Scaling)
{
    internal const string Parameters = "rope_parameters";

    private const double DefaultTheta = 10_000;
    private static readonly string[] nested = [Parameters, "rope_scaling"];
    private static readonly string[] scalingNumbers = ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"];
    private static readonly string[] known = ["rope_theta", "partial_rotary_factor", "rope_type", "type", "finetuned", .. scalingNumbers];

    /// <exception cref="InputException">The places contradict each other, or ask for what the kit does not compute.</exception>
    internal static RopeSettings Read(ConfigFields fields)
    {
        foreach (var place in nested)
        {
            CheckNames(fields, place);
        }
        var theta = Agreed(fields, "rope_theta", atTop: true) ?? DefaultTheta;
        if (!(theta > 0))
        {
            throw fields.Error($"rope_theta {theta} is out of range; give a positive number");
        }
        if (Agreed(fields, "partial_rotary_factor", atTop: true) is { } part and not 1)
        {
            throw fields.Error($"partial_rotary_factor {part} is not supported; use a checkpoint that rotates whole heads");
        }
        return new RopeSettings(theta, ReadScaling(fields));
    }

    /// <summary>Writes the settings where the file had them, so that no two places can disagree.</summary>
    internal void Write(JsonObject json)
    {
        if (json[Parameters] is JsonObject)
        {
            json.Remove("rope_theta");
            json.Remove("rope_scaling");
            var parameters = Node() ?? new JsonObject { ["rope_type"] = "default" };
            parameters["rope_theta"] = Theta;
            json[Parameters] = parameters;
            return;
        }
        json["rope_theta"] = Theta;
        json["rope_scaling"] = Node();
    }

    private JsonObject? Node() => Scaling switch
    {
        null => null,
        { Type: "linear" } => new JsonObject { ["rope_type"] = "linear", ["factor"] = Scaling.Factor },
        _ => new JsonObject
        {
            ["rope_type"] = Scaling.Type,
            ["factor"] = Scaling.Factor,
            ["low_freq_factor"] = Scaling.LowFreqFactor,
            ["high_freq_factor"] = Scaling.HighFreqFactor,
            ["original_max_position_embeddings"] = Scaling.OriginalMaxPositionEmbeddings,
        },
    };

    private static RopeScaling? ReadScaling(ConfigFields fields)
    {
        var type = TypeOf(fields);
        if (type is not (null or "default" or "linear" or "llama3"))
        {
            throw fields.Error($"rope scaling of type \"{type}\" is not supported; the kit computes linear and llama3");
        }
        if (type is null or "default")
        {
            return scalingNumbers.FirstOrDefault(name => name != "original_max_position_embeddings" && Agreed(fields, name, atTop: false) is not (null or 1)) is { } stray
                ? throw fields.Error($"the rotary settings give {stray} but {(type is null ? "no rope_type" : "the rope_type \"default\"")}; name the type that belongs to it or remove it")
                : null;
        }
        double Number(string name) => Agreed(fields, name, atTop: false)
            ?? throw fields.Error($"the field \"{name}\" is missing from the rotary settings of type \"{type}\"; add it as the model's publisher gives it");
        var result = type == "linear"
            ? new RopeScaling(type, Number("factor"))
            : new RopeScaling(type, Number("factor"), Number("low_freq_factor"), Number("high_freq_factor"), Whole(fields, Number("original_max_position_embeddings")));
        return result is { Factor: not > 0 } || (result is { Type: "llama3" } && !(result.HighFreqFactor > result.LowFreqFactor && result.LowFreqFactor > 0))
            ? throw fields.Error("the numbers of the rotary scaling are out of range: factor must be positive and high_freq_factor above low_freq_factor above 0; correct them")
            : result;
    }

    private static int Whole(ConfigFields fields, double number) => number >= 1 && number <= int.MaxValue && number == Math.Floor(number)
        ? (int)number
        : throw fields.Error($"original_max_position_embeddings {number} must be a whole number of at least 1; correct it");

    // "rope_type" or, in older files, "type", in either object.
    private static string? TypeOf(ConfigFields fields)
    {
        var found = nested
            .SelectMany(place => ((string[])["rope_type", "type"]).Select(name => (Place: $"{place}.{name}", Type: fields.Object(place)?.Text(name))))
            .Where(entry => entry.Type is not null)
            .ToArray();
        return found.Length == 0 ? null
            : Array.Find(found, entry => entry.Type != found[0].Type) is { Type: { } other } second
            ? throw fields.Error($"{found[0].Place} is \"{found[0].Type}\" but {second.Place} is \"{other}\"; keep the one that belongs to the weights")
            : found[0].Type;
    }

    private static double? Agreed(ConfigFields fields, string name, bool atTop)
    {
        (string Place, ConfigFields? Fields)[] places =
            [.. nested.Select(place => ($"{place}.{name}", fields.Object(place))), (name, atTop ? fields : null)];
        var found = places.Where(place => place.Fields?.Has(name) == true).Select(place => (place.Place, Value: place.Fields!.Number(name))).ToArray();
        if (found.Length == 0)
        {
            return null;
        }
        var other = Array.FindIndex(found, entry => entry.Value != found[0].Value);
        return other < 0
            ? found[0].Value
            : throw fields.Error($"{found[0].Place} is {found[0].Value} but {found[other].Place} is {found[other].Value}; keep the one that belongs to the weights");
    }

    private static void CheckNames(ConfigFields fields, string place)
    {
        foreach (var (name, value) in fields.Object(place)?.Json ?? [])
        {
            if (value is not null && !known.Contains(name))
            {
                // The type says more than the fields that only it has.
                _ = ReadScaling(fields);
                throw fields.Error($"the field \"{place}.{name}\" is not supported; use a checkpoint whose positions follow from rope_theta with linear or llama3 scaling");
            }
        }
    }
}
