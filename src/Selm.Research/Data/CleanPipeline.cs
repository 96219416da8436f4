// pipeline: clean, the default. The rules are chosen so that training sees exactly what sampling saw:
//  1. prompt = chat template with the generation marker, bos once; the marker belongs to the prompt;
//  2. a prompt longer than max_prompt_length is always cut to it, whatever the answers are; bos stays, and with
//     keep_end the rest is the prompt's end;
//  3. a response is encoded by itself and ends in exactly one eos;
//  4. every response, y included, is cut to max_length - prompt; one that is cut loses its eos, because it is not over.
namespace Selm.Research.Data;

/// <summary>Chats to token rows, the default way (see the head of the file).</summary>
public static class CleanPipeline
{
    /// <summary>The ids of a prompt, as sampling and training both use them.</summary>
    /// <param name="turns">All turns before the answer.</param>
    /// <param name="encoding">Tokenizer and chat template.</param>
    /// <param name="limits">Length limits.</param>
    public static int[] Prompt(IReadOnlyList<ChatMessage> turns, TextEncoding encoding, LengthLimits limits) =>
        Prompt(encoding.Render(turns, true), encoding, limits);

    /// <summary>The ids of a prompt that is text already: bos once, then the text.</summary>
    /// <param name="text">The prompt as the model reads it.</param>
    /// <param name="encoding">The tokenizer.</param>
    /// <param name="limits">Length limits.</param>
    public static int[] Prompt(string text, TextEncoding encoding, LengthLimits limits)
    {
        var ids = encoding.Encode(text);
        int[] bos = encoding.BosId is { } id ? [id] : [];
        var body = bos.Length > 0 && ids.Length > 0 && ids[0] == bos[0] ? ids.AsSpan(1) : ids; // some templates write bos themselves
        var room = Math.Max(0, limits.MaxPromptLength - bos.Length);
        return [.. bos, .. body.Length <= room ? body : limits.KeepEnd ? body[^room..] : body[..room]];
    }

    /// <summary>The ids of a response: its text, then one eos.</summary>
    public static int[] Response(string text, TextEncoding encoding)
    {
        var ids = encoding.Encode(text).AsSpan();
        while (ids.Length > 0 && ids[^1] == encoding.EosId)
        {
            ids = ids[..^1];
        }
        return [.. ids, encoding.EosId];
    }

    /// <summary>The token rows of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="encoding">Tokenizer and chat template.</param>
    /// <param name="limits">Length limits.</param>
    /// <param name="referenceIds">y as it was sampled (eos included if reached); null encodes
    /// <see cref="PreferenceRecord.ReferenceResponse"/>, which a tokenizer may split differently.</param>
    public static TokenTriple Rows(PreferenceRecord record, TextEncoding encoding, LengthLimits limits, int[]? referenceIds = null)
    {
        var prompt = Prompt(record.PromptMessages, encoding, limits);
        TokenRow Row(int[] response) => new([.. prompt, .. response.Take(limits.MaxLength - prompt.Length)], prompt.Length);
        var y = referenceIds ?? (record.ReferenceResponse is { } text ? Response(text, encoding) : null);
        return new(prompt, Row(Response(record.ChosenResponse, encoding)), Row(Response(record.RejectedResponse, encoding)), y is null ? null : Row(y));
    }
}
