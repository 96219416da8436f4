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

    /// <summary>The ids of a response: its text, then one eos.</summary>
    /// <param name="text">The response.</param>
    public int[] Response(string text)
    {
        var ids = Encode(text).AsSpan();
        while (ids.Length > 0 && ids[^1] == EosId)
        {
            ids = ids[..^1];
        }
        return [.. ids, EosId];
    }
}
