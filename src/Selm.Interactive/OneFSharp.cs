// Plotly.NET asks for the FSharp.Core that it was compiled with. A notebook engine written in F#'s neighbourhood holds one of its
// own, and refuses another version instead of giving its own; here it is told to give what is there.
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Selm.Interactive;

/// <summary>Lets every library of the process share one FSharp.Core.</summary>
internal static class OneFSharp
{
    private const string Name = "FSharp.Core";

#pragma warning disable CA2255
    [ModuleInitializer]
    internal static void Install() => AppDomain.CurrentDomain.AssemblyResolve += (_, asked) => Loaded(new AssemblyName(asked.Name));
#pragma warning restore CA2255

    /// <summary>The FSharp.Core that is loaded, whatever version is asked for; null for other libraries and where there is none.</summary>
    internal static Assembly? Loaded(AssemblyName asked) =>
        asked.Name == Name ? AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(one => one.GetName().Name == Name) : null;
}
