namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// Decodes token by token for a live display: the pieces joined are exactly the text of all ids, and no piece ends
/// inside a character. Special tokens are left out.
/// </summary>
/// <param name="t">The tokenizer that made the ids.</param>
/// <remarks>
/// Text is held back while it may still change: while it ends in U+FFFD (perhaps the first bytes of a longer
/// character) and inside a run of byte tokens, whose text depends on the whole run. The first ids are kept as
/// context, so that a space at a word start is told from the mark at the start of the text.
/// </remarks>
public sealed class StreamingDecoder(Tokenizer t)
{
    private readonly List<int> _context = [];
    private readonly List<int> _pending = [];

    /// <summary>Takes the next id.</summary>
    /// <returns>The text that is now certain; empty while a character is incomplete.</returns>
    /// <exception cref="InputException">The vocabulary has no such id.</exception>
    public string Push(int id)
    {
        _ = t.TokenOf(id);
        if (t.IsSpecial(id))
        {
            return "";
        }
        _pending.Add(id);
        return t.IsByteToken(id) ? "" : Release(holdIncomplete: true);
    }

    /// <summary>The rest, when no more ids come; bytes that never became a character are U+FFFD.</summary>
    public string Flush() => Release(holdIncomplete: false);

    private string Release(bool holdIncomplete)
    {
        var before = t.Decode([.. _context]);
        var after = t.Decode([.. _context, .. _pending]);
        if (holdIncomplete && after.EndsWith('\uFFFD'))
        {
            return "";
        }
        var text = after[before.Length..];
        // Decoders treat only the start of a text differently: ids that show as text are context for all that follow.
        if (before.Length == 0)
        {
            _context.AddRange(_pending);
        }
        _pending.Clear();
        return text;
    }
}
