// Notable: an evaluation records r* of every answer, and the baseline's responses are fixed, so that win rates per prompt
// (against the baseline or head to head) follow from recorded cells without any model.
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>Numbers per test prompt that follow from recorded evaluations, and intervals over seeds.</summary>
public static class LabMeasures
{
    // The languages of the budgets, found again by how many test prompts they have: no two have as many.
    private static readonly Dictionary<int, Lazy<double[]>> baselines = Enum.GetValues<LabBudget>().Select(budget => LabSizes.Of(budget).Language).Distinct()
        .ToDictionary(language => language.Split.Test.Count, language => new Lazy<double[]>(() => Baseline(language)));

    /// <summary>r* of the fixed responses that win rates compare against, one per test prompt.</summary>
    /// <param name="budget">The budget, which says the language.</param>
    public static IReadOnlyList<double> BaselineRewards(LabBudget budget) => baselines[LabSizes.Of(budget).Language.Split.Test.Count].Value;

    /// <summary>The exact win rate of every test prompt: sigma(r - r_baseline), equation (2.1) without labels' noise.</summary>
    /// <param name="evaluation">A policy.</param>
    /// <exception cref="ArgumentException">The evaluation is not of the test prompts.</exception>
    public static double[] ExactWinRates(LabCellEvaluation evaluation) => baselines.TryGetValue(evaluation.Rewards.Length, out var baseline)
        ? WinRates(evaluation.Rewards, baseline.Value)
        : throw new ArgumentException($"{evaluation.Rewards.Length} answers are not those to the test prompts of a lab language.", nameof(evaluation));

    /// <summary>The exact win rate of one policy against another on every prompt: sigma(r_one - r_other). The two ways round add up to 1.</summary>
    /// <param name="one">A policy.</param>
    /// <param name="other">Its opponent.</param>
    /// <exception cref="ArgumentException">The evaluations are not of the same prompts.</exception>
    public static double[] PairwiseWinRates(LabCellEvaluation one, LabCellEvaluation other) => WinRates(one.Rewards, other.Rewards);

    /// <summary>The policy after an iteration.</summary>
    /// <param name="result">A cell.</param>
    /// <param name="iteration">From 0; null: the last. -1: the first policy, before any iteration.</param>
    /// <exception cref="ArgumentOutOfRangeException">The cell has no such iteration.</exception>
    public static LabCellEvaluation After(this LabCellResult result, int? iteration)
    {
        var last = result.Iterations.Count - 1;
        var k = iteration ?? last;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, last, nameof(iteration));
        ArgumentOutOfRangeException.ThrowIfLessThan(k, -1, nameof(iteration));
        return k < 0 ? result.Start ?? throw new ArgumentOutOfRangeException(nameof(iteration)) : result.Iterations[k].Evaluation;
    }

    /// <summary>Implicit reward of the chosen minus the rejected response of every held-out pair.</summary>
    /// <param name="evaluation">A policy that is not the first one.</param>
    /// <exception cref="ArgumentException">The evaluation has no implicit rewards.</exception>
    public static double[] ImplicitMargins(LabCellEvaluation evaluation) => [.. Implicit(evaluation).Chosen.Zip(Implicit(evaluation).Rejected, (w, l) => w - l)];

    /// <summary>
    /// Implicit rewards of one policy minus another's, prompt by prompt, both against the same first policy. Own answers may
    /// be different texts.
    /// </summary>
    /// <param name="one">A policy that is not the first one.</param>
    /// <param name="other">The policy that is subtracted.</param>
    /// <exception cref="ArgumentException">An evaluation has no implicit rewards.</exception>
    public static LabImplicitRewards ImplicitDifferences(LabCellEvaluation one, LabCellEvaluation other)
    {
        var (mine, its) = (Implicit(one), Implicit(other));
        return new(Minus(mine.Chosen, its.Chosen), Minus(mine.Rejected, its.Rejected), Minus(mine.Own, its.Own));
    }

    /// <summary>The mean over seeds with its 95 % interval, by <see cref="PairedEstimate"/>.</summary>
    /// <param name="perSeed">One number per seed; NaN are left out.</param>
    /// <returns>NaN where no seed has a number; ends at the mean for one seed, which has no interval.</returns>
    public static MeanInterval Mean(IEnumerable<double> perSeed) => Known(perSeed).Drawn(estimate => estimate.Interval());

    /// <summary>The mean over seeds and prompts with its 95 % interval: seeds are the units, the prompts are averaged inside each.</summary>
    /// <param name="perPrompt">[seeds, prompts].</param>
    /// <returns>NaN where there is no seed; ends at the mean for one.</returns>
    public static MeanInterval Mean(double[,] perPrompt) => PairedEstimate.Of(perPrompt).Drawn(estimate => estimate.Interval());

    /// <summary>The mean of shares over seeds; as <see cref="Mean(IEnumerable{double})"/>, with ends between 0 and 1.</summary>
    /// <param name="perSeed">One number between 0 and 1 per seed; NaN are left out.</param>
    /// <returns>NaN where no seed has a number; ends at the mean for one seed.</returns>
    public static MeanInterval Share(IEnumerable<double> perSeed) => Known(perSeed).Drawn(estimate => estimate.Share());

    /// <summary>The mean of shares over seeds and prompts; as <see cref="Mean(double[,])"/>, with ends between 0 and 1.</summary>
    /// <param name="perPrompt">[seeds, prompts], between 0 and 1.</param>
    /// <returns>NaN where there is no seed; ends at the mean for one.</returns>
    public static MeanInterval Share(double[,] perPrompt) => PairedEstimate.Of(perPrompt).Drawn(estimate => estimate.Share());

    /// <summary>The true mean difference that as many seeds find with a chance of 80 %; NaN below two seeds.</summary>
    /// <param name="interval">A 95 % interval of paired differences.</param>
    /// <param name="seeds">Seeds behind it.</param>
    public static double Detectable(MeanInterval interval, int seeds) => seeds < 2 ? double.NaN : PairedEstimate.From(interval, seeds).Detectable;

    // An infinite interval cannot be drawn: a single seed is shown as the point it is.
    internal static MeanInterval Drawn(this PairedEstimate estimate, Func<PairedEstimate, MeanInterval> interval) =>
        estimate.N < 2 ? new(estimate.Mean, estimate.Mean, estimate.Mean) : interval(estimate);

    private static PairedEstimate Known(IEnumerable<double> perSeed) => PairedEstimate.Of([.. perSeed.Where(value => !double.IsNaN(value))]);

    private static double[] Baseline(LabLanguage language) =>
        [.. LabEvaluation.Baseline(language, language.Split.Test).Zip(language.Split.Test, (response, prompt) => LabReward.Of(language, prompt, response))];

    private static double[] WinRates(double[] one, double[] other) => one.Length == other.Length
        ? [.. one.Zip(other, (r, against) => LogMath.Sigmoid(r - against))]
        : throw new ArgumentException($"{one.Length} prompts against {other.Length}: evaluations of different prompts have no win rate.");

    private static double[] Minus(double[] one, double[] other) => [.. one.Zip(other, (a, b) => a - b)];

    private static LabImplicitRewards Implicit(LabCellEvaluation evaluation) =>
        evaluation.Implicit ?? throw new ArgumentException("The first policy has no implicit rewards; take one after an iteration.", nameof(evaluation));
}
