using System.Diagnostics;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Scripting;

namespace Selm.Notebooks.Engine;

/// <summary>A cell's own exception, apart from those of the engine.</summary>
internal sealed class CellFailedException(Exception inner) : Exception(inner.Message, inner);

/// <summary>Exceptions as errors with the cell's line.</summary>
internal static class CellErrors
{
    public const string CompilationKind = "CompilationError";

    public static CellError Of(CompilationErrorException error)
    {
        var first = error.Diagnostics[0];
        return new(
            CompilationKind,
            $"{first.Id}: {first.GetMessage(CultureInfo.InvariantCulture)}",
            Line(first),
            [.. error.Diagnostics.Select(found => $"line {Line(found)}: {found.Id}: {found.GetMessage(CultureInfo.InvariantCulture)}")]);
    }

    /// <param name="error">What was thrown.</param>
    /// <param name="cell">The cell's name, as it stands in stack frames.</param>
    public static CellError Of(Exception error, string cell)
    {
        var thrown = error is CellFailedException { InnerException: { } inner } ? inner : error;
        while (thrown is AggregateException { InnerExceptions: [var only] } || thrown is TypeInitializationException && thrown.InnerException is not null)
        {
            thrown = thrown.InnerException!;
        }
        if (thrown is NotebookException)
        {
            return CellError.Sentence(thrown.Message, 0);
        }
        var frames = new StackTrace(thrown, fNeedFileInfo: true).GetFrames();
        var line = frames.FirstOrDefault(frame => FileOf(frame) == cell)?.GetFileLineNumber() ?? 0;
        var message = thrown.Message.Trim();
        return new(thrown.GetType().Name, message, line, [$"{thrown.GetType().FullName}: {message}", .. Shown(frames, cell)]);
    }

    // Down to the cell; below it are the engine's own frames.
    private static IEnumerable<string> Shown(StackFrame[] frames, string cell)
    {
        var last = Array.FindLastIndex(frames, frame => FileOf(frame) == cell);
        foreach (var frame in frames.Take(last + 1))
        {
            var method = frame.GetMethod();
            yield return FileOf(frame) is { } file && file.StartsWith("cell-", StringComparison.Ordinal)
                ? $"   at {file}, line {frame.GetFileLineNumber()}"
                : $"   at {method?.DeclaringType?.FullName}.{method?.Name}";
        }
    }

    private static string? FileOf(StackFrame frame) => Path.GetFileName(frame.GetFileName());

    private static int Line(Diagnostic found) => found.Location.IsInSource ? found.Location.GetLineSpan().StartLinePosition.Line + 1 : 0;
}
