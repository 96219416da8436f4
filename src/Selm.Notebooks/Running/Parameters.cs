// --parameter name=value replaces the initializer of `var name = ...;` in the cell tagged "parameters": the source stays one
// that any engine runs, and the executed notebook shows the value that it was run with.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Running;

/// <summary>Values from the command line for a notebook's parameters.</summary>
internal static class Parameters
{
    private const string Tag = "parameters";
    private static readonly CSharpParseOptions script = CSharpParseOptions.Default.WithKind(SourceCodeKind.Script);

    /// <exception cref="NotebookException">The notebook has no such parameter, or the value does not fit.</exception>
    public static void Apply(Notebook notebook, IReadOnlyCollection<KeyValuePair<string, string>> values)
    {
        if (values.Count == 0)
        {
            return;
        }
        var cell = notebook.Cells.FirstOrDefault(one => one.IsCode && one.HasTag(Tag))
            ?? throw new NotebookException($"{notebook.Path} takes no parameters: none of its cells has the tag '{Tag}'.");
        foreach (var (name, value) in values)
        {
            cell.Source = Replaced(cell.Source, name, value, notebook.Path);
        }
    }

    private static string Replaced(string source, string name, string value, string path)
    {
        var declared = CSharpSyntaxTree.ParseText(source, script).GetRoot().DescendantNodes().OfType<VariableDeclaratorSyntax>()
            .Where(variable => variable.Initializer is not null).ToList();
        var parameter = declared.FirstOrDefault(variable => variable.Identifier.Text == name)
            ?? throw new NotebookException($"{path} has no parameter '{name}'; it has {string.Join(", ", declared.Select(variable => variable.Identifier.Text))}.");
        var old = parameter.Initializer!.Value;
        return source[..old.SpanStart] + Literal(old, name, value) + source[old.Span.End..];
    }

    // The new value takes the form of the default.
    private static string Literal(ExpressionSyntax old, string name, string value) => Unsigned(old).Kind() switch
    {
        SyntaxKind.StringLiteralExpression => SymbolDisplay.FormatLiteral(value, quote: true),
        SyntaxKind.TrueLiteralExpression or SyntaxKind.FalseLiteralExpression => bool.TryParse(value, out var flag)
            ? (flag ? "true" : "false")
            : throw new NotebookException($"parameter {name} is true or false, not '{value}'."),
        SyntaxKind.NumericLiteralExpression => IsNumber(value)
            ? value
            : throw new NotebookException($"parameter {name} is a number such as {old}, not '{value}'."),
        _ => throw new NotebookException($"parameter {name} is computed ({old}); only texts, numbers, true and false can be given."),
    };

    private static bool IsNumber(string value) =>
        SyntaxFactory.ParseExpression(value, options: script) is { ContainsDiagnostics: false } parsed && Unsigned(parsed).IsKind(SyntaxKind.NumericLiteralExpression);

    private static ExpressionSyntax Unsigned(ExpressionSyntax value) =>
        value is PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus ? minus.Operand : value;
}
