using Selm.Research.Runs;

namespace Selm.Research.Training;

/// <summary>The learning rate over optimiser steps: a linear warm-up from 0, then cosine, line or constant.</summary>
/// <param name="Kind">What follows the warm-up.</param>
/// <param name="WarmupSteps">Steps of the warm-up; the first of them has rate 0, as in transformers.</param>
/// <param name="TotalSteps">Steps in all; cosine and line end at 0.</param>
public sealed record Schedule(ScheduleKind Kind, int WarmupSteps, int TotalSteps)
{
    /// <summary>
    /// The schedule of a recipe: warm-up steps are the ceiling of ratio times total, as in transformers; but a training of
    /// one step has no warm-up, which would make that step nothing (there transformers trains nothing).
    /// </summary>
    /// <param name="recipe">Kind and warm-up ratio.</param>
    /// <param name="totalSteps">Optimiser steps in all.</param>
    public static Schedule Of(ScheduleRecipe recipe, int totalSteps) =>
        new(recipe.Kind, totalSteps == 1 ? 0 : (int)Math.Ceiling(recipe.WarmupRatio * totalSteps), totalSteps);

    /// <summary>What the learning rate is multiplied with at a step.</summary>
    /// <param name="step">Steps done before, from 0.</param>
    public double Factor(int step)
    {
        if (step < WarmupSteps)
        {
            return step / (double)Math.Max(1, WarmupSteps);
        }
        var progress = (step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps);
        return Kind switch
        {
            ScheduleKind.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            ScheduleKind.Linear => Math.Max(0, 1 - progress),
            _ => 1,
        };
    }
}
