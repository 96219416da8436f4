namespace Selm.Notebooks;

/// <summary>Something a person gave is wrong; the message is one sentence that says what, where and how to cure it.</summary>
internal sealed class NotebookException(string message) : Exception(message);
