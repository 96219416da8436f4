using System.Runtime.InteropServices;
using System.Text;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Encodes and decodes with a SentencePiece model, without any special tokens around or inside the text.</summary>
internal sealed class SentencePieceModel
{
    private const char Mark = '\u2581';

    // SentencePiece's constants: an unknown character costs 10 more than the worst piece, and a user-defined
    // symbol always wins over pieces.
    private const float UnkPenalty = 10;
    private const double UserDefinedMargin = 0.1;

    private readonly SentencePieceNormalizer _normalizer;
    private readonly Dictionary<string, int> _mergeable = new(StringComparer.Ordinal);
    private readonly ILookup<char, string> _userDefined; // by first character, longest first
    private readonly UnigramModel? _unigram;

    public SentencePieceModel(SentencePieceFile file)
    {
        File = file;
        _normalizer = new SentencePieceNormalizer(file);
        _userDefined = file.Pieces
            .Where(piece => piece.Kind == PieceKind.UserDefined && piece.Text.Length > 0)
            .Select(piece => piece.Text)
            .OrderByDescending(text => text.Length)
            .ToLookup(text => text[0]);
        for (var id = 0; id < file.Pieces.Count; id++)
        {
            if (file.Pieces[id].Kind is PieceKind.Normal or PieceKind.UserDefined or PieceKind.Unused)
            {
                _mergeable[file.Pieces[id].Text] = id;
            }
        }
        _unigram = file.IsBpe ? null : MakeUnigram(file);
    }

    public SentencePieceFile File { get; }

    /// <summary>Appends the ids of a well-formed text.</summary>
    public void Encode(string text, bool dummyPrefix, List<int> ids)
    {
        foreach (var (_, id) in EncodePieces(text, dummyPrefix))
        {
            ids.Add(id);
        }
    }

    /// <summary>The pieces of a text; those of a run of unknown characters are one.</summary>
    public List<(string Piece, int Id)> EncodePieces(string text, bool dummyPrefix)
    {
        var normalized = _normalizer.Normalize(text, dummyPrefix);
        var pieces = new List<(string Piece, int Id)>();
        var afterUnk = false;
        foreach (var (start, length, id) in _unigram is null ? MergePairs(normalized) : _unigram.Segments(normalized))
        {
            var piece = normalized.Substring(start, length);
            if (id >= 0)
            {
                pieces.Add((piece, id));
            }
            else if (File.ByteFallback)
            {
                foreach (var b in CodePoints.Utf8.GetBytes(piece))
                {
                    pieces.Add((File.Pieces[File.ByteIds[b]].Text, File.ByteIds[b]));
                }
            }
            else if (afterUnk)
            {
                pieces[^1] = (pieces[^1].Piece + piece, File.UnkId);
            }
            else
            {
                pieces.Add((piece, File.UnkId));
            }
            afterUnk = id < 0 && !File.ByteFallback;
        }
        return pieces;
    }

    /// <summary>
    /// The text of ids. The first mark is no space; bytes become characters, invalid ones U+FFFD; ids beyond the
    /// model's pieces are looked up with <paramref name="added"/> and stand for themselves.
    /// </summary>
    public string Decode(List<int> ids, Func<int, string> added)
    {
        var result = new StringBuilder();
        var bytes = new List<byte>();
        var atStart = true;
        var sawMark = false;
        foreach (var id in ids)
        {
            if (id < File.Pieces.Count && File.Pieces[id].Kind == PieceKind.Byte)
            {
                bytes.Add((byte)CodePoints.ByteOfToken(File.Pieces[id].Text));
                continue;
            }
            EndBytes(bytes, result);
            atStart &= !sawMark && result.Length == 0;
            sawMark = false;
            if (id >= File.Pieces.Count || File.Pieces[id].Kind == PieceKind.Control)
            {
                result.Append(added(id));
                continue;
            }
            var piece = File.Pieces[id].Kind == PieceKind.Unknown ? File.UnkSurface : File.Pieces[id].Text;
            if (atStart && piece.StartsWith(Mark) && (File.AddDummyPrefix || File.RemoveExtraSpaces))
            {
                piece = piece[1..];
                // Where extra spaces are removed, every leading mark goes, not only the first.
                sawMark = !File.RemoveExtraSpaces;
            }
            result.Append(piece.Replace(Mark, ' '));
        }
        EndBytes(bytes, result);
        return result.ToString();
    }

    private static UnigramModel MakeUnigram(SentencePieceFile file)
    {
        var scores = file.Pieces.Where(piece => piece.Kind == PieceKind.Normal).Select(piece => piece.Score).DefaultIfEmpty().ToArray();
        var (worst, best) = (scores.Min(), scores.Max());
        var pieces = file.Pieces.Select((piece, id) => (piece, id))
            .Where(entry => entry.piece.Kind is PieceKind.Normal or PieceKind.UserDefined)
            .Select(entry => new ScoredPiece(
                entry.piece.Text,
                entry.id,
                entry.piece.Kind == PieceKind.UserDefined
                    ? CodePoints.Utf8.GetByteCount(entry.piece.Text) * best - UserDefinedMargin
                    : entry.piece.Score));
        return new UnigramModel(pieces, worst - UnkPenalty, singlePrecision: true);
    }

    private List<Segment> MergePairs(string text)
    {
        var pieces = _mergeable.GetAlternateLookup<ReadOnlySpan<char>>();
        var symbols = new List<Symbol>(text.Length);
        for (int at = 0, length; at < text.Length; at += length)
        {
            var symbol = _userDefined[text[at]].FirstOrDefault(entry => string.CompareOrdinal(text, at, entry, 0, entry.Length) == 0);
            length = symbol?.Length ?? CodePoints.LengthAt(text, at);
            symbols.Add(new Symbol
            {
                Start = at,
                Length = length,
                Id = pieces.TryGetValue(text.AsSpan(at, length), out var id) ? id : -1,
                Previous = symbols.Count - 1,
                Next = at + length < text.Length ? symbols.Count + 1 : -1,
                Frozen = symbol is not null,
            });
        }
        // Unused pieces serve as steps to larger ones; where one is left over it falls apart again.
        var halves = new Dictionary<int, int>();
        var span = CollectionsMarshal.AsSpan(symbols);
        PairMerger.Merge(text, span, (in Symbol left, in Symbol _, ReadOnlySpan<char> joined, out float priority, out int id) =>
        {
            var found = pieces.TryGetValue(joined, out id);
            priority = found ? -File.Pieces[id].Score : 0;
            if (found && File.Pieces[id].Kind == PieceKind.Unused)
            {
                halves[id] = left.Length;
            }
            return found;
        });
        var segments = new List<Segment>();
        for (var i = span.Length == 0 ? -1 : 0; i >= 0; i = span[i].Next)
        {
            AddUsed(text, new Segment(span[i].Start, span[i].Length, span[i].Id), halves, segments);
        }
        return segments;
    }

    private void AddUsed(string text, Segment whole, Dictionary<int, int> halves, List<Segment> segments)
    {
        var open = new Stack<Segment>([whole]);
        while (open.TryPop(out var segment))
        {
            if (segment.Id < 0 || File.Pieces[segment.Id].Kind != PieceKind.Unused || !halves.TryGetValue(segment.Id, out var left))
            {
                segments.Add(segment);
                continue;
            }
            open.Push(Part(segment.Start + left, segment.Length - left));
            open.Push(Part(segment.Start, left));
        }

        Segment Part(int start, int length) =>
            new(start, length, _mergeable.TryGetValue(text.Substring(start, length), out var id) ? id : -1);
    }

    private static void EndBytes(List<byte> bytes, StringBuilder result)
    {
        ReadOnlySpan<byte> rest = CollectionsMarshal.AsSpan(bytes);
        while (!rest.IsEmpty)
        {
            result.Append(CodePoints.Utf8.GetString(CharacterMap.FirstCharacter(rest, out var consumed)));
            rest = rest[consumed..];
        }
        bytes.Clear();
    }
}
