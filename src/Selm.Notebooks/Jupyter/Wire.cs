// Jupyter's messages: identities, a delimiter, an HMAC-SHA256 signature, and four JSON parts.
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>A request from a front end.</summary>
/// <param name="Identities">Where the answer goes.</param>
/// <param name="Header">Its header; answers carry it as their parent.</param>
/// <param name="Content">What is asked.</param>
internal sealed record Request(IReadOnlyList<byte[]> Identities, JsonObject Header, JsonObject Content)
{
    public string Type => (string?)Header["msg_type"] ?? "";

    public string Text(string name) => (string?)Content[name] ?? "";

    public int Number(string name, int otherwise) => Content[name]?.GetValueKind() == JsonValueKind.Number ? (int)Content[name]! : otherwise;

    public bool Flag(string name, bool otherwise) =>
        Content[name]?.GetValueKind() switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => otherwise };
}

/// <summary>Packs and signs messages with the key of the connection file; an empty key = unsigned.</summary>
internal sealed class Wire(string key)
{
    public const string ProtocolVersion = "5.3";

    private static readonly byte[] delimiter = "<IDS|MSG>"u8.ToArray();
    private static readonly JsonSerializerOptions json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly byte[] secret = Encoding.UTF8.GetBytes(key);
    private readonly string session = Guid.NewGuid().ToString();

    /// <summary>A request, or null if it is torn or not signed with the key.</summary>
    public Request? Unpack(List<byte[]> frames)
    {
        var at = frames.FindIndex(frame => frame.AsSpan().SequenceEqual(delimiter));
        if (at < 0 || frames.Count < at + 6)
        {
            return null;
        }
        var parts = frames.GetRange(at + 2, 4);
        if (secret.Length > 0 && !CryptographicOperations.FixedTimeEquals(Sign(parts), frames[at + 1]))
        {
            return null;
        }
        try
        {
            return new(frames.GetRange(0, at), JsonNode.Parse(parts[0])!.AsObject(), JsonNode.Parse(parts[3])!.AsObject());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            return null;
        }
    }

    /// <summary>A message's frames.</summary>
    public List<byte[]> Pack(IReadOnlyList<byte[]> identities, string type, JsonObject? parent, JsonObject content)
    {
        var header = new JsonObject
        {
            ["msg_id"] = Guid.NewGuid().ToString(),
            ["session"] = session,
            ["username"] = "kernel",
            ["date"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture),
            ["msg_type"] = type,
            ["version"] = ProtocolVersion,
        };
        List<byte[]> parts = [Bytes(header), Bytes(parent ?? []), "{}"u8.ToArray(), Bytes(content)];
        return [.. identities, delimiter, Sign(parts), .. parts];
    }

    private static byte[] Bytes(JsonObject part) => JsonSerializer.SerializeToUtf8Bytes(part, json);

    private byte[] Sign(IEnumerable<byte[]> parts)
    {
        if (secret.Length == 0)
        {
            return [];
        }
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        foreach (var part in parts)
        {
            hash.AppendData(part);
        }
        return Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
