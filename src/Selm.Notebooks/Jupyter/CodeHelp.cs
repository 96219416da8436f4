// Completion and inspection from the compiler's own knowledge of the cell as if it were the next one. Nothing runs.
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>Answers to a front end's questions about code.</summary>
internal static class CodeHelp
{
    private const int MostOverloads = 8;

    private static readonly SymbolDisplayFormat signature = SymbolDisplayFormat.CSharpErrorMessageFormat
        .WithMemberOptions(SymbolDisplayMemberOptions.IncludeType | SymbolDisplayMemberOptions.IncludeParameters | SymbolDisplayMemberOptions.IncludeContainingType)
        .AddParameterOptions(SymbolDisplayParameterOptions.IncludeName | SymbolDisplayParameterOptions.IncludeDefaultValue);

    private static readonly string[] keywords =
        [.. SyntaxFacts.GetKeywordKinds().Select(SyntaxFacts.GetText).Where(word => word.All(char.IsAsciiLetterLower))];

    /// <param name="engine">Knows the variables so far.</param>
    /// <param name="code">The cell.</param>
    /// <param name="cursor">Where the cursor is, in Unicode code points.</param>
    public static JsonObject Complete(ScriptEngine engine, string code, int cursor)
    {
        var end = Utf16(code, cursor);
        var start = end;
        while (start > 0 && SyntaxFacts.IsIdentifierPartCharacter(code[start - 1]))
        {
            start--;
        }
        var prefix = code[start..end];
        var found = Candidates(Model(engine, code), start)
            .Where(one => one.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            .DistinctBy(one => one.Name)
            .OrderByDescending(one => one.Name.StartsWith(prefix, StringComparison.Ordinal))
            .ThenBy(one => one.Name, StringComparer.OrdinalIgnoreCase)
            .ToList();
        var (from, to) = (CodePoints(code, start), CodePoints(code, end));
        return new()
        {
            ["status"] = "ok",
            ["matches"] = new JsonArray([.. found.Select(one => JsonValue.Create(one.Name))]),
            ["cursor_start"] = from,
            ["cursor_end"] = to,
            ["metadata"] = new JsonObject
            {
                ["_jupyter_types_experimental"] = new JsonArray(
                    [.. found.Select(one => new JsonObject { ["text"] = one.Name, ["type"] = one.Kind, ["start"] = from, ["end"] = to })]),
            },
        };
    }

    public static JsonObject Inspect(ScriptEngine engine, string code, int cursor)
    {
        var position = Utf16(code, cursor);
        if (position == code.Length || !SyntaxFacts.IsIdentifierPartCharacter(code[position]))
        {
            position--;
        }
        var symbols = position < 0 ? ImmutableArray<ISymbol>.Empty : SymbolsAt(Model(engine, code), position);
        var text = string.Join("\n", symbols.Take(MostOverloads).Select(symbol => symbol.ToDisplayString(signature)));
        if (symbols is [var first, ..] && Documentation.Summary(first, engine.Preview("")) is { } summary)
        {
            text += "\n\n" + summary;
        }
        return new()
        {
            ["status"] = "ok",
            ["found"] = symbols.Length > 0,
            ["data"] = symbols.Length > 0 ? new() { ["text/plain"] = text } : new JsonObject(),
            ["metadata"] = new JsonObject(),
        };
    }

    private static SemanticModel Model(ScriptEngine engine, string code)
    {
        var compilation = engine.Preview(WithoutMagics(code));
        return compilation.GetSemanticModel(compilation.SyntaxTrees.Single());
    }

    // As many characters as before, so that positions stay.
    private static string WithoutMagics(string code) =>
        string.Join('\n', code.Split('\n').Select(line => line.StartsWith("#!", StringComparison.Ordinal) ? new string(' ', line.Length) : line));

    private static IEnumerable<(string Name, string Kind)> Candidates(SemanticModel model, int start)
    {
        var owner = start > 0 ? Owner(model.SyntaxTree.GetRoot().FindToken(start - 1)) : null;
        if (owner is null)
        {
            return Named(model.LookupSymbols(start)).Concat(keywords.Select(word => (word, "keyword")));
        }
        return model.GetSymbolInfo(owner).Symbol is INamespaceOrTypeSymbol space
            ? Named(model.LookupNamespacesAndTypes(start, space).AddRange(space is ITypeSymbol ? model.LookupStaticMembers(start, space) : []))
            : model.GetTypeInfo(owner).Type is { } type
                ? Named(model.LookupSymbols(start, type, includeReducedExtensionMethods: true).Where(symbol => !symbol.IsStatic))
                : [];
    }

    // What stands left of the dot, if the token is one.
    private static ExpressionSyntax? Owner(SyntaxToken token) => !token.IsKind(SyntaxKind.DotToken) ? null : token.Parent switch
    {
        MemberAccessExpressionSyntax access => access.Expression,
        QualifiedNameSyntax name => name.Left,
        MemberBindingExpressionSyntax binding => binding.FirstAncestorOrSelf<ConditionalAccessExpressionSyntax>()?.Expression,
        _ => null,
    };

    private static IEnumerable<(string Name, string Kind)> Named(IEnumerable<ISymbol> symbols) => symbols
        .Where(symbol => symbol.CanBeReferencedByName && symbol.Name.Length > 0)
        .Select(symbol => (symbol.Name, symbol.Kind switch
        {
            SymbolKind.Method => "function",
            SymbolKind.NamedType => "class",
            SymbolKind.Namespace => "module",
            SymbolKind.Property => "property",
            _ => "instance",
        }));

    // The name under the cursor; between the brackets of a call, where there is none, what is called.
    private static ImmutableArray<ISymbol> SymbolsAt(SemanticModel model, int position)
    {
        var token = model.SyntaxTree.GetRoot().FindToken(position);
        var named = token.IsKind(SyntaxKind.IdentifierToken) || token.Parent is PredefinedTypeSyntax ? Symbols(model, token.Parent!) : [];
        return named.Length > 0 ? named : token.Parent?.FirstAncestorOrSelf<BaseArgumentListSyntax>()?.Parent switch
        {
            InvocationExpressionSyntax call => Overloads(model, call.Expression),
            BaseObjectCreationExpressionSyntax creation => Overloads(model, creation),
            _ => [],
        };
    }

    // The one that fits what has been written so far comes first.
    private static ImmutableArray<ISymbol> Overloads(SemanticModel model, ExpressionSyntax called) =>
        [.. Symbols(model, called).Union(model.GetMemberGroup(called), SymbolEqualityComparer.Default)];

    // The candidates of a method group come from its call when that is complete.
    private static ImmutableArray<ISymbol> Symbols(SemanticModel model, SyntaxNode node)
    {
        var info = model.GetSymbolInfo(node);
        return info.Symbol is { } one ? [one]
            : info.CandidateSymbols.Length > 0 ? info.CandidateSymbols
            : model.GetMemberGroup(node) is { Length: > 0 } group ? group
            : model.GetDeclaredSymbol(node) is { } declared ? [declared]
            : [];
    }

    // Jupyter counts code points, .NET UTF-16 units.
    private static int Utf16(string code, int codePoints)
    {
        var index = 0;
        for (; codePoints > 0 && index < code.Length; codePoints--)
        {
            index += char.IsSurrogatePair(code, index) ? 2 : 1;
        }
        return index;
    }

    private static int CodePoints(string code, int index) => code[..index].EnumerateRunes().Count();
}
