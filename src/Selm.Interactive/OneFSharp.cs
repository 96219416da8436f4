// What is notable: a notebook engine gives each assembly a load context of its own and asks the default context first. Plotly.NET and
// Giraffe.ViewEngine ask for different versions of FSharp.Core, so that each would get a copy, and an F# list of one would be no list to
// the other; an engine that holds an older FSharp.Core would refuse the newer one. Here the default context answers with what is loaded.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Selm.Interactive;

/// <summary>Lets every library of the process share one FSharp.Core.</summary>
internal static class OneFSharp
{
    private const string Name = "FSharp.Core";

#pragma warning disable CA2255
    [ModuleInitializer]
    internal static void Install() => AssemblyLoadContext.Default.Resolving += (_, asked) => Loaded(asked);
#pragma warning restore CA2255

    /// <summary>The FSharp.Core that is loaded, whatever version is asked for; null for other libraries and where there is none.</summary>
    internal static Assembly? Loaded(AssemblyName asked) =>
        asked.Name == Name ? AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(one => one.GetName().Name == Name) : null;
}
