using System.Runtime.CompilerServices;
using Selm.HuggingFace.Engine;

namespace Selm.HuggingFace.Tests;

/// <summary>Tests make tensors of their own before they touch the kit.</summary>
internal static class EngineStart
{
#pragma warning disable CA2255
    [ModuleInitializer]
    internal static void Install() => Libtorch.Install();
#pragma warning restore CA2255
}
