using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selm.HuggingFace.Files;

/// <summary>
/// How the kit writes JSON: snake_case names, kebab-case enumerations, text left readable, numbers that read back to the same bits, and
/// NaN and infinities as the strings "NaN", "Infinity", "-Infinity" (JSON itself has no word for them).
/// </summary>
public static class JsonFormat
{
    /// <summary>One object per line, for JSONL.</summary>
    public static JsonSerializerOptions Line { get; } = Create(indented: false);

    /// <summary>Indented, for files that people open.</summary>
    public static JsonSerializerOptions Indented { get; } = Create(indented: true);

    private static readonly JsonSerializerOptions s_whole = Create(indented: false, whole: true);

    /// <summary>Reads what the kit wrote, of which no part may be missing.</summary>
    /// <param name="json">UTF-8, one object or list.</param>
    /// <exception cref="JsonException">It is not JSON, or lacks something.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<T>(json, s_whole) ?? throw new JsonException("it holds nothing");

    private static JsonSerializerOptions Create(bool indented, bool whole = false)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DictionaryKeyPolicy = null,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = whole,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
            WriteIndented = indented,
            IndentSize = 2,
            NewLine = "\n",
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
