using System.Text.Json;
using System.Text.Unicode;

namespace Selm.HuggingFace.Files;

/// <summary>The texts of a JSON file: its parser leaves them unread, and half a character in one comes to light far from the file.</summary>
internal static class JsonTexts
{
    /// <summary>Looks at every text of a JSON file.</summary>
    /// <param name="json">UTF-8.</param>
    /// <exception cref="JsonException">It is not UTF-8, not JSON, or a text or name holds half of a surrogate pair.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new JsonException("not valid UTF-8", null, null, null);
        }
        if (json.IndexOf("\\u"u8) < 0)
        {
            return; // only an escape can write half a character
        }
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                try
                {
                    _ = reader.GetString();
                }
                catch (InvalidOperationException e)
                {
                    throw new JsonException("half of a surrogate pair", null, json[..(int)reader.TokenStartIndex].Count((byte)'\n'), null, e);
                }
            }
        }
    }
}
