using System.Text.Json.Nodes;

namespace Selm.Notebooks.Engine;

/// <summary>How a cell ended: its last expression's value by MIME type (null if it has none), or an error.</summary>
internal sealed record CellOutcome(JsonObject? Result, CellError? Error);

/// <summary>Why a cell failed.</summary>
/// <param name="Kind">The exception's type, or "CompilationError".</param>
/// <param name="Message">One sentence or the compiler's message.</param>
/// <param name="Line">The cell's line, from 1; 0 = unknown.</param>
/// <param name="Trace">What a front end shows.</param>
internal sealed record CellError(string Kind, string Message, int Line, IReadOnlyList<string> Trace)
{
    /// <summary>What is wrong is said by the message alone.</summary>
    public const string SentenceKind = "Error";

    public const string InterruptedKind = "Interrupted";

    public static CellError Interrupted { get; } = new(InterruptedKind, "The cell was interrupted.", 0, ["The cell was interrupted."]);

    /// <summary>An error that is said in one sentence.</summary>
    public static CellError Sentence(string message, int line) => new(SentenceKind, message, line, [line > 0 ? $"line {line}: {message}" : message]);
}
