using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>Keys of a recipe that lower its peak.</summary>
/// <param name="Keys">As they stand in the recipe: "key: value".</param>
/// <param name="Costs">What they cost, in words.</param>
/// <param name="PeakBytes">The peak with them.</param>
/// <param name="Fits">Whether that is within the device's memory.</param>
public sealed record PlanSuggestion(IReadOnlyList<string> Keys, string Costs, double PeakBytes, bool Fits);

/// <summary>What makes a recipe fit.</summary>
public static class PlanAdvice
{
    private sealed record Change(string Costs, Func<Recipe, (string Key, string Value, Recipe With)[]> Make);

    // From what changes nothing but the clock to what trains something else.
    private static readonly Change[] cheapestFirst =
    [
        new("same steps, smaller products", r => r.BatchSize == 1 || r.Optimizer.UpdateInBackward ? [] : Split(r, r.BatchSize > 2 ? r.BatchSize / 2 : 1)),
        new("same steps, smaller products", r => r.BatchSize <= 2 || r.Optimizer.UpdateInBackward ? [] : Split(r, 1)),
        new("a third more time in training", r => r.ActivationCheckpointing ? [] : [("activation_checkpointing", "true", r with { ActivationCheckpointing = true })]),
        new("moments pass between host and device in every step", r => !Adam(r) || r.Optimizer.MomentsOn == MomentsPlace.Host ? [] : [("optimizer.moments_on", "host", Set(r, r.Optimizer with { MomentsOn = MomentsPlace.Host }))]),
        new("moments rounded to bfloat16", r => !Adam(r) || r.Optimizer.Moments == Precision.Bf16 ? [] : [("optimizer.moments", "bf16", Set(r, r.Optimizer with { Moments = Precision.Bf16 }))]),
        new("weights rounded to bfloat16 in every step", r => !Adam(r) || r.Precision != Precision.Bf16 || !r.Optimizer.MasterWeights ? [] : [("optimizer.master_weights", "false", Set(r, r.Optimizer with { MasterWeights = false }))]),
        new("passes in bfloat16, noisier log-probs", r => r.Precision == Precision.Bf16 ? [] : [("precision", "bf16", r with { Precision = Precision.Bf16 })]),
        new("shorter answers", r => r.MaxNewTokens <= 64 ? [] : [("max_new_tokens", Text(r.MaxNewTokens / 2), r with { MaxNewTokens = r.MaxNewTokens / 2 })]),
        new("a step for every micro-batch, no clipping", r => r.Optimizer.UpdateInBackward || r.Adapter is not null ? [] : Immediately(r)),
        new("trains an adapter in place of all weights", r => r.Adapter is not null || r.Method == "explicit-reward" ? [] : [("adapter", "{rank: 16}", r with { Adapter = new AdapterRecipe { Rank = 16 } })]),
    ];

    /// <summary>Single changes and then changes together, cheapest first, to the first combination that fits.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="device">Where it is to run.</param>
    /// <param name="amount">How much data, or null.</param>
    /// <returns>Nothing where the recipe fits as it is.</returns>
    public static IReadOnlyList<PlanSuggestion> For(Recipe recipe, PlanDevice device, PlanAmount? amount = null)
    {
        double Peak(Recipe r) => RunPlan.Of(r, device, amount).PeakBytes;
        var before = Peak(recipe);
        if (before <= device.Memory)
        {
            return [];
        }
        var found = new List<PlanSuggestion>();
        foreach (var (k, dearest) in cheapestFirst.Index())
        {
            // Alone, then on top of cheaper ones, each where it helps, until it fits.
            var cheaper = new List<Change>();
            if (Made(recipe, [dearest]) is not { } made)
            {
                continue;
            }
            var peak = Peak(made.With);
            Add(made, peak, below: before);
            for (var j = 0; j < k && peak > device.Memory; j++)
            {
                if (Made(recipe, [.. cheaper, cheapestFirst[j], dearest]) is { } more && Peak(more.With) is var lower && lower < peak)
                {
                    (made, peak) = (more, lower);
                    cheaper.Add(cheapestFirst[j]);
                }
            }
            Add(made, peak, below: Made(recipe, cheaper) is { } without ? Peak(without.With) : before); // the dearest has its share
        }
        return [.. found.DistinctBy(suggestion => string.Join(", ", suggestion.Keys))];

        void Add((Recipe With, string[] Keys, string Costs) made, double peak, double below)
        {
            if (peak < below)
            {
                found.Add(new(made.Keys, made.Costs, peak, peak <= device.Memory));
            }
        }
    }

    // Changes one after another; null where the last has nothing to change.
    private static (Recipe With, string[] Keys, string Costs)? Made(Recipe recipe, IReadOnlyList<Change> changes)
    {
        var keys = new Dictionary<string, string>();
        var last = false;
        foreach (var change in changes)
        {
            last = false;
            foreach (var (key, value, with) in change.Make(recipe))
            {
                (keys[key], recipe, last) = (value, with, true);
            }
        }
        return last ? (recipe, [.. keys.Select(pair => $"{pair.Key}: {pair.Value}")], string.Join("; ", changes.Select(change => change.Costs).Distinct())) : null;
    }

    private static (string, string, Recipe)[] Split(Recipe r, int batch)
    {
        var accumulation = (int)Math.Ceiling(r.BatchSize / (double)batch) * r.GradientAccumulation;
        return [("batch_size", Text(batch), r), ("gradient_accumulation", Text(accumulation), r with { BatchSize = batch, GradientAccumulation = accumulation })];
    }

    private static (string, string, Recipe)[] Immediately(Recipe r)
    {
        var with = Set(r, r.Optimizer with { UpdateInBackward = true }) with { GradientAccumulation = 1, MaxGradNorm = 0, ActivationCheckpointing = true };
        return [("optimizer.update_in_backward", "true", with), ("gradient_accumulation", "1", with), ("max_grad_norm", "0", with), ("activation_checkpointing", "true", with)];
    }

    private static bool Adam(Recipe r) => r.Optimizer.Name == OptimizerKind.Adamw;

    private static Recipe Set(Recipe r, OptimizerRecipe optimizer) => r with { Optimizer = optimizer };

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
