using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selm.Research.Figures;

/// <summary>Cells in JSON: words as a string, a number as a number, no content as null, intervals as an object.</summary>
internal sealed class CellJson : JsonConverter<Cell>
{
    private sealed record Ends(double? Value, double? Low, double? High, double? PlusMinus);

    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override Cell Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return Cell.Empty;
            case JsonTokenType.String:
                return Cell.Text(reader.GetString()!);
            case JsonTokenType.Number:
                return Cell.Number(reader.GetDouble());
            default:
                var ends = JsonSerializer.Deserialize<Ends>(ref reader, options)!;
                return ends switch
                {
                    { PlusMinus: { } distance, Value: { } value } => Cell.PlusMinus(value, distance),
                    { Value: { } value, Low: { } low, High: { } high } => Cell.Interval(value, low, high),
                    { Value: null, Low: { } low, High: { } high } => Cell.Range(low, high),
                    _ => throw new JsonException("an interval lacks an end"),
                };
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Cell value, JsonSerializerOptions options)
    {
        if (value.Words is { Length: > 0 } words)
        {
            writer.WriteStringValue(words);
        }
        else if (value.HasInterval)
        {
            writer.WriteStartObject();
            if (!double.IsNaN(value.Value))
            {
                JsonSerializer.Serialize(writer.Property("value"), value.Value, options);
            }
            if (value.Symmetric)
            {
                JsonSerializer.Serialize(writer.Property("plus_minus"), value.High - value.Value, options);
            }
            else
            {
                JsonSerializer.Serialize(writer.Property("low"), value.Low, options);
                JsonSerializer.Serialize(writer.Property("high"), value.High, options);
            }
            writer.WriteEndObject();
        }
        else if (value.Words is not null || double.IsNaN(value.Value))
        {
            writer.WriteNullValue();
        }
        else
        {
            JsonSerializer.Serialize(writer, value.Value, options);
        }
    }
}

/// <summary>A property's name, then its value.</summary>
file static class Properties
{
    public static Utf8JsonWriter Property(this Utf8JsonWriter writer, string name)
    {
        writer.WritePropertyName(name);
        return writer;
    }
}
