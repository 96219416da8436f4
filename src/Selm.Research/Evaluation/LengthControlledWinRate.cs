// AlpacaEval 2.0's length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475): explain each judgement by who
// answered, how hard the instruction is and how much longer one answer is than the other, then ask what the judge
// would have said without the length gap.
using MathNet.Numerics.Statistics;
using Selm.Research.Numerics;

namespace Selm.Research.Evaluation;

/// <summary>One instruction on which a judge compared a model with the baseline.</summary>
/// <param name="BaselineLength">Length of the baseline's answer, in characters (code points) or any unit that both share.</param>
/// <param name="ModelLength">Length of the model's answer, in the same unit.</param>
/// <param name="Difficulty">The instruction's difficulty, a fixed number; 0 everywhere leaves the term out.</param>
/// <param name="Preference">The probability, 0 to 1, that the model's answer is the better one; null where the judge said nothing.</param>
public readonly record struct JudgedPair(double BaselineLength, double ModelLength, double Difficulty, double? Preference);

/// <summary>
/// A judgement of the baseline against a copy of itself told to be short or long: the rows that teach the GLM what length
/// alone does, so that it cannot be gamed.
/// </summary>
/// <param name="StandardisedGap">Baseline length minus the copy's length, over the sample standard deviation of those gaps.</param>
/// <param name="Difficulty">The instruction's difficulty.</param>
/// <param name="Preference">The probability, 0 to 1, that the copy's answer is the better one.</param>
public readonly record struct CalibrationRow(double StandardisedGap, double Difficulty, double Preference);

/// <summary>logit p = Length * tanh(standardised gap) + Difficulty * difficulty + Model.</summary>
/// <param name="Length">What the length gap does to the judge.</param>
/// <param name="Difficulty">How the model's odds change with the instruction's difficulty.</param>
/// <param name="Model">The model itself, against the baseline.</param>
public readonly record struct GlmCoefficients(double Length, double Difficulty, double Model);

/// <summary>A percentage with its standard error, both in points from 0 to 100.</summary>
/// <param name="Percent">The mean, in points.</param>
/// <param name="StandardError">Sample standard deviation over sqrt(n), in points.</param>
public readonly record struct WinRate(double Percent, double StandardError)
{
    /// <summary>The mean of probabilities, in points, with its standard error.</summary>
    /// <param name="probabilities">At least two.</param>
    public static WinRate Of(IReadOnlyCollection<double> probabilities) =>
        new(100 * probabilities.Mean(), 100 * probabilities.StandardDeviation() / Math.Sqrt(probabilities.Count));
}

/// <summary>A fitted length-controlled win rate.</summary>
/// <param name="Controlled">The win rate with every length gap set to zero.</param>
/// <param name="Coefficients">The GLM refitted on all rows at <paramref name="C"/>.</param>
/// <param name="C">The weight of the data against the L1 penalty, chosen by cross-validation.</param>
/// <param name="Scores">One per candidate C: the summed scores of the folds, higher is better; empty where C was given.</param>
public sealed record LengthControlledFit(WinRate Controlled, GlmCoefficients Coefficients, double C, IReadOnlyList<double> Scores);

/// <summary>
/// The length-controlled win rate as published (glm length_controlled_v1): L1-penalised logistic regression without
/// intercept on soft labels, C by grouped 5-fold cross-validation over ten values from 1e-4 to 1e4. Without calibration rows
/// it is the published variant length_controlled_noreg; with all difficulties 0 as well, length_controlled_minimal.
/// Derived in lesson 10.
/// </summary>
public static class LengthControlledWinRate
{
    /// <summary>The weight of one calibration row against a model's row: lambda = 0.2, shared by two gamed copies.</summary>
    public const double CalibrationWeight = 0.2 / 2;

    /// <summary>The folds of the cross-validation.</summary>
    public const int Folds = 5;

    /// <summary>The candidates for C: ten powers of ten, evenly spaced from -4 to 4.</summary>
    public static IReadOnlyList<double> Candidates { get; } = [.. Enumerable.Range(0, 10).Select(i => Math.Pow(10, -4 + (8 * i / 9.0)))];

    /// <summary>Fits the GLM and predicts the win rate without length gaps.</summary>
    /// <remarks>
    /// C is the published program's own choice (<c>LiblinearFit</c>); the coefficients are the optimum at that C, from which the
    /// program's differ by its solver's tolerance: about 0.01 points of the win rate with the usual calibration rows.
    /// </remarks>
    /// <param name="rows">The model's rows in the order of the instructions; those without a preference count in the prediction only.</param>
    /// <param name="calibration">The gamed copies' rows, first copy first; empty to do without.</param>
    /// <param name="c">C where it is known; null chooses it by cross-validation.</param>
    /// <exception cref="InputException">Too few judgements, or length gaps that cannot be standardised.</exception>
    public static LengthControlledFit Fit(IReadOnlyList<JudgedPair> rows, IReadOnlyList<CalibrationRow> calibration, double? c = null)
    {
        var judged = rows.Count(row => row.Preference is not null);
        if (judged < Folds)
        {
            throw new InputException($"a length-controlled win rate needs at least {Folds} judged instructions but there are {judged}; judge more of them.");
        }
        var gaps = StandardisedGaps(rows);
        var (features, labels, weights) = Design(rows, gaps, calibration);
        var scores = c is null ? CrossValidate(features, labels, weights) : [];
        var chosen = c ?? Candidates[Array.IndexOf(scores, scores.Max())];
        var beta = new L1Logistic(features, labels).Fit(weights, chosen);
        var coefficients = new GlmCoefficients(beta[0], beta.Length == 3 ? beta[1] : 0, beta[^1]);
        return new(Predict(coefficients, rows.Select(row => row.Difficulty)), coefficients, chosen, scores);
    }

    /// <summary>
    /// The 95 % interval of a fitted win rate, fit included: instructions are resampled with replacement and the GLM is refitted,
    /// at the largest candidate for C, because a strong penalty would hold the rate at 50 whatever the judge said. The published
    /// standard error holds the coefficients fixed and is much smaller.
    /// </summary>
    /// <param name="rows">As fitted.</param>
    /// <param name="calibration">As fitted; these rows stay as they are.</param>
    /// <param name="fit">The fit.</param>
    /// <param name="seed">Of the resampling; the same seed gives the same interval.</param>
    /// <param name="resamples">How many resamples are fitted.</param>
    public static MeanInterval Interval(
        IReadOnlyList<JudgedPair> rows, IReadOnlyList<CalibrationRow> calibration, LengthControlledFit fit, ulong seed = 0, int resamples = 500)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        var (features, labels, weights) = Design(rows, StandardisedGaps(rows), calibration);
        var logistic = new L1Logistic(features, labels);
        var random = new PhiloxStream(seed, "bootstrap-length-control");
        var (counts, rates) = (new int[rows.Count], new double[resamples]);
        for (var k = 0; k < resamples; k++)
        {
            Array.Clear(counts);
            foreach (var _ in rows)
            {
                counts[random.NextInt(rows.Count)]++;
            }
            var at = calibration.Count;
            foreach (var (row, count) in rows.Zip(counts).Where(pair => pair.First.Preference is not null))
            {
                weights[at++] = count;
            }
            var beta = logistic.Fit(weights, Candidates[^1]);
            rates[k] = 100 * rows.Zip(counts, (row, count) => count * LogMath.Sigmoid((beta.Length == 3 ? beta[1] * row.Difficulty : 0) + beta[^1])).Sum() / rows.Count;
        }
        var rate = fit.Controlled.Percent;
        return new(rate, Math.Min(rate, ArrayStatistics.QuantileInplace(rates, 0.025)), Math.Max(rate, ArrayStatistics.QuantileInplace(rates, 0.975)));
    }

    /// <summary>The win rate that coefficients predict for instructions if no answer were longer than the other.</summary>
    /// <param name="coefficients">Fitted or published ones.</param>
    /// <param name="difficulties">One per instruction; at least two.</param>
    public static WinRate Predict(GlmCoefficients coefficients, IEnumerable<double> difficulties) =>
        WinRate.Of([.. difficulties.Select(difficulty => LogMath.Sigmoid((coefficients.Difficulty * difficulty) + coefficients.Model))]);

    /// <summary>The raw win rate: the mean preference of the judged rows.</summary>
    /// <param name="rows">At least two of them judged.</param>
    public static WinRate Raw(IReadOnlyList<JudgedPair> rows) =>
        WinRate.Of([.. rows.Where(row => row.Preference is not null).Select(row => row.Preference!.Value)]);

    // Baseline minus model, not centred, over the sample standard deviation of all rows. Without any gap there is nothing to scale.
    internal static double[] StandardisedGaps(IReadOnlyList<JudgedPair> rows)
    {
        var gaps = rows.Select(row => row.BaselineLength - row.ModelLength).ToArray();
        var deviation = gaps.StandardDeviation();
        if (deviation == 0 && gaps[0] != 0)
        {
            throw new InputException(
                $"all {gaps.Length} answers differ from the baseline's by the same length ({gaps[0]:g6}), so the effect of length cannot be told from the model's; check the lengths.");
        }
        return deviation == 0 ? gaps : [.. gaps.Select(gap => gap / deviation)];
    }

    // Calibration rows first, as published; the cross-validation deals rows to folds by their place. Without any difficulty its
    // column is left out, so that liblinear's random order is that of the program without this term.
    internal static (double[] Features, double[] Labels, double[] Weights) Design(
        IReadOnlyList<JudgedPair> rows, double[] gaps, IReadOnlyList<CalibrationRow> calibration)
    {
        var (features, labels, weights) = (new List<double>(), new List<double>(), new List<double>());
        var withDifficulty = rows.Any(row => row.Difficulty != 0) || calibration.Any(row => row.Difficulty != 0);
        void Add(double gap, double difficulty, double model, double label, double weight)
        {
            features.AddRange(withDifficulty ? [Math.Tanh(gap), difficulty, model] : [Math.Tanh(gap), model]);
            labels.Add(label);
            weights.Add(weight);
        }
        foreach (var row in calibration)
        {
            Add(row.StandardisedGap, row.Difficulty, 0, row.Preference, CalibrationWeight);
        }
        foreach (var (row, gap) in rows.Zip(gaps))
        {
            if (row.Preference is { } preference)
            {
                Add(gap, row.Difficulty, 1, preference, 1);
            }
        }
        return ([.. features], [.. labels], [.. weights]);
    }

    // Each fold is predicted by a fit on the others; its score is the mean of weight x log-likelihood. The program's two copies
    // of a row (label 1 and label 0) lie in the same fold and score alike, so one copy gives the same mean.
    private static double[] CrossValidate(double[] features, double[] labels, double[] weights)
    {
        var scores = new double[Candidates.Count];
        var fold = GroupedFolds.Of(labels.Length, Folds);
        var width = features.Length / labels.Length;
        for (var held = 0; held < Folds; held++)
        {
            int[] test = [.. Rows(row => fold[row] == held)];
            int[] train = [.. Rows(row => fold[row] != held)];
            var trainFeatures = train.SelectMany(row => features[(row * width)..((row + 1) * width)]).ToArray();
            var (trainLabels, trainWeights) = (train.Select(row => labels[row]).ToArray(), train.Select(row => weights[row]).ToArray());
            for (var candidate = 0; candidate < scores.Length; candidate++)
            {
                var beta = LiblinearFit.Fit(trainFeatures, trainLabels, trainWeights, Candidates[candidate], candidate);
                scores[candidate] += test.Average(row => weights[row] * LogLikelihood(
                    labels[row], LogMath.Sigmoid(beta.Select((b, j) => b * features[(row * width) + j]).Sum())));
            }
        }
        return scores;

        IEnumerable<int> Rows(Func<int, bool> which) => Enumerable.Range(0, labels.Length).Where(which);
    }

    private static double LogLikelihood(double label, double p)
    {
        p = Math.Clamp(p, 1e-15, 1 - 1e-15);
        return (label * Math.Log(p)) + ((1 - label) * Math.Log(1 - p));
    }
}
