// Values to MIME bundles. A type says how it is shown by .NET Interactive's convention, found by shape, not by reference:
// an attribute whose class is called TypeFormatterSourceAttribute names a class with CreateTypeFormatters(), whose items
// have MimeType and bool Format(object, TextWriter). What packages register with .NET Interactive's own Formatter wins. See src/Selm.Research/Figures/FigureDisplay.cs for an example.
using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis.CSharp.Scripting.Hosting;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Display;

/// <summary>Formats any value as a MIME bundle: MIME type -> text, or an object for JSON types.</summary>
internal static class MimeFormatter
{
    public const string PlainText = "text/plain", Html = "text/html", Markdown = "text/markdown";

    private static readonly ConcurrentDictionary<Type, TypeFormatters?> known = new();

    public static JsonObject Format(object? value, string[] mimeTypes)
    {
        var bundle = value is null ? [] : Rich(value);
        if (bundle.Count == 0)
        {
            bundle[PlainText] = Plain(value);
        }
        if (mimeTypes.Length > 0)
        {
            Keep(bundle, mimeTypes, value);
        }
        return bundle;
    }

    // display("<b>x</b>", "text/html"): what is not offered in a wanted type is given as its text.
    private static void Keep(JsonObject bundle, string[] mimeTypes, object? value)
    {
        foreach (var other in bundle.Select(entry => entry.Key).Except(mimeTypes).ToList())
        {
            bundle.Remove(other);
        }
        foreach (var missing in mimeTypes.Where(mime => !bundle.ContainsKey(mime)))
        {
            bundle[missing] = Node(missing, Plain(value));
        }
    }

    private static JsonObject Rich(object value)
    {
        if (value is HtmlText html)
        {
            return new() { [Html] = html.Content, [PlainText] = html.Content };
        }
        var bundle = new JsonObject();
        foreach (var (mime, text) in PackageFormatters.Write(value))
        {
            bundle[mime] = Node(mime, text);
        }
        if (bundle.Count > 0 || known.GetOrAdd(value.GetType(), TypeFormatters.Of) is not { } formatters)
        {
            return bundle;
        }
        foreach (var (mime, text) in formatters.Write(value))
        {
            bundle[mime] = Node(mime, text);
        }
        return bundle;
    }

    /// <summary>Content as a bundle holds it: an object for JSON types, else the text.</summary>
    public static JsonNode Node(string mime, string text)
    {
        if (mime != "application/json" && !mime.EndsWith("+json", StringComparison.Ordinal))
        {
            return JsonValue.Create(text);
        }
        try
        {
            return JsonNode.Parse(text) ?? JsonValue.Create("null");
        }
        catch (JsonException e)
        {
            throw new NotebookException($"The formatter of {mime} wrote text that is no JSON: {e.Message}");
        }
    }

    private static string Plain(object? value) => value switch
    {
        null => "<null>",
        string text => text,
        DateTime time => time.ToString("u", CultureInfo.InvariantCulture),
        DateTimeOffset time => time.ToString("u", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ when SaysItself(value.GetType()) => value.ToString() ?? "",
        _ => CSharpObjectFormatter.Instance.FormatObject(value),
    };

    // Records, tuples and classes with a ToString of their own; sequences are listed instead.
    private static bool SaysItself(Type type) =>
        (!typeof(IEnumerable).IsAssignableFrom(type) || type.GetCustomAttribute<CompilerGeneratedAttribute>() is not null)
        && type.GetMethod(nameof(ToString), Type.EmptyTypes)?.DeclaringType is { } owner
        && owner != typeof(object)
        && owner != typeof(ValueType);
}
