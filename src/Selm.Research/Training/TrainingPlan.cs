using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Training;

/// <summary>What the training of one iteration will do; known from the recipe and the number of pairs before anything is computed.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Pairs">Pairs trained on, those held out for evaluation left out.</param>
/// <param name="Steps">Optimiser steps over all epochs; the last of an epoch takes the pairs that are left.</param>
/// <param name="BatchSize">Pairs per forward pass.</param>
/// <param name="GradientAccumulation">Forward passes per step.</param>
/// <param name="FirstRate">Learning rate of the first step.</param>
/// <param name="PeakRate">The highest learning rate of a step.</param>
/// <param name="LastRate">Learning rate of the last step.</param>
public sealed record TrainingPlan(
    int Iteration, int Pairs, int Steps, int BatchSize, int GradientAccumulation, double FirstRate, double PeakRate, double LastRate)
{
    /// <summary>Pairs of a full step.</summary>
    public long PairsPerStep => (long)BatchSize * GradientAccumulation;

    /// <summary>The plan of a recipe's iteration.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="iteration">From 0.</param>
    /// <param name="pairs">Pairs to train on.</param>
    /// <exception cref="InputException">No step would have a learning rate above 0.</exception>
    public static TrainingPlan Of(Recipe recipe, int iteration, int pairs)
    {
        var options = TrainerOptions.Of(recipe, iteration);
        var steps = options.TotalSteps(pairs);
        var schedule = Schedule.Of(options.Schedule, steps);
        double[] rates = [.. Enumerable.Range(0, steps).Select(step => options.LearningRate * schedule.Factor(step))];
        return rates.Any(rate => rate > 0)
            ? new(iteration, pairs, steps, options.BatchSize, options.GradientAccumulation, rates[0], rates.Max(), rates[^1])
            : throw new InputException($"Iteration {iteration}: the learning rate is 0 in every step, so nothing would be learnt; raise {RateKey(recipe)}.");
    }

    /// <summary>The plan as one line for people.</summary>
    public override string ToString()
    {
        var few = Pairs < PairsPerStep ? "; fewer than a step holds: a lower gradient_accumulation gives more steps" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"iteration {Iteration}: {Pairs} pairs, {Steps} step{(Steps == 1 ? "" : "s")} of up to {PairsPerStep} (batch_size {BatchSize} x gradient_accumulation {GradientAccumulation}), learning rate {Rates}{few}");
    }

    private string Rates => Steps == 1
        ? PeakRate.ToString("G3", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{FirstRate:G3} first, {PeakRate:G3} at its highest, {LastRate:G3} last");

    /// <summary>The key of the recipe that sets the learning rates.</summary>
    internal static string RateKey(Recipe recipe) => recipe.IterationLearningRates.Count > 0 ? "iteration_learning_rates" : "optimizer.learning_rate";
}
