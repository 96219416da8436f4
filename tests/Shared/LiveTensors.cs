namespace Selm.Tests;

/// <summary>
/// Tests that count live tensors belong to this collection: the count is of the whole process, so nothing else may
/// run beside them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class LiveTensors
{
    public const string Name = "live tensors";

    /// <summary>How many tensors live, once those that other tests dropped have been collected.</summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return TorchSharp.torch.Tensor.TotalCount;
    }
}
