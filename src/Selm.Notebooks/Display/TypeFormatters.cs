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

    /// <summary>The formatters of a type, or null if it names none, or none of the convention's shape: published packages have such.</summary>
    public static TypeFormatters? Of(Type type)
    {
        if (type.GetCustomAttributes(inherit: true).FirstOrDefault(a => a.GetType().Name == AttributeName) is not { } attribute
            || Property<Type>(attribute, "FormatterSourceType") is not { } sourceType
            || Items(sourceType) is not { } items)
        {
            return null;
        }
        var all = new List<(string Mime, Func<object, TextWriter, bool> Format)>();
        foreach (var item in items)
        {
            if (Property<string>(item, "MimeType") is { } mime && item.GetType().GetMethod("Format", formatArguments) is { } format && format.ReturnType == typeof(bool))
            {
                all.Add((mime, format.CreateDelegate<Func<object, TextWriter, bool>>(item)));
            }
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

    private static IEnumerable? Items(Type sourceType)
    {
        try
        {
            return sourceType.GetMethod("CreateTypeFormatters", Type.EmptyTypes)?.Invoke(Activator.CreateInstance(sourceType), null) as IEnumerable;
        }
        catch (Exception e) when (e is MemberAccessException or TargetException or TargetInvocationException)
        {
            return null; // no public constructor without arguments, or one that throws
        }
    }

    private static T? Property<T>(object owner, string name)
        where T : class =>
        owner.GetType().GetProperty(name, BindingFlags.Public | BindingFlags.Instance)?.GetValue(owner) as T;
}
