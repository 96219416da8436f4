using System.Text;
using Selm.HuggingFace.Tokenizers;

namespace Selm.Research.Evaluation;

/// <summary>
/// Looks at an answer as it grows: each token is decoded once and only the last line is read again, so that the work is
/// linear in the tokens. Text that may still change, such as half a character, is looked at when it is certain.
/// </summary>
/// <param name="tokenizer">The tokenizer of the ids.</param>
/// <param name="cut">What counts of a text; where it ends shows in the line in which it ends.</param>
internal sealed class AnswerWatch(Tokenizer tokenizer, Func<string, string> cut)
{
    private readonly StreamingDecoder decoder = new(tokenizer);
    private readonly StringBuilder line = new();

    /// <summary>Takes the next id and tells whether what counts of the answer is over.</summary>
    internal bool EndsAt(int id)
    {
        var piece = tokenizer.Has(id) ? decoder.Push(id) : "";
        if (piece.Length == 0)
        {
            return false;
        }
        var text = line.Append(piece).ToString();
        if (cut(text).Length < text.Length)
        {
            return true;
        }
        line.Remove(0, text.LastIndexOf('\n') + 1);
        return false;
    }
}
