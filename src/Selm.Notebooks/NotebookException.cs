namespace Selm.Notebooks;

/// <summary>Something a person gave is wrong; the message is one sentence that says what, where and how to cure it.</summary>
internal sealed class NotebookException(string message) : Exception(Readable(message))
{
    // What a file says is part of the sentence: it may be as long as the file, or hold what a terminal obeys.
    private static string Readable(string message)
    {
        const int longest = 1500, kept = 700;
        var text = message.Length <= longest ? message : $"{message[..kept]} [..] {message[^kept..]}";
        return string.Concat(text.Select(c => char.IsControl(c) ? "\ufffd" : c.ToString()));
    }
}
