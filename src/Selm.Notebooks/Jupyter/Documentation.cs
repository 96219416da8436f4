using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;

namespace Selm.Notebooks.Jupyter;

/// <summary>The summaries in the XML files that lie beside libraries.</summary>
internal static partial class Documentation
{
    /// <summary>A symbol's summary as one paragraph, or null.</summary>
    public static string? Summary(ISymbol symbol, Compilation compilation)
    {
        if (symbol.OriginalDefinition.GetDocumentationCommentId() is not { } id
            || symbol.ContainingAssembly is not { } assembly
            || compilation.GetMetadataReference(assembly) is not PortableExecutableReference { FilePath: { } dll })
        {
            return null;
        }
        try
        {
            var member = XDocument.Load(Path.ChangeExtension(dll, ".xml")).Descendants("member").FirstOrDefault(one => (string?)one.Attribute("name") == id);
            return member?.Element("summary") is { } summary ? Text(summary) : null;
        }
        catch (Exception e) when (e is IOException or XmlException)
        {
            return null;
        }
    }

    // <see cref="T:A.B"/> reads as B, <paramref name="x"/> as x.
    private static string Text(XElement summary)
    {
        foreach (var reference in summary.Descendants().Where(one => one.IsEmpty).ToList())
        {
            var name = (string?)reference.Attribute("cref") ?? (string?)reference.Attribute("name") ?? (string?)reference.Attribute("langword") ?? "";
            reference.ReplaceWith(name[(name.LastIndexOfAny(['.', ':']) + 1)..]);
        }
        return Spaces().Replace(summary.Value, " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
