// Rich display in notebooks without a reference to any notebook package: engines find formatters by the simple name of
// TypeFormatterSourceAttribute and by the shape of the classes that it names (.NET Interactive's convention).
namespace Selm.Research.Runs;

/// <summary>One MIME type of a rich value, as notebook engines call it.</summary>
/// <typeparam name="T">The type that is displayed.</typeparam>
public sealed class DisplayFormatter<T>(string mimeType, Func<T, string> write)
{
    /// <summary>What <see cref="Format"/> writes.</summary>
    public string MimeType => mimeType;

    /// <summary>The type that is displayed.</summary>
    public Type Type => typeof(T);

    /// <summary>Writes a value.</summary>
    /// <returns>Whether the value was of the right type and has been written.</returns>
    public bool Format(object value, TextWriter writer)
    {
        if (value is not T rich)
        {
            return false;
        }
        writer.Write(write(rich));
        return true;
    }
}

/// <summary>Names the class that knows how a type shows itself in a notebook; found by its simple name.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    /// <summary>A class with a public CreateTypeFormatters().</summary>
    public Type FormatterSourceType => formatterSourceType;

    /// <summary>The MIME types to write, best first.</summary>
    public string[] PreferredMimeTypes { get; set; } = [];
}
