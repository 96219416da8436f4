namespace Selm.HuggingFace.Chat;

/// <summary>Length limits of a row [tokens].</summary>
/// <param name="MaxLength">Prompt plus response.</param>
/// <param name="MaxPromptLength">What a prompt is cut to.</param>
/// <param name="KeepEnd">Whether the end of a cut prompt stays (the question) rather than its start.</param>
public sealed record LengthLimits(int MaxLength, int MaxPromptLength, bool KeepEnd = true);

/// <summary>What the pipelines need of a tokenizer and its chat template.</summary>
/// <param name="Encode">Text to ids without bos and eos of its own; special tokens in the text become their ids.</param>
/// <param name="BosId">Begin of sequence, or null where the model has none.</param>
/// <param name="EosId">End of a response.</param>
/// <param name="Render">Chat to text: messages, and whether the assistant's marker is appended.</param>
public sealed record TextEncoding(
    Func<string, int[]> Encode,
    int? BosId,
    int EosId,
    Func<IReadOnlyList<ChatMessage>, bool, string> Render)
{
    private const string Mark = "[[answer]]"; // an answer that no one gives

    /// <summary>The ids of a prompt, as sampling and training both use them.</summary>
    /// <param name="turns">All turns before the answer.</param>
    /// <param name="limits">Length limits.</param>
    public int[] Prompt(IReadOnlyList<ChatMessage> turns, LengthLimits limits) => Prompt(Render(turns, true), limits);

    /// <summary>The ids of a prompt that is text already: bos once, then the text.</summary>
    /// <param name="text">The prompt as the model reads it.</param>
    /// <param name="limits">Length limits.</param>
    public int[] Prompt(string text, LengthLimits limits)
    {
        var ids = Encode(text);
        int[] bos = BosId is { } id ? [id] : [];
        var body = bos.Length > 0 && ids.Length > 0 && ids[0] == bos[0] ? ids.AsSpan(1) : ids; // some templates write bos themselves
        var room = Math.Max(0, limits.MaxPromptLength - bos.Length);
        return [.. bos, .. body.Length <= room ? body : limits.KeepEnd ? body[^room..] : body[..room]];
    }

    /// <summary>Ids that end a response besides <see cref="EosId"/>.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>The ids of an answer to a chat as its template writes them, up to the id that ends it; one eos where the template writes none.</summary>
    /// <param name="turns">All turns before the answer.</param>
    /// <param name="answer">The answer.</param>
    public int[] Response(IReadOnlyList<ChatMessage> turns, string answer) => Responses(Render(turns, true), turns, [answer])[0];

    /// <summary>The ids of a prompt and of several answers to it, as <see cref="Prompt(IReadOnlyList{ChatMessage}, LengthLimits)"/> and <see cref="Response(IReadOnlyList{ChatMessage}, string)"/> give them.</summary>
    /// <param name="turns">All turns before the answer.</param>
    /// <param name="answers">The answers.</param>
    /// <param name="limits">Length limits of the prompt; answers are not cut.</param>
    /// <param name="open">Which answers are not over, so that nothing stands behind their text; at least one per answer, or null for none.</param>
    /// <remarks>The template is rendered twice and once per answer.</remarks>
    public (int[] Prompt, int[][] Responses) Row(IReadOnlyList<ChatMessage> turns, IReadOnlyList<string> answers, LengthLimits limits, IReadOnlyList<bool>? open = null)
    {
        var prompt = Render(turns, true);
        return (Prompt(prompt, limits), Responses(prompt, turns, answers, open));
    }

    /// <summary>The ids of a response to a prompt that is text already, then one eos.</summary>
    /// <param name="prompt">The prompt as the model reads it.</param>
    /// <param name="text">The response.</param>
    public int[] Response(string prompt, string text) => Closed(Behind(prompt, text), "", () => []);

    private int[][] Responses(string prompt, IReadOnlyList<ChatMessage> turns, IReadOnlyList<string> answers, IReadOnlyList<bool>? open = null)
    {
        var frame = Tail(Mark);
        return [.. answers.Select((answer, k) =>
        {
            var written = Written(frame, frame is null ? null : Tail(answer), answer);
            if (open?[k] == true)
            {
                return Behind(prompt, written is { } text ? text.Before + text.Text : answer);
            }
            return written is var (before, said, after) ? Closed(Behind(prompt, before + said), after, () => Behind(prompt, before + said + after)) : Response(prompt, answer);
        })];

        // What the template writes behind the prompt where the assistant says a text; null where it writes another prompt then.
        string? Tail(string text)
        {
            try
            {
                var whole = Render([.. turns, new("assistant", text)], false);
                return whole.StartsWith(prompt, StringComparison.Ordinal) ? whole[prompt.Length..] : null;
            }
            catch (InputException)
            {
                return null; // a template that refuses turns of the assistant still writes prompts
            }
        }
    }

    // What the template puts before and after an answer, such as the space of Llama-2's; the answer as it is or, as many
    // templates have it, trimmed. Null where the whole chat does not begin with the prompt: the answer follows as it is then.
    private static (string Before, string Text, string After)? Written(string? frame, string? tail, string answer)
    {
        if (frame is null || tail is null || frame.IndexOf(Mark, StringComparison.Ordinal) is not (>= 0 and var at))
        {
            return null;
        }
        var (before, after) = (frame[..at], frame[(at + Mark.Length)..]);
        foreach (var text in new[] { answer, answer.Trim() })
        {
            if (tail == before + text + after)
            {
                return (before, text, after);
            }
        }
        return null;
    }

    // The ids of a text behind another one. Both are encoded together and cut where the first one's ids end, so that no mark
    // of a text's start stands in the middle. The prompt's ids stay as sampling sees them: where a token would reach over
    // the border, the text is encoded behind a short context with which it does not merge, and at last by itself.
    private int[] Behind(string prompt, string text)
    {
        foreach (var context in new[] { prompt, "\n", ":", "." })
        {
            try
            {
                var (start, whole) = (Encode(context), Encode(context + text));
                if (start.Length > 0 && whole.AsSpan().StartsWith(start))
                {
                    return whole[start.Length..];
                }
            }
            catch (InputException)
            {
                // A vocabulary of whole words may not have the word that two make together.
            }
        }
        return Encode(text);
    }

    // The response, what its template writes behind it up to the first id that ends it, and that id or else eos, once. Most
    // templates write that id at once; it is special, so nothing merges with it.
    private int[] Closed(int[] response, string after, Func<int[]> together)
    {
        var ids = response.AsSpan();
        while (ids.Length > 0 && Ends(ids[^1]))
        {
            ids = ids[..^1];
        }
        var closing = Encode(after);
        if (closing is [var first, ..] && Ends(first))
        {
            return [.. ids, first];
        }
        var whole = Array.Exists(closing, Ends) ? together() : [];
        return whole.AsSpan().StartsWith(ids) && Array.FindIndex(whole, ids.Length, Ends) is >= 0 and var end ? whole[..(end + 1)] : [.. ids, EosId];
    }

    private bool Ends(int id) => id == EosId || EndIds.Contains(id);
}
