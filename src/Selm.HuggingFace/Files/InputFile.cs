namespace Selm.HuggingFace.Files;

/// <summary>One sentence for a file that a person named and that cannot be read.</summary>
public static class InputFile
{
    /// <summary>The error: that it is a folder, or what the system says, and the cure.</summary>
    /// <param name="path">The file as it was named.</param>
    /// <param name="e">What reading it threw.</param>
    /// <param name="cure">What to give instead, without a full stop.</param>
    public static InputException NotRead(string path, Exception e, string cure) => Directory.Exists(path)
        ? new($"{path} is a folder, not a file; {cure}.", e)
        : new($"{path} cannot be read ({e.Message.TrimEnd('.')}); {cure}.", e);
}
