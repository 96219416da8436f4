namespace Selm.Research.Tests;

/// <summary>
/// Tests that count live tensors belong to this collection: the count is of the whole process, so nothing else may
/// run beside them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class LiveTensors
{
    public const string Name = "live tensors";
}
