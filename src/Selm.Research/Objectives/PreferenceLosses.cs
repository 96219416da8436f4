using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Objectives;

/// <summary>The losses by the names that the command line and the recipes use.</summary>
public static class PreferenceLosses
{
    /// <summary>Every name that <see cref="Parse"/> knows, the paper's loss first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "selm", "selm-algorithm1", "dpo", "dpo-reference-free", "ipo", "ipo-means", "hinge", "robust", "sppo",
        "xpo", "vpo", "vpo-offline", "dpop", "spin", "dno",
    ];

    /// <summary>The loss of that name.</summary>
    /// <param name="kind">One of <see cref="Names"/>.</param>
    /// <param name="beta">The KL coefficient (SPIN's lambda, DNO's eta, the inverse of SPPO's eta), above 0.</param>
    /// <param name="alpha">The weight of optimism in selm, xpo and vpo, at least 0; the others have none and ignore it.</param>
    /// <param name="labelSmoothing">The share of flipped labels in dpo, dpo-reference-free and robust, at least 0 and below 1/2.</param>
    /// <param name="lambda">DPOP's weight of the penalty, at least 0.</param>
    /// <exception cref="InputException">The name is unknown (names the nearest one) or a number is outside its range.</exception>
    public static IPreferenceLoss Parse(string kind, double beta, double alpha = 0, double labelSmoothing = 0, double lambda = 50)
    {
        Require(beta > 0 && double.IsFinite(beta), "beta", beta, "above 0");
        Require(alpha >= 0 && double.IsFinite(alpha), "alpha", alpha, "at least 0");
        Require(labelSmoothing is >= 0 and < 0.5, "label smoothing", labelSmoothing, "at least 0 and below 0.5");
        Require(lambda >= 0 && double.IsFinite(lambda), "lambda", lambda, "at least 0");
        if (labelSmoothing > 0 && kind is not ("dpo" or "dpo-reference-free" or "robust") && Names.Contains(kind))
        {
            throw new InputException($"The loss '{kind}' has no label smoothing; leave it out or use dpo or robust.");
        }
        return kind switch
        {
            "selm" => new SelmLoss(beta, alpha),
            "selm-algorithm1" => new SelmLoss(beta, alpha, AlphaScale.Alpha),
            "dpo" => new DpoLoss(beta, labelSmoothing),
            "dpo-reference-free" => new DpoLoss(beta, labelSmoothing, ReferenceFree: true),
            "ipo" => new IpoLoss(beta),
            "ipo-means" => new IpoLoss(beta, IpoConvention.LengthMeans),
            "hinge" => new HingeLoss(beta),
            "robust" => new RobustDpoLoss(beta, labelSmoothing),
            "sppo" => new SppoLoss(beta),
            "xpo" => new XpoLoss(beta, alpha),
            "vpo" => new VpoLoss(beta, alpha),
            "vpo-offline" => new VpoLoss(beta, alpha, VpoSetting.Offline),
            "dpop" => new DpopLoss(beta, lambda),
            "spin" => new SpinLoss(beta),
            "dno" => new DnoLoss(beta),
            _ => throw new InputException(
                $"There is no loss '{kind}'; did you mean '{NearestName.Of(kind, Names)}'? (One of: {string.Join(", ", Names)}.)"),
        };
    }

    /// <summary>The loss that a recipe asks for.</summary>
    /// <param name="recipe">The recipe's part on the loss.</param>
    /// <exception cref="InputException">The name is unknown or a number is outside its range.</exception>
    public static IPreferenceLoss Of(LossRecipe recipe) => Parse(
        recipe.Kind == "selm" && recipe.AlphaScale == AlphaScale.Alpha ? "selm-algorithm1" : recipe.Kind,
        recipe.Beta,
        recipe.Alpha,
        recipe.LabelSmoothing);

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
        {
            throw new InputException(string.Create(
                CultureInfo.InvariantCulture, $"The loss's {name} is {value} but must be {range}; correct it."));
        }
    }
}
