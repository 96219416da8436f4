// The script loader gives each folder a load context of its own, so that an assembly of two folders would exist twice, and
// an F# list of one would be no F# list to the other. Those of packages go into the default context instead, where every
// other context looks first.
using System.Collections.Concurrent;
using System.Runtime.Loader;

namespace Selm.Notebooks.Engine;

/// <summary>The assemblies of all packages that cells have asked for; each is loaded once, when it is first needed.</summary>
internal static class PackageAssemblies
{
    private static readonly ConcurrentDictionary<string, string> paths = new(StringComparer.OrdinalIgnoreCase);

    static PackageAssemblies() => AssemblyLoadContext.Default.Resolving += (context, wanted) =>
        wanted.Name is { } name && paths.TryGetValue(name, out var path) ? context.LoadFromAssemblyPath(path) : null;

    /// <summary>Makes assemblies known and returns the new ones; of two with the same name the first stays, as it may be in use.</summary>
    public static IReadOnlyList<string> Add(IEnumerable<string> assemblies) =>
        [.. assemblies.Where(path => paths.TryAdd(Path.GetFileNameWithoutExtension(path), path))];
}
