using System.Runtime.CompilerServices;

namespace Selm.Notebooks.Engine;

/// <summary>Short work of a cell's thread that others depend on: an interrupt aborts such a thread anywhere but here.</summary>
internal static class AbortShield
{
    /// <summary>Does the work to its end; an abort waits for it.</summary>
    // Aborts wait for finally blocks. An optimising compiler knows of no aborts and takes an empty try away, and the block with it.
    [MethodImpl(MethodImplOptions.NoOptimization | MethodImplOptions.NoInlining)]
    public static void Do(Action work)
    {
        try
        {
        }
        finally
        {
            work();
        }
    }
}
