// The list of objectives. There is no table to keep: each file of this folder adds its own entry to this class, whose
// parts the compiler puts together, so that a new objective is one new file.
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Selm.Research.Runs;

namespace Selm.Research.Objectives;

/// <summary>The objectives by the names that the command line and the recipes use.</summary>
public static partial class PreferenceLosses
{
    // Without an initialiser of its own: those of the parts fill it, in whatever order they run.
    private static ConcurrentDictionary<string, Objective>? known;

    /// <summary>Every objective there is, by name.</summary>
    public static IReadOnlyList<Objective> All => [.. known!.Values.OrderBy(objective => objective.Name, StringComparer.Ordinal)];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names => [.. All.Select(objective => objective.Name)];

    /// <summary>Adds an objective, also from outside this assembly; from then on recipes and the command line know it.</summary>
    /// <param name="objective">The objective.</param>
    /// <returns>The same.</returns>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static Objective Add(Objective objective) => (known ??= []).TryAdd(objective.Name, objective)
        ? objective
        : throw new ArgumentException($"There is an objective '{objective.Name}' already.", nameof(objective));

    /// <summary>The objective of that name.</summary>
    /// <exception cref="InputException">The name is unknown; names the nearest one.</exception>
    public static Objective Find(string kind) => known!.TryGetValue(kind, out var objective)
        ? objective
        : throw new InputException($"There is no loss '{kind}'; did you mean '{NearestName.Of(kind, Names)}'? (One of: {string.Join(", ", Names)}.)");

    /// <summary>The loss that a recipe's section asks for; a kind that it does not name is SELM's.</summary>
    /// <param name="recipe">The recipe's part on the loss.</param>
    /// <exception cref="InputException">The name is unknown, a parameter is unknown or a number is outside its range.</exception>
    public static IPreferenceLoss Of(LossRecipe recipe)
    {
        if (Problem(recipe) is { } problem)
        {
            throw new InputException($"{problem.Key} {problem.What}.");
        }
        var objective = ObjectiveOf(recipe)!;
        return objective.With(recipe.Given.Where(given => objective.Parameter(given.Name) is not null));
    }

    /// <summary>The section with kind, beta and alpha written out: beta null where its objective has none, alpha then 0.</summary>
    /// <param name="recipe">A section that <see cref="Of"/> accepts.</param>
    public static LossRecipe Resolve(LossRecipe recipe)
    {
        var objective = Find(recipe.Kind ?? "selm");
        return recipe with
        {
            Kind = objective.Name,
            Beta = recipe.Beta ?? objective.Parameter("beta")?.Default,
            Alpha = recipe.Alpha ?? objective.Parameter("alpha")?.Default ?? 0,
        };
    }

    /// <summary>The first thing wrong with a recipe's section, as key and what to say of it; null where nothing is.</summary>
    internal static (string Key, string What)? Problem(LossRecipe recipe)
    {
        if (ObjectiveOf(recipe) is not { } objective)
        {
            return ("loss.kind", $"is '{recipe.Kind}', which is not one of {string.Join(", ", Names)}; did you mean '{NearestName.Of(recipe.Kind!, Names)}'");
        }
        if (recipe.AlphaScale == AlphaScale.Alpha && objective.Name != "selm-algorithm1")
        {
            return ("loss.alpha_scale", $"is only for the kind selm, not for {objective.Name}; leave it out");
        }
        foreach (var (name, value) in recipe.Given)
        {
            // Zero optimism and no smoothing may be said of every objective: they are not there.
            if (objective.Problem(name, value) is { } problem && !(value == 0 && name is "alpha" or "label_smoothing" && objective.Parameter(name) is null))
            {
                return ($"loss.{name}", problem.StartsWith("must", StringComparison.Ordinal) ? problem : problem.Replace("did you mean '", "did you mean 'loss.", StringComparison.Ordinal));
            }
        }
        return null;
    }

    // The objective of a section, or null where its kind is unknown; alpha_scale is a part of the name elsewhere.
    private static Objective? ObjectiveOf(LossRecipe recipe)
    {
        var kind = recipe.Kind ?? "selm";
        return known!.GetValueOrDefault(kind == "selm" && recipe.AlphaScale == AlphaScale.Alpha ? "selm-algorithm1" : kind);
    }

#pragma warning disable CA2255 // recipes are read in a room above this one, which may not look down; the list goes up once
    [ModuleInitializer]
    internal static void TellRecipes() => RecipeRules.OfLoss = recipe => Methods.All.Any(method => method.Name == recipe.Method)
        ? Problem(Methods.LossOf(recipe))
        : ("method", Methods.NotThere(recipe.Method));
#pragma warning restore CA2255
}
