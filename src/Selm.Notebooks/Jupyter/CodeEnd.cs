// Whether Enter runs a cell or opens another line. The compiler's own answer, IsCompleteSubmission, looks at the last
// statement alone: to it "1 ++ ++ )" is incomplete. Here a text is incomplete as long as nothing before its end is wrong.
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Selm.Notebooks.Jupyter;

/// <summary>Answers <c>is_complete_request</c>.</summary>
internal static class CodeEnd
{
    private const int Indentation = 4;

    private static readonly CSharpParseOptions script = CSharpParseOptions.Default.WithKind(SourceCodeKind.Script).WithLanguageVersion(LanguageVersion.Latest);

    // Reported where something begins, though its end is what is missing: a comment, strings of several lines, a try without catch.
    private static readonly HashSet<string> open = ["CS1035", "CS1039", "CS8997", "CS8076", "CS1524"];

    // The parser looks ahead: the last token of "(double", "x switch" or "x ? []" is only right once it sees what follows.
    private static readonly string[] continuations = ["", " x", ") x", " {", " => x", "[1]", "> x", " : x", "(int a) x", "(int a, int b) => x"];

    /// <returns>The reply: complete, invalid, or incomplete with the indentation of the next line.</returns>
    public static JsonObject Reply(string code)
    {
        if (code.StartsWith("#!", StringComparison.Ordinal) || code.Contains("\n#!", StringComparison.Ordinal))
        {
            return new() { ["status"] = "complete" }; // its blocks may be of another language
        }
        var tree = CSharpSyntaxTree.ParseText(code, script);
        if (SyntaxFactory.IsCompleteSubmission(tree) && !Errors(tree).Any())
        {
            return new() { ["status"] = "complete" };
        }
        return CanGoOn(code)
            ? new() { ["status"] = "incomplete", ["indent"] = new string(' ', Indentation * Depth(tree)) }
            : new() { ["status"] = "invalid" };
    }

    // Whether some continuation leaves all that stands there without an error.
    private static bool CanGoOn(string code)
    {
        var end = SyntaxFactory.ParseTokens(code, options: script).TakeWhile(token => !token.IsKind(SyntaxKind.EndOfFileToken)).LastOrDefault().Span.End;
        return continuations.Any(more => Errors(CSharpSyntaxTree.ParseText(code + more, script))
            .All(error => error.Location.SourceSpan.Start >= end || open.Contains(error.Id)));
    }

    private static IEnumerable<Diagnostic> Errors(SyntaxTree tree) => tree.GetDiagnostics().Where(found => found.Severity == DiagnosticSeverity.Error);

    private static int Depth(SyntaxTree tree) => Math.Max(0, tree.GetRoot().DescendantTokens().Sum(token => token.IsMissing ? 0 : token.Kind() switch
    {
        SyntaxKind.OpenBraceToken => 1,
        SyntaxKind.CloseBraceToken => -1,
        _ => 0,
    }));
}
