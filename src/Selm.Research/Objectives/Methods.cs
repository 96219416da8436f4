using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Objectives;

/// <summary>A method: a loop of Algorithm 1's family, and the objective that makes it that method.</summary>
/// <param name="Name">Its name as <c>method</c> of a recipe.</param>
/// <param name="Kinds">The objectives it owns, its default first; no other method takes them.</param>
/// <param name="Asks">Whether its rounds ask the policy for new answers and rank them.</param>
/// <param name="OthersReadY">Which objectives of no method it takes beside its own: those that read y (true), those that do not (false), or none (null).</param>
/// <param name="Meaning">Where the pair comes from, what y is, and whether the reference moves.</param>
public sealed record Method(string Name, IReadOnlyList<string> Kinds, bool Asks, bool? OthersReadY, string Meaning);

/// <summary>Every method, the objective that each owns, and what contradicts it.</summary>
public static class Methods
{
    private static readonly string[] dpo = ["dpo", "dpo-reference-free"];

    /// <summary>The methods that a recipe may name, the paper's first.</summary>
    public static IReadOnlyList<Method> All { get; } =
    [
        new("selm", ["selm", "selm-algorithm1", "selm-means"], true, true, "y from the moving policy, best and worst of {y, y_w, y_l}, optimism about y"),
        new("dpo", dpo, false, false, "the data's pairs, the reference fixed"),
        new("iterative-dpo", dpo, true, false, "SELM's loop without optimism"),
        new("stepwise-dpo", dpo, false, false, "the data's pairs, the reference moves"),
        new("xpo", ["xpo"], true, null, "y from the policy against y' from the fixed reference, optimism about y', all data kept"),
        new("vpo", ["vpo", "vpo-offline"], true, null, "SELM's pair, the incentive on a calibration policy's response"),
        new("spin", ["spin"], true, null, "the data's response against an own sample, the reference moves"),
        new("sppo", ["sppo"], true, null, "own samples with win probabilities as targets, the reference moves"),
        new("dno", ["dno"], true, null, "best against worst of many samples, large margins kept, the reference moves"),
        new("explicit-reward", ["reward-distillation"], true, null, "an optimistic reward model first, then the policy of its margins"),
        new(Training, ["selm"], false, null, "one training on given pairs with any objective, as selm train does"),
    ];

    /// <summary>The method of <c>selm train</c>, which takes every objective.</summary>
    public const string Training = "train";

    /// <summary>The method of a recipe.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InputException">There is no such method.</exception>
    public static Method Find(string name) => All.FirstOrDefault(method => method.Name == name)
        ?? throw new InputException($"method {NotThere(name)}.");

    /// <summary>The recipe's section on the loss, its kind filled in with the method's own where none is named.</summary>
    /// <param name="recipe">The recipe.</param>
    public static LossRecipe LossOf(Recipe recipe) =>
        recipe.Loss with { Kind = recipe.Loss.Kind ?? All.FirstOrDefault(method => method.Name == recipe.Method)?.Kinds[0] };

    /// <summary>
    /// The loss of a round. A first round on the data's own pairs has no y: SELM's is then plain DPO, and in general the
    /// same objective without optimism.
    /// </summary>
    /// <param name="recipe">A recipe that <see cref="Check"/> has passed.</param>
    /// <param name="asked">Whether the policy was asked for answers in this round.</param>
    /// <returns>The section with its numbers written out.</returns>
    public static LossRecipe LossOf(Recipe recipe, bool asked)
    {
        var loss = PreferenceLosses.Resolve(LossOf(recipe));
        return asked || !Find(recipe.Method).Asks || loss.Alpha is null or 0 ? loss
            : loss.Kind == "selm" ? loss with { Kind = "dpo", Alpha = 0, AlphaScale = AlphaScale.AlphaBeta }
            : loss with { Alpha = 0 };
    }

    /// <summary>Refuses a loss that contradicts the recipe's method.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="InputException">The sentence names the key and the cure.</exception>
    public static void Check(Recipe recipe)
    {
        var (method, loss) = (Find(recipe.Method), PreferenceLosses.Resolve(LossOf(recipe)));
        var readsY = PreferenceLosses.Of(LossOf(recipe)).Needs.HasFlag(LossInputs.PolicySample);
        if (method.Name == Training || method.Kinds.Contains(loss.Kind))
        {
            return;
        }
        var owner = All.Where(other => other.Name != Training && other.Kinds.Contains(loss.Kind)).MaxBy(other => other.Asks == method.Asks);
        // An optimism of 0 is none: such a loss is one of the pair alone.
        var withoutOptimism = !readsY && PreferenceLosses.Find(loss.Kind!).Parameter("alpha") is not null;
        if (method.OthersReadY == readsY && (owner is null || withoutOptimism))
        {
            return;
        }
        var cure = owner is not null ? $"take method: {owner.Name}" : readsY ? "take method: selm" : "take method: iterative-dpo";
        throw new InputException(method.OthersReadY == false && readsY && loss.Alpha > 0
            ? string.Create(CultureInfo.InvariantCulture, $"loss.alpha is {loss.Alpha} and loss.kind {loss.Kind}, but method {method.Name} has no optimism; set loss: {{kind: {method.Kinds[0]}}} or {cure}.")
            : $"loss.kind is '{loss.Kind}', but method {method.Name} trains {string.Join(" or ", method.Kinds)}; set loss.kind: {method.Kinds[0]} or {cure}.");
    }

    /// <summary>What is wrong with a name that is no method, to follow the key.</summary>
    internal static string NotThere(string name) =>
        $"is '{name}', which is not one of {string.Join(", ", All.Select(m => m.Name))}; did you mean '{NearestName.Of(name, All.Select(m => m.Name))}'";
}
