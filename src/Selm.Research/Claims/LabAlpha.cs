using System.Globalization;
using Selm.Research.Lab;

namespace Selm.Research.Claims;

/// <summary>
/// From the paper's alpha to the lab's. In the loss, alpha stands beside sigma(-margin), the weight of DPO's gradient, and
/// their ratio decides what the bonus does. The paper's steps are small (305 tokens, beta 0.01, rate 5e-7), so its sigma stays
/// near 0.5; the lab's margins grow within an iteration. An alpha on the paper's scale is therefore the lab alpha whose ratio
/// to the lab's mean sigma(-margin) is the paper's ratio: lab alpha = paper alpha * sigma / 0.5, to two significant digits.
/// The gpu scale has no measurement of its own and takes the lab's.
/// </summary>
public static class LabAlpha
{
    /// <summary>The paper's sigma(-margin).</summary>
    public const double PaperSigma = 0.5;

    // Mean sigma(-margin) over the trainings of iterative DPO's three online iterations, development seeds 1900 to 1909; standard
    // deviations over seeds are 0.008, 0.020 and 0.008.
    private const double Model = 0.418, Oracle = 0.397, Llama = 0.426;

    /// <summary>The paper's grid without 0: small 0.0001, winning 0.001, large 0.01.</summary>
    public static IReadOnlyList<double> Grid { get; } = [0.0001, 0.0005, 0.001, 0.005, 0.01];

    /// <summary>The settings that were measured: the name that data/claims.yaml has for each.</summary>
    public static IReadOnlyList<(string Name, LabJudge Ranker, LabRecipe Recipe)> Settings { get; } =
        [("model", LabJudge.Model, LabRecipe.Zephyr), ("oracle", LabJudge.Oracle, LabRecipe.Zephyr), ("llama", LabJudge.Model, LabRecipe.Llama)];

    /// <summary>Mean sigma(-margin) of a setting.</summary>
    /// <param name="ranker">Who labels.</param>
    /// <param name="recipe">Where the iterations start.</param>
    /// <exception cref="ArgumentException">The setting was not measured.</exception>
    public static double Sigma(LabJudge ranker, LabRecipe recipe = LabRecipe.Zephyr) => (ranker, recipe) switch
    {
        (LabJudge.Model, LabRecipe.Zephyr) => Model,
        (LabJudge.Oracle, LabRecipe.Zephyr) => Oracle,
        (LabJudge.Model, LabRecipe.Llama) => Llama,
        _ => throw new ArgumentException("The Llama recipe with labels by the true reward has no measured sigma(-margin).", nameof(recipe)),
    };

    /// <summary>What a table says of its alphas: that they are on the paper's scale, and what they are in the loss.</summary>
    /// <param name="alphas">On the paper's scale.</param>
    /// <param name="settings">Names of <see cref="Settings"/> that the table has.</param>
    internal static string Note(double[] alphas, params string[] settings)
    {
        var values = settings.Select(name => Settings.Single(setting => setting.Name == name))
            .Select(setting => $"{Words(setting.Name)} {string.Join(", ", alphas.Select(alpha => $"{Shown.Plain(alpha)} is {Plain(Lab(alpha, setting.Ranker, setting.Recipe))}"))}");
        return $"SELM's alphas are on the paper's scale: beside sigma(-margin), the weight of DPO's gradient, they weigh as much as in the paper. In the lab's loss: {string.Join("; ", values)}.";
    }

    /// <summary>An alpha of the lab's scale in plain digits: 0.00005.</summary>
    internal static string Plain(double labAlpha) => labAlpha.ToString("0.########", CultureInfo.InvariantCulture);

    /// <summary>An alpha of the lab's own scale as the paper's scale has it, to two significant digits.</summary>
    /// <param name="labAlpha">As the loss has it.</param>
    /// <param name="ranker">Who labels.</param>
    internal static double Paper(double labAlpha, LabJudge ranker) =>
        double.Parse((labAlpha * PaperSigma / Sigma(ranker)).ToString("G2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Words(string setting) => setting switch { "model" => "with the learned ranker", "oracle" => "with labels by the true reward", _ => "by the Llama recipe" };

    /// <summary>The lab alpha of an alpha on the paper's scale.</summary>
    /// <param name="paperAlpha">On the paper's scale; 0 stays 0.</param>
    /// <param name="ranker">Who labels.</param>
    /// <param name="recipe">Where the iterations start.</param>
    /// <exception cref="ArgumentException">The setting was not measured.</exception>
    public static double Lab(double paperAlpha, LabJudge ranker = LabJudge.Model, LabRecipe recipe = LabRecipe.Zephyr) =>
        double.Parse((paperAlpha * Sigma(ranker, recipe) / PaperSigma).ToString("G2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
