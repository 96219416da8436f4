// A package shows its types by an extension: an assembly with an IKernelExtension that registers formatters with .NET
// Interactive's Formatter. Both are found by name in what the package brings; this program is not built with them.
using System.Collections;
using System.Reflection;
using System.Runtime.Loader;

namespace Selm.Notebooks.Display;

/// <summary>The formatters that packages, or cells, have registered with .NET Interactive's Formatter.</summary>
internal static class PackageFormatters
{
    private const string Library = "Microsoft.DotNet.Interactive", Formatting = Library + ".Formatting";

    private static readonly HashSet<string> loaded = [];
    private static object? kernel; // extensions want one; nothing runs in it
    private static Type? formatter;

    /// <summary>Lets extensions register their formatters. One that registers none is told on the cell's stderr.</summary>
    public static void Load(IEnumerable<string> extensions)
    {
        foreach (var file in extensions.Where(loaded.Add))
        {
            var before = Registered().Count;
            try
            {
                foreach (var (type, load) in Extensions(AssemblyLoadContext.Default.LoadFromAssemblyPath(file)))
                {
                    ((Task)load.Invoke(Activator.CreateInstance(type), [kernel ??= CreateKernel()])!).GetAwaiter().GetResult();
                }
            }
            catch (Exception e)
            {
                // After their formatters some greet the user, or add commands, in a front end that is not there.
                if (Registered().Count == before)
                {
                    var reason = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
                    Console.Error.WriteLine($"{Path.GetFileNameWithoutExtension(file)} needs .NET Interactive's own kernel ({reason.Message.TrimEnd('.')}); what it would show is text here.");
                }
            }
        }
    }

    /// <summary>The value in every MIME type that somebody has registered a formatter for.</summary>
    public static IEnumerable<(string Mime, string Text)> Write(object value)
    {
        var mimes = Registered()
            .Where(one => Property<Type>(one, "Type").IsInstanceOfType(value))
            .Select(one => Property<string>(one, "MimeType"))
            .Distinct()
            .ToList();
        if (mimes.Count == 0)
        {
            return [];
        }
        var write = formatter!.GetMethod("ToDisplayString", [typeof(object), typeof(string)])!.CreateDelegate<Func<object, string, string>>();
        return [.. mimes.Select(mime => (mime, write(value, mime)))];
    }

    private static List<object> Registered() => (formatter ??= FindFormatter()) is { } found
        ? [.. ((IEnumerable)found.GetMethod("RegisteredFormatters")!.Invoke(null, [false])!).Cast<object>()]
        : [];

    private static IEnumerable<(Type Type, MethodInfo Load)> Extensions(Assembly assembly) =>
        from type in assembly.GetExportedTypes()
        where !type.IsAbstract
        from extension in type.GetInterfaces()
        where extension.FullName == Library + ".IKernelExtension"
        select (type, extension.GetMethod("OnLoadAsync")!);

    private static object CreateKernel() => Activator.CreateInstance(Assembly.Load(Library).GetType(Library + ".CompositeKernel", throwOnError: true)!, [null])!;

    // Only once something uses it.
    private static Type? FindFormatter() => AppDomain.CurrentDomain.GetAssemblies()
        .FirstOrDefault(assembly => assembly.GetName().Name == Formatting)?.GetType(Formatting + ".Formatter");

    private static T Property<T>(object owner, string name) => (T)owner.GetType().GetInterfaces().Append(owner.GetType())
        .Select(type => type.GetProperty(name)).First(property => property is not null)!.GetValue(owner)!;
}
