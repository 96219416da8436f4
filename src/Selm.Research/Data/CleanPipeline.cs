// pipeline: clean, the default. The rules are chosen so that training sees exactly what sampling saw:
//  1. prompt = chat template with the generation marker, bos once; the marker belongs to the prompt;
//  2. a prompt longer than max_prompt_length is always cut to it, whatever the answers are; bos stays, and with
//     keep_end the rest is the prompt's end;
//  3. a response is encoded together with its prompt as the chat template writes both, and cut where the prompt ends, so
//     that no mark of a text's start stands before it; the prompt's ids stay as they are (TextEncoding says how where a
//     token would reach over the border);
//  4. it ends with the first id that closes it in the template (eos where the template writes none), exactly once; y as it
//     was sampled has such an id only where it was reached, and so has a text of which its file says that it was cut off;
//  5. every response, y included, is cut to max_length - prompt; one that is cut loses its eos, because it is not over.
using Selm.HuggingFace.Chat;

namespace Selm.Research.Data;

/// <summary>Chats to token rows, the default way (see the head of the file).</summary>
public static class CleanPipeline
{
    /// <summary>The token rows of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="encoding">Tokenizer and chat template.</param>
    /// <param name="limits">Length limits.</param>
    /// <param name="referenceIds">y as it was sampled (eos included if reached); null encodes
    /// <see cref="PreferenceRecord.ReferenceResponse"/>, which a tokenizer may split differently.</param>
    public static TokenTriple Rows(PreferenceRecord record, TextEncoding encoding, LengthLimits limits, int[]? referenceIds = null)
    {
        string[] texts = [record.ChosenResponse, record.RejectedResponse, .. referenceIds is null && record.ReferenceResponse is { } text ? [text] : Array.Empty<string>()];
        bool[] open = record.CutOff is { } cut ? [cut.Chosen, cut.Rejected, cut.Reference ?? false] : [false, false, false];
        var (prompt, responses) = encoding.Row(record.PromptMessages, texts, limits, open);
        TokenRow Row(int[] response) => new([.. prompt, .. response.Take(limits.MaxLength - prompt.Length)], prompt.Length);
        var y = referenceIds ?? responses.ElementAtOrDefault(2);
        return new(prompt, Row(responses[0]), Row(responses[1]), y is null ? null : Row(y));
    }
}
