using System.Buffers;
using System.Text.Json;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// A JSON file without its tables, and these by their places: of a million short entries a parsed document takes four
/// times the bytes, so they are read one by one.
/// </summary>
/// <param name="Rest">The file with each table empty.</param>
/// <param name="ByPlace">The tables.</param>
internal sealed record JsonTables(ReadOnlyMemory<byte> Rest, IReadOnlyDictionary<string, JsonTable> ByPlace)
{
    /// <summary>Cuts a file.</summary>
    /// <param name="json">UTF-8 with whole characters.</param>
    /// <param name="places">Where objects or arrays are cut out: a member of the top and a member of that, such as model.vocab.</param>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static JsonTables Cut(ReadOnlyMemory<byte> json, IReadOnlyCollection<string> places)
    {
        var rest = new ArrayBufferWriter<byte>();
        var tables = new Dictionary<string, JsonTable>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(json.Span);
        var (member, place, kept) = ("", "", 0);
        while (reader.Read())
        {
            if (reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 })
            {
                (member, place) = (reader.GetString()!, "");
            }
            else if (reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 2 })
            {
                place = $"{member}.{reader.GetString()}";
            }
            else if (reader is { TokenType: JsonTokenType.StartObject or JsonTokenType.StartArray, CurrentDepth: 2 } && places.Contains(place))
            {
                var first = (int)reader.TokenStartIndex;
                var count = Skip(ref reader);
                rest.Write(json.Span[kept..(first + 1)]);
                kept = (int)reader.TokenStartIndex; // the brackets stay
                tables[place] = new(json[first..(kept + 1)], count);
            }
        }
        rest.Write(json.Span[kept..]);
        return new(rest.WrittenMemory, tables);
    }

    // From a table's first bracket to its last; how many entries lie between.
    private static int Skip(ref Utf8JsonReader reader)
    {
        var (depth, count) = (reader.CurrentDepth, 0);
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            count += reader.CurrentDepth == depth + 1 && reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.EndObject or JsonTokenType.EndArray) ? 1 : 0;
        }
        return count;
    }
}

/// <summary>An object or an array of many entries, as text.</summary>
/// <param name="Json">From bracket to bracket, valid.</param>
/// <param name="Count">How many entries it has.</param>
internal readonly record struct JsonTable(ReadOnlyMemory<byte> Json, int Count)
{
    /// <summary>A reader that stands on the first bracket.</summary>
    public Utf8JsonReader Open()
    {
        var reader = new Utf8JsonReader(Json.Span);
        reader.Read();
        return reader;
    }
}
