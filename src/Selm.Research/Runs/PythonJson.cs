using System.Text;
using System.Text.Json;

namespace Selm.Research.Runs;

/// <summary>
/// JSON as Python's json.dumps writes it: with the bare words NaN, Infinity and -Infinity, which JSON does not have. Where a
/// person's file is read, NaN means that the value is missing, as null does; an infinite number is no measurement and is refused.
/// </summary>
internal static class PythonJson
{
    /// <summary>Parses JSON; only where that fails are the words looked for.</summary>
    /// <param name="json">UTF-8, without a byte-order mark.</param>
    /// <param name="place">File and, where there is one, line: what errors begin with.</param>
    /// <exception cref="JsonException">It is not JSON for another reason.</exception>
    /// <exception cref="InputException">An infinite number is in it.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> json, string place)
    {
        try
        {
            return JsonElement.Parse(json);
        }
        catch (JsonException)
        {
            var repaired = Replace(json, word => word == "NaN"
                ? "null"
                : throw new InputException($"{place}: {word} is not JSON, although Python writes it; write a finite number, or null where there is none."));
            if (repaired.AsSpan().SequenceEqual(json))
            {
                throw;
            }
            return JsonElement.Parse(repaired);
        }
    }

    /// <summary>Replaces the words outside texts.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="by">From NaN, Infinity or -Infinity to what stands in its place.</param>
    public static byte[] Replace(ReadOnlySpan<byte> json, Func<string, string> by)
    {
        var result = new MemoryStream(json.Length + 64);
        var (copied, inText) = (0, false);
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] == '\\' && inText)
            {
                i++;
            }
            else if (json[i] == '"')
            {
                inText = !inText;
            }
            else if (!inText && json[i] is (byte)'N' or (byte)'I' or (byte)'-' && Word(json[i..]) is > 0 and var length)
            {
                result.Write(json[copied..i]);
                result.Write(Encoding.UTF8.GetBytes(by(Encoding.UTF8.GetString(json.Slice(i, length)))));
                copied = i + length;
                i = copied - 1;
            }
        }
        result.Write(json[copied..]);
        return result.ToArray();
    }

    private static int Word(ReadOnlySpan<byte> at) =>
        at.StartsWith("NaN"u8) ? 3 : at.StartsWith("Infinity"u8) ? 8 : at.StartsWith("-Infinity"u8) ? 9 : 0;
}
