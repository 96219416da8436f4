namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// SentencePiece's normalisation: the compiled map, spaces to U+2581, one mark before the text, and no run of
/// spaces, each as the model's settings say. User-defined symbols pass through untouched.
/// </summary>
internal sealed class SentencePieceNormalizer
{
    private static readonly byte[] s_mark = [0xE2, 0x96, 0x81];
    private readonly SentencePieceFile _file;
    private readonly byte[][]?[] _untouched = new byte[][]?[256]; // by first byte, longest first

    public SentencePieceNormalizer(SentencePieceFile file)
    {
        _file = file;
        foreach (var group in file.Pieces
            .Where(piece => piece.Kind == PieceKind.UserDefined && piece.Text.Length > 0)
            .Select(piece => CodePoints.Utf8.GetBytes(piece.Text))
            .OrderByDescending(bytes => bytes.Length)
            .GroupBy(bytes => bytes[0]))
        {
            _untouched[group.Key] = [.. group];
        }
    }

    /// <summary>The normalized text.</summary>
    /// <param name="text">A well-formed text.</param>
    /// <param name="dummyPrefix">Whether a word-start mark goes before it.</param>
    public string Normalize(string text, bool dummyPrefix)
    {
        ReadOnlySpan<byte> rest = CodePoints.Utf8.GetBytes(text);
        var removes = _file.RemoveExtraSpaces;
        while (removes && !rest.IsEmpty && Prefix(rest, out var leading) is [(byte)' '])
        {
            rest = rest[leading..];
        }
        if (rest.IsEmpty)
        {
            return "";
        }
        ReadOnlySpan<byte> space = _file.EscapeSpaces ? s_mark : " "u8;
        var result = new List<byte>(rest.Length + 16);
        if (dummyPrefix && !_file.SpaceIsSuffix)
        {
            result.AddRange(space);
        }
        var afterSpace = removes;
        while (!rest.IsEmpty)
        {
            var chunk = Prefix(rest, out var consumed);
            while (afterSpace && !chunk.IsEmpty && chunk[0] == ' ')
            {
                chunk = chunk[1..];
            }
            foreach (var b in chunk)
            {
                if (b == ' ')
                {
                    result.AddRange(space);
                }
                else
                {
                    result.Add(b);
                }
            }
            afterSpace = removes && (chunk.IsEmpty ? afterSpace : chunk[^1] == ' ');
            rest = rest[consumed..];
        }
        while (removes && EndsWith(result, space))
        {
            result.RemoveRange(result.Count - space.Length, space.Length);
        }
        if (dummyPrefix && _file.SpaceIsSuffix)
        {
            result.AddRange(space);
        }
        return CodePoints.Utf8.GetString([.. result]);
    }

    private static bool EndsWith(List<byte> bytes, ReadOnlySpan<byte> end) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes).EndsWith(end);

    private ReadOnlySpan<byte> Prefix(ReadOnlySpan<byte> text, out int consumed)
    {
        foreach (var symbol in _untouched[text[0]] ?? [])
        {
            if (text.StartsWith(symbol))
            {
                consumed = symbol.Length;
                return symbol;
            }
        }
        return _file.Map is { } map ? map.NormalizePrefix(text, out consumed) : CharacterMap.FirstCharacter(text, out consumed);
    }
}
