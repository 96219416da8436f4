namespace Selm.HuggingFace;

/// <summary>
/// Something a person gave us is wrong: a file, an option, a recipe. The message is one sentence that names the
/// file, the line where there is one, and the cure; the command line prints it as it is and exits with 2.
/// </summary>
public sealed class InputException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">One sentence for a person: what is wrong, where, and what to do.</param>
    /// <param name="innerException">The cause, where there is one.</param>
    public InputException(string message, Exception? innerException = null)
        : base(Readable(message), innerException)
    {
    }

    // What a file says is part of the sentence: it may be as long as the file, or hold what a terminal obeys.
    private static string Readable(string message)
    {
        const int longest = 1500, kept = 700;
        var text = message.Length <= longest ? message : $"{message[..kept]} [..] {message[^kept..]}";
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? "\ufffd" : c.ToString())) : text;
    }
}
