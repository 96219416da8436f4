using System.Runtime.CompilerServices;
using Selm.HuggingFace.Engine;

namespace Selm.Research;

/// <summary>Whoever uses this library may make a tensor before anything else: libtorch's search is put in place with it.</summary>
internal static class EngineStart
{
#pragma warning disable CA2255
    [ModuleInitializer]
    internal static void Install() => Libtorch.Install();
#pragma warning restore CA2255
}
