using System.Collections;
using System.Reflection;

namespace Selm.Notebooks.Display;

/// <summary>The formatters that a type names by the convention, best first.</summary>
internal sealed class TypeFormatters
{
    private const string AttributeName = "TypeFormatterSourceAttribute";
    private static readonly Type[] formatArguments = [typeof(object), typeof(TextWriter)];

    private readonly List<(string Mime, Func<object, TextWriter, bool> Format)> formatters;

    private TypeFormatters(List<(string, Func<object, TextWriter, bool>)> formatters) => this.formatters = formatters;

    /// <summary>The formatters of a type, or null if it names none.</summary>
    /// <exception cref="NotebookException">The type names formatters that do not have the convention's shape.</exception>
    public static TypeFormatters? Of(Type type)
    {
        if (type.GetCustomAttributes(inherit: true).FirstOrDefault(a => a.GetType().Name == AttributeName) is not { } attribute)
        {
            return null;
        }
        var sourceType = Property<Type>(attribute, "FormatterSourceType") ?? throw Misshapen(type, $"{AttributeName} has no FormatterSourceType");
        var source = Activator.CreateInstance(sourceType)!;
        if (sourceType.GetMethod("CreateTypeFormatters", Type.EmptyTypes)?.Invoke(source, null) is not IEnumerable items)
        {
            throw Misshapen(type, $"{sourceType.Name} has no CreateTypeFormatters() that gives a sequence");
        }
        var all = new List<(string Mime, Func<object, TextWriter, bool> Format)>();
        foreach (var item in items)
        {
            var mime = Property<string>(item, "MimeType") ?? throw Misshapen(type, $"{item.GetType().Name} has no MimeType");
            var format = item.GetType().GetMethod("Format", formatArguments) ?? throw Misshapen(type, $"{item.GetType().Name} has no Format(object, TextWriter)");
            all.Add((mime, format.CreateDelegate<Func<object, TextWriter, bool>>(item)));
        }
        var preferred = Property<string[]>(attribute, "PreferredMimeTypes") ?? [];
        return new(preferred.Length == 0 ? all : [.. preferred.SelectMany(mime => all.Where(one => one.Mime == mime))]);
    }

    /// <summary>The value in every MIME type that its formatters write.</summary>
    public IEnumerable<(string Mime, string Text)> Write(object value)
    {
        foreach (var (mime, format) in formatters)
        {
            using var writer = new StringWriter();
            if (format(value, writer))
            {
                yield return (mime, writer.ToString());
            }
        }
    }

    private static T? Property<T>(object owner, string name)
        where T : class =>
        owner.GetType().GetProperty(name, BindingFlags.Public | BindingFlags.Instance)?.GetValue(owner) as T;

    private static NotebookException Misshapen(Type type, string what) => new($"{type.Name} cannot be shown: {what}.");
}
