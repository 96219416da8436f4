// pipeline: selm-repo. What the authors' code (shenao-zhang/SELM at 0ba546a on TRL 0.8.6) does to a pair, so that a run
// can be compared with theirs. Differences from pipeline: clean, each a quirk to know:
//  1. the prompt text ends without a generation marker; the assistant's marker is the start of each response text, so
//     its log-prob counts as the response's;
//  2. the template already ends a response with the eos text, and one more eos id is appended;
//  3. prompt and response are encoded together and split where the prompt ends, one token earlier where they merge;
//  4. a prompt is cut only when it and the longer of chosen and rejected exceed max_length, and responses only when that
//     still does not fit, then to max_length - max_prompt_length; y's own length never counts;
//  5. bos is part of what is cut, so a cut prompt that keeps its end has none;
//  6. the padded width of chosen and rejected ignores y, whose batch is at least that wide.
using Selm.HuggingFace.Chat;

namespace Selm.Research.Data;

/// <summary>Chats to token rows as the authors' code does it, quirks included (see the head of the file).</summary>
public static class SelmRepoPipeline
{
    /// <summary>Renders the four texts of a record: the prompt, then each answer rendered as a chat of its own.</summary>
    public static SelmRepoTexts Texts(PreferenceRecord record, TextEncoding encoding)
    {
        string Answer(string text) => encoding.Render([new("assistant", text)], false);
        return new(
            encoding.Render(record.PromptMessages, false),
            Answer(record.ChosenResponse),
            Answer(record.RejectedResponse),
            record.ReferenceResponse is { } y ? Answer(y) : null);
    }

    /// <summary>The token rows of a record.</summary>
    /// <exception cref="InputException">The tokenizer splits the prompt differently before the two answers.</exception>
    public static TokenTriple Rows(PreferenceRecord record, TextEncoding encoding, LengthLimits limits) =>
        Rows(Texts(record, encoding), encoding, limits);

    /// <summary>The token rows of rendered texts.</summary>
    /// <exception cref="InputException">The tokenizer splits the prompt differently before the two answers.</exception>
    public static TokenTriple Rows(SelmRepoTexts texts, TextEncoding encoding, LengthLimits limits)
    {
        var promptAlone = encoding.Encode(texts.Prompt);
        var chosen = Split(texts.Prompt, promptAlone, texts.Chosen, encoding);
        var rejected = Split(texts.Prompt, promptAlone, texts.Rejected, encoding);
        var reference = texts.Reference is null ? null : Split(texts.Prompt, promptAlone, texts.Reference, encoding);
        RefuseDifferentPrompts(chosen.Prompt, rejected.Prompt, texts.Prompt);

        int[] bos = encoding.BosId is { } id ? [id] : [];
        int[] prompt = [.. bos, .. promptAlone.Take(Math.Min(chosen.Prompt.Length, rejected.Prompt.Length))];
        var longer = Math.Max(chosen.Answer.Length, rejected.Answer.Length) + 1; // with the eos that is appended
        TokenRow Finish(Parts parts)
        {
            var head = CutPrompt([.. bos, .. parts.Prompt], longer, limits);
            int[] answer = [.. parts.Answer, encoding.EosId];
            var tooLong = head.Length + longer > limits.MaxLength;
            return new([.. head, .. tooLong ? answer.Take(limits.MaxLength - limits.MaxPromptLength) : answer], head.Length);
        }
        return new(CutPrompt(prompt, longer, limits), Finish(chosen), Finish(rejected), reference is null ? null : Finish(reference));
    }

    /// <summary>The padded batch: chosen rows, then rejected rows; and the y rows, at least as wide.</summary>
    public static (TokenBatch Pairs, TokenBatch? References) Collate(IReadOnlyList<TokenTriple> triples, int padId)
    {
        var pairs = TokenBatch.Collate([.. triples.Select(t => t.Chosen), .. triples.Select(t => t.Rejected)], padId);
        return (pairs, triples.Any(t => t.Reference is null) ? null : TokenBatch.Collate([.. triples.Select(t => t.Reference!)], padId, pairs.Width));
    }

    // Encodes prompt and answer together, because a tokenizer may merge across the border.
    private static Parts Split(string prompt, int[] promptAlone, string answer, TextEncoding encoding)
    {
        var all = encoding.Encode(prompt + answer);
        var border = promptAlone.Length;
        if (!promptAlone.AsSpan().SequenceEqual(all.AsSpan(0, Math.Min(border, all.Length))))
        {
            border--;
        }
        return new(all[..border], all[border..]);
    }

    private static int[] CutPrompt(int[] prompt, int longer, LengthLimits limits) =>
        prompt.Length + longer <= limits.MaxLength || prompt.Length <= limits.MaxPromptLength ? prompt
        : limits.KeepEnd ? prompt[^limits.MaxPromptLength..]
        : prompt[..limits.MaxPromptLength];

    private static void RefuseDifferentPrompts(int[] chosen, int[] rejected, string prompt)
    {
        var different = chosen.Zip(rejected).Count(pair => pair.First != pair.Second);
        if (different > 1 || Math.Abs(chosen.Length - rejected.Length) > 1)
        {
            throw new InputException(
                $"The tokenizer splits the prompt \"{(prompt.Length > 40 ? prompt[..40] + "…" : prompt)}\" differently before its two answers by more than the last token; use pipeline: clean.");
        }
    }

    private sealed record Parts(int[] Prompt, int[] Answer);
}

/// <summary>The texts of a record after the chat template.</summary>
/// <param name="Prompt">All turns before the answer, without a generation marker.</param>
/// <param name="Chosen">y_w with the assistant's marker in front and eos text behind.</param>
/// <param name="Rejected">y_l likewise.</param>
/// <param name="Reference">y likewise, or null.</param>
public sealed record SelmRepoTexts(string Prompt, string Chosen, string Rejected, string? Reference);
