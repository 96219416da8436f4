using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Selm.Tests.Hostile;

/// <summary>Damages files the way accidents and attackers do. The same seed does the same to the same corpus.</summary>
internal static class Mutation
{
    private const int Longest = 8 << 20;
    private static readonly SearchValues<byte> beforeValues = SearchValues.Create(":, [{("u8);

    private static readonly byte[][] openers =
    [
        .. ((string[])["[", "{\"a\":", "[\"a\",", "{", "(", "- ", "  ", "\"", "{{ ", "{% if a %}", "{% for a in messages %}", "not ", "-", "~a", ".a", "|trim", "if a ", "[*a, ", "&a [", "\\", "\u0308"])
            .Select(Encoding.UTF8.GetBytes),
    ];

    // In place of a JSON value; most readers expect something else where it lands.
    private static readonly string[] oddValues =
    [
        "null", "true", "0", "-1", "1", "0.5", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808", "1e9", "1e300", "1e400", "1e-400", "-0.0",
        "\"\"", "\"\\ud800\"", "\"\\u0000\"", "\"..\"", "\"/\"", "\"\\n\"", "\"\\u001b[2J\"", "\"(a+)+$\"", "\"{{ messages }}\"", "\"NaN\"", "[]", "{}", "[null]", "[[]]", "{\"\":{}}", "[1,2,3]",
        "[\"a\",\"b\"]", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "{\"type\":\"Sequence\"}",
    ];

    private static readonly string[] oddNumbers =
        ["-1", "0", "1", "255", "65536", "2147483647", "2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e308", "1e309", "1e-320", "0.1", "NaN", ".inf"];

    private static readonly Func<byte[], Dice, IReadOnlyList<byte[]>, byte[]>[] all =
    [
        Truncate, Flip, Flip, Insert, Delete, Duplicate, Splice, ExtremeNumber, ExtremeNumber, Deepen, HugeLength, LongRun, OddValue, OddValue, OddValue, OddValue, OddValue, OddValue, OddValue, OddValue, SwapLines,
    ];

    /// <summary>A mutated file of a corpus.</summary>
    /// <param name="corpus">Files of one kind, all sound.</param>
    /// <param name="pick">The one to damage.</param>
    /// <param name="seed">Decides what is done.</param>
    public static byte[] Of(IReadOnlyList<byte[]> corpus, int pick, ulong seed)
    {
        var dice = new Dice(seed);
        var bytes = corpus[pick];
        for (var times = 1 + dice.Below(4) / 2 + dice.Below(8) / 7; times > 0; times--)
        {
            bytes = all[dice.Below(all.Length)](bytes, dice, corpus);
            bytes = bytes.Length > Longest ? bytes[..Longest] : bytes;
        }
        return bytes;
    }

    private static byte[] Truncate(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus) => bytes[..dice.Place(bytes.Length)];

    private static byte[] Flip(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var result = bytes.ToArray();
        for (var count = 1 + dice.Below(8); count > 0 && result.Length > 0; count--)
        {
            var at = dice.Place(result.Length);
            result[at] = dice.Below(2) == 0 ? (byte)(result[at] ^ (1 << dice.Below(8))) : (byte)dice.Below(256);
        }
        return result;
    }

    private static byte[] Insert(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus) => Put(bytes, dice.Place(bytes.Length + 1), dice.Bytes(1 + dice.Below(64)));

    private static byte[] Delete(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var (start, length) = dice.Range(bytes.Length);
        return [.. bytes[..start], .. bytes[(start + length)..]];
    }

    private static byte[] Duplicate(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var (start, length) = dice.Range(bytes.Length);
        var times = dice.Below(4) == 0 ? 1 + dice.Below(1000) : 1;
        var copies = new MemoryStream();
        for (; times > 0 && copies.Length < 1 << 20; times--)
        {
            copies.Write(bytes, start, length);
        }
        return Put(bytes, start, copies.ToArray());
    }

    private static byte[] Splice(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var other = corpus[dice.Below(corpus.Count)];
        var (start, length) = dice.Range(other.Length);
        return Put(bytes, dice.Place(bytes.Length + 1), other[start..(start + length)]);
    }

    private static byte[] ExtremeNumber(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var from = dice.Place(bytes.Length + 1);
        var at = bytes.AsSpan(from).IndexOfAnyInRange((byte)'0', (byte)'9') is >= 0 and var found ? from + found : bytes.AsSpan().IndexOfAnyInRange((byte)'0', (byte)'9');
        if (at < 0)
        {
            return Flip(bytes, dice, corpus);
        }
        var end = at;
        while (end < bytes.Length && (char.IsAsciiDigit((char)bytes[end]) || bytes[end] == '.'))
        {
            end++;
        }
        return [.. bytes[..at], .. Encoding.ASCII.GetBytes(oddNumbers[dice.Below(oddNumbers.Length)]), .. bytes[end..]];
    }

    private static byte[] Deepen(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var opener = openers[dice.Below(openers.Length)];
        var depth = ((int[])[10, 70, 1000, 20_000, 100_000])[dice.Below(5)];
        return Put(bytes, Token(bytes, dice.Place(bytes.Length + 1)), [.. Enumerable.Repeat(opener, depth).SelectMany(one => one)]);
    }

    private static byte[] HugeLength(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var value = ((ulong[])[ulong.MaxValue, long.MaxValue, uint.MaxValue, int.MaxValue, 1UL << 31, 1UL << 40, 0, 1, (ulong)bytes.Length])[dice.Below(9)];
        var number = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        var result = bytes.ToArray();
        // A fixed length of 8, 4 or 1 bytes, or one of protobuf's and Thrift's.
        byte[] length = dice.Below(4) switch { 0 => number, 1 => number[..4], 2 => number[..1], _ => [0xFF, 0xFF, 0xFF, 0xFF, 0x0F] };
        var at = dice.Below(3) == 0 ? 0 : dice.Place(bytes.Length + 1);
        length.AsSpan(0, Math.Min(length.Length, result.Length - at)).CopyTo(result.AsSpan(at));
        return result;
    }

    private static byte[] LongRun(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var run = new byte[1 << (4 + dice.Below(14))];
        Array.Fill(run, ((byte[])[(byte)'a', (byte)' ', (byte)'\n', 0, (byte)'9', 0xFF, (byte)'"', (byte)','])[dice.Below(8)]);
        return Put(bytes, Token(bytes, dice.Place(bytes.Length + 1)), run);
    }

    private static byte[] SwapLines(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        var lines = Encoding.Latin1.GetString(bytes).Split('\n');
        var (a, b) = (dice.Below(lines.Length), dice.Below(lines.Length));
        (lines[a], lines[b]) = (lines[b], lines[a]);
        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }

    // Another value for a JSON value, in the whole file or in one line of it.
    private static byte[] OddValue(byte[] bytes, Dice dice, IReadOnlyList<byte[]> corpus)
    {
        if (Replaced(bytes, dice) is { } whole)
        {
            return whole;
        }
        var from = dice.Place(bytes.Length + 1);
        var start = bytes.AsSpan(0, from).LastIndexOf((byte)'\n') + 1;
        var length = bytes.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var found ? found : bytes.Length - start;
        return Replaced(bytes[start..(start + length)], dice) is { } line ? [.. bytes[..start], .. line, .. bytes[(start + length)..]] : Flip(bytes, dice, corpus);
    }

    private static byte[]? Replaced(byte[] json, Dice dice)
    {
        const string mark = "\"@odd@\"";
        try
        {
            var root = JsonNode.Parse(json);
            if (root is not (JsonObject or JsonArray))
            {
                return null;
            }
            var places = new List<Action>();
            Collect(root, places);
            if (places.Count == 0)
            {
                return null;
            }
            places[dice.Below(places.Count)]();
            return Encoding.UTF8.GetBytes(root.ToJsonString().Replace(mark, oddValues[dice.Below(oddValues.Length)], StringComparison.Ordinal));
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }

        void Collect(JsonNode? node, List<Action> places)
        {
            if (node is JsonObject fields)
            {
                foreach (var name in fields.Select(field => field.Key).ToArray())
                {
                    places.Add(() => fields[name] = "@odd@");
                    places.Add(dice.Below(4) == 0 ? () => fields.Remove(name) : () => fields[name] = "@odd@");
                    Collect(fields[name], places);
                }
            }
            else if (node is JsonArray list)
            {
                for (var i = 0; i < Math.Min(list.Count, 200); i++)
                {
                    var index = i;
                    places.Add(() => list[index] = "@odd@");
                    Collect(list[index], places);
                }
            }
        }
    }

    // Behind the next sign that begins a value, where there is one near by.
    private static int Token(byte[] bytes, int from) => bytes.AsSpan(from) is var rest && rest[..Math.Min(rest.Length, 200)].IndexOfAny(beforeValues) is >= 0 and var found ? from + found + 1 : from;

    private static byte[] Put(byte[] bytes, int at, byte[] what) => [.. bytes[..at], .. what, .. bytes[at..]];
}

/// <summary>A small generator of its own (SplitMix64), so that a seed means the same everywhere.</summary>
internal sealed class Dice(ulong seed)
{
    private ulong state = seed;

    /// <summary>The seed of the k-th input of a name.</summary>
    public static ulong Seed(string name, int k) => name.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211UL) + (ulong)k * 0x9E3779B97F4A7C15UL;

    public int Below(int count) => (int)(Next() % (ulong)Math.Max(1, count));

    /// <summary>A place in a file; half of them near its start, where headers are.</summary>
    public int Place(int length) => Below(2) == 0 ? Below(Math.Min(length, 256)) : Below(length);

    /// <summary>A stretch of a file, most often short.</summary>
    public (int Start, int Length) Range(int length)
    {
        var start = Place(length);
        var most = Below(3) == 0 ? length - start : Math.Min(length - start, 64);
        return (start, most <= 0 ? 0 : Below(most + 1));
    }

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
        {
            bytes[i] = (byte)Below(256);
        }
        return bytes;
    }

    public override string ToString() => state.ToString(CultureInfo.InvariantCulture);

    private ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
