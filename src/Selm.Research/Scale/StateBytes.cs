using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>Bytes that training holds for each trained weight, by the keys of a recipe.</summary>
/// <param name="Weight">As the passes read it.</param>
/// <param name="Master">The float32 copy that the optimiser changes, where the passes read another.</param>
/// <param name="Sum">Its gradient, summed over the micro-batches of a step; 0 where it is used as soon as it is complete.</param>
/// <param name="Micro">Its gradient in one micro-batch, where that is another tensor.</param>
/// <param name="ByStage">Whether <paramref name="Micro"/> is held for one stage at a time: a block, the embedding or the head.</param>
/// <param name="Moments">The optimiser's, on the device.</param>
/// <param name="HostMoments">The optimiser's, in the host's memory.</param>
internal readonly record struct StateBytes(double Weight, double Master, double Sum, double Micro, bool ByStage, double Moments, double HostMoments)
{
    // What each key sets; a later row overrules an earlier one.
    private static readonly (string Key, Func<Recipe, bool> Holds, Func<StateBytes, StateBytes> Set)[] table =
    [
        ("precision: fp32", r => r.Precision == Precision.Fp32, s => s with { Weight = 4, Master = 0, Sum = 4, Micro = 0 }),
        ("precision: bf16", r => r.Precision == Precision.Bf16, s => s with { Weight = 2, Master = 4, Sum = 4, Micro = 2 }),
        ("optimizer.name: adamw", r => r.Optimizer.Name == OptimizerKind.Adamw, s => s with { Moments = 8 }),
        ("optimizer.name: rmsprop", r => r.Optimizer.Name == OptimizerKind.Rmsprop, s => s with { Moments = 4 }),
        ("optimizer.name: sgd", r => r.Optimizer.Name == OptimizerKind.Sgd, s => s with { Moments = 0 }),
        ("activation_checkpointing: true", r => r.ActivationCheckpointing, s => s with { ByStage = true }),
        ("optimizer.master_weights: false", r => !r.Optimizer.MasterWeights, s => s with { Master = 0 }),
        ("optimizer.moments: bf16", r => r.Optimizer.Moments == Precision.Bf16, s => s with { Moments = s.Moments / 2 }),
        ("optimizer.moments_on: host", r => r.Optimizer.MomentsOn == MomentsPlace.Host, s => s with { Moments = 0, HostMoments = s.Moments }),
        ("optimizer.update_in_backward: true", r => r.Optimizer.UpdateInBackward, s => s with { Sum = 0, Micro = s.Weight, ByStage = true }),
    ];

    /// <summary>What an optimiser step reads and writes on the device.</summary>
    internal double Moved => (2 * (Weight + Master + Moments)) + Sum;

    /// <summary>The bytes of a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    internal static StateBytes Of(Recipe recipe) => table.Where(row => row.Holds(recipe)).Aggregate(default(StateBytes), (state, row) => row.Set(state));
}
