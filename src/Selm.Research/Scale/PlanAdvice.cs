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
        var peak = RunPlan.Of(recipe, device, amount).PeakBytes;
        if (peak <= device.Memory)
        {
            return [];
        }
        var found = new List<(int Dearest, PlanSuggestion Suggestion)>();
        foreach (var (k, change) in cheapestFirst.Index())
        {
            Offer(k, recipe, [], [], change, peak);
        }
        var (together, keys, costs, lowest) = (recipe, new Dictionary<string, string>(), new List<string>(), peak);
        foreach (var (k, change) in cheapestFirst.Index())
        {
            if (lowest > device.Memory && Offer(k, together, keys, costs, change, lowest) is { } with)
            {
                together = with;
                lowest = found[^1].Suggestion.PeakBytes;
            }
        }
        return [.. found.OrderBy(one => one.Dearest).ThenBy(one => one.Suggestion.Keys.Count).Select(one => one.Suggestion).DistinctBy(suggestion => string.Join(", ", suggestion.Keys))];

        // Null where it lowers another moment than the fullest.
        Recipe? Offer(int k, Recipe from, Dictionary<string, string> already, List<string> cost, Change change, double above)
        {
            var made = change.Make(from);
            if (made.Length == 0 || RunPlan.Of(made[^1].With, device, amount).PeakBytes is var after && after >= above)
            {
                return null;
            }
            foreach (var (key, value, _) in made)
            {
                already[key] = value;
            }
            if (!cost.Contains(change.Costs))
            {
                cost.Add(change.Costs);
            }
            found.Add((k, new([.. already.Select(pair => $"{pair.Key}: {pair.Value}")], string.Join("; ", cost), after, after <= device.Memory)));
            return made[^1].With;
        }
    }

    private static (string, string, Recipe)[] Split(Recipe r, int batch)
    {
        var accumulation = (int)Math.Ceiling(r.BatchSize / (double)batch) * r.GradientAccumulation;
        return [("batch_size", Text(batch), r with { BatchSize = batch }), ("gradient_accumulation", Text(accumulation), r with { BatchSize = batch, GradientAccumulation = accumulation })];
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
