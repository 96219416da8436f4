namespace Selm.HuggingFace.Tokenizers;

/// <summary>A piece of a Unigram vocabulary; the score is its log-probability.</summary>
internal readonly record struct ScoredPiece(string Text, int Id, double Score);

/// <summary>A stretch of a text and its piece; id -1 is one character that no piece covers.</summary>
internal readonly record struct Segment(int Start, int Length, int Id);

/// <summary>
/// Unigram segmentation: of all ways to cut a text into pieces the one with the largest sum of log-probabilities
/// (Viterbi, one pass from left to right). The first best cut wins ties.
/// </summary>
internal sealed class UnigramModel
{
    private readonly Dictionary<(int Node, char Next), int> _children = [];
    private readonly List<int> _ids = [-1];
    private readonly List<double> _scores = [0];
    private readonly double _unkScore;
    private readonly bool _singlePrecision;

    /// <param name="pieces">The pieces that may be used; of equal texts the first counts.</param>
    /// <param name="unkScore">Score of a character that no piece covers.</param>
    /// <param name="singlePrecision">Round path sums to float, as SentencePiece does.</param>
    public UnigramModel(IEnumerable<ScoredPiece> pieces, double unkScore, bool singlePrecision)
    {
        _unkScore = unkScore;
        _singlePrecision = singlePrecision;
        foreach (var piece in pieces)
        {
            Add(piece);
        }
    }

    /// <summary>The best segmentation, in reading order.</summary>
    public List<Segment> Segments(string text)
    {
        var best = new double[text.Length + 1];
        var from = new int[text.Length + 1];
        var ids = new int[text.Length + 1];
        Array.Fill(from, -1);
        for (int at = 0, character; at < text.Length; at += character)
        {
            character = CodePoints.LengthAt(text, at);
            var covered = false;
            for (int end = at, node = 0; end < text.Length && _children.TryGetValue((node, text[end]), out node);)
            {
                end++;
                if (_ids[node] >= 0)
                {
                    Reach(at, end, _scores[node], _ids[node]);
                    covered |= end == at + character;
                }
            }
            if (!covered)
            {
                Reach(at, at + character, _unkScore, -1);
            }
        }
        var segments = new List<Segment>();
        for (var end = text.Length; end > 0; end = from[end])
        {
            segments.Add(new Segment(from[end], end - from[end], ids[end]));
        }
        segments.Reverse();
        return segments;

        void Reach(int start, int end, double score, int id)
        {
            var sum = best[start] + score;
            if (from[end] < 0 || sum > best[end])
            {
                best[end] = _singlePrecision ? (float)sum : sum;
                from[end] = start;
                ids[end] = id;
            }
        }
    }

    /// <summary>The id of the piece that a text is, or -1.</summary>
    public int IdOf(ReadOnlySpan<char> text)
    {
        var node = 0;
        foreach (var c in text)
        {
            if (!_children.TryGetValue((node, c), out node))
            {
                return -1;
            }
        }
        return _ids[node];
    }

    private void Add(ScoredPiece piece)
    {
        var node = 0;
        foreach (var c in piece.Text)
        {
            if (!_children.TryGetValue((node, c), out var child))
            {
                child = _ids.Count;
                _children[(node, c)] = child;
                _ids.Add(-1);
                _scores.Add(0);
            }
            node = child;
        }
        if (node != 0 && _ids[node] < 0)
        {
            _ids[node] = piece.Id;
            _scores[node] = piece.Score;
        }
    }
}

/// <summary>The Unigram model of tokenizer.json: runs of unknown characters are one unknown token, or their bytes.</summary>
internal sealed class UnigramWordModel(UnigramModel model, int? unkId, int[]? byteIds, string path) : IWordModel
{
    public void Encode(string word, List<int> ids)
    {
        // The unknown token's own spelling belongs to the run beside it, as in Hugging Face's library.
        var run = 0;
        foreach (var segment in model.Segments(word))
        {
            if (segment.Id < 0 || segment.Id == unkId)
            {
                run += segment.Length;
                continue;
            }
            EndRun(word.AsSpan(segment.Start - run, run), ids);
            ids.Add(segment.Id);
            run = 0;
        }
        EndRun(word.AsSpan(word.Length - run), ids);
    }

    private void EndRun(ReadOnlySpan<char> run, List<int> ids)
    {
        if (run.Length == 0)
        {
            return;
        }
        if (byteIds is null || model.IdOf(run) >= 0)
        {
            ids.Add(unkId ?? throw new InputException(
                $"{path}: '{run}' is not in the vocabulary, which has no unknown token (model.unk_id): remove the characters or use another tokenizer."));
            return;
        }
        foreach (var b in CodePoints.Utf8.GetBytes(run.ToString()))
        {
            ids.Add(byteIds[b]);
        }
    }
}
