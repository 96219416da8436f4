// Every model against every other (the paper's Figure 2). What is notable: each pair is judged and fitted in both directions,
// so that antisymmetry is measured, not assumed.
using Selm.Research.Numerics;

namespace Selm.Research.Evaluation;

/// <summary>Pairwise win rates in points; row against column, the diagonal is 50.</summary>
/// <param name="Models">Names, in order of rows and columns.</param>
/// <param name="Raw">100 times the mean preference for the row's model, [models][models].</param>
/// <param name="Controlled">The same with length gaps explained away, [models][models].</param>
/// <param name="StandardErrors">Of <paramref name="Raw"/>.</param>
/// <param name="Prompts">Judged prompts of each pair.</param>
/// <param name="RawAsymmetry">The largest |w(i, j) + w(j, i) - 100| of the raw rates: the judge's own inconsistency.</param>
/// <param name="ControlledAsymmetry">The same of the length-controlled rates.</param>
public sealed record WinRateMatrix(
    IReadOnlyList<string> Models, double[][] Raw, double[][] Controlled, double[][] StandardErrors, int[][] Prompts, double RawAsymmetry, double ControlledAsymmetry)
{
    /// <summary>95 % intervals of <see cref="Controlled"/>, fits included, [models][models]; the diagonal has no width. Empty where none were asked for.</summary>
    public MeanInterval[][] ControlledIntervals { get; init; } = [];

    /// <summary>The 95 % interval of a raw win rate over its prompts, in points; the diagonal has no width.</summary>
    /// <param name="row">The model.</param>
    /// <param name="column">Its opponent.</param>
    public MeanInterval RawInterval(int row, int column) => row == column
        ? new(50, 50, 50)
        : new PairedEstimate(Prompts[row][column], Raw[row][column], StandardErrors[row][column]).Interval();

    /// <summary>Comparisons that the judge gave no preference for; they are left out.</summary>
    public int Missing { get; init; }

    /// <summary>Judges every ordered pair of models on the prompts that all of them answered.</summary>
    /// <param name="models">At least two sets of answers to one evaluation set, with different names.</param>
    /// <param name="judge">Who prefers; asked about each pair in both orders.</param>
    /// <param name="parallel">How many pairs of answers are judged at once.</param>
    /// <param name="progress">Is told about judged pairs.</param>
    /// <param name="resamples">Of the prompts, for <see cref="ControlledIntervals"/>, such as 500; 0 leaves the intervals out.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <exception cref="InputException">A name is there twice, or there are too few shared prompts or judgements.</exception>
    public static async Task<WinRateMatrix> OfAsync(
        IReadOnlyList<AlpacaOutputs> models, PairJudge judge, int parallel = 1, IProgress<Runs.StepProgress>? progress = null, int resamples = 0, CancellationToken cancellation = default)
    {
        if (models.Count < 2 || models.Select(model => model.Generator).Distinct().Count() < models.Count)
        {
            throw new InputException("A win-rate matrix needs at least two models with different names; give two files of answers or more.");
        }
        var shared = models.Select(model => model.Rows.Select(row => row.Instruction)).Aggregate((a, b) => a.Intersect(b)).ToHashSet();
        var cut = models.Select(model => model with { Rows = [.. models[0].Rows.Where(row => shared.Contains(row.Instruction)).Join(model.Rows, a => a.Instruction, b => b.Instruction, (_, b) => b)] }).ToList();
        var n = models.Count;
        var missing = 0;
        var (raw, controlled, errors, prompts, intervals) = (Square(n, 50.0), Square(n, 50.0), Square(n, 0.0), Square(n, 0), Square(n, new MeanInterval(50, 50, 50)));
        foreach (var (i, j) in from i in Enumerable.Range(0, n) from j in Enumerable.Range(0, n) where i != j select (i, j))
        {
            var pairs = cut[i].Against(cut[j]);
            JudgedPair[] rows = [.. pairs.Zip(await judge.JudgeAsync(pairs, parallel, progress, cancellation).ConfigureAwait(false), (pair, p) => new JudgedPair(Length(pair.First), Length(pair.Second), 0, p))];
            prompts[i][j] = rows.Count(row => row.Preference is not null);
            missing += rows.Length - prompts[i][j];
            if (prompts[i][j] < LengthControlledWinRate.Folds)
            {
                throw new InputException($"{models[i].Generator} and {models[j].Generator} share {prompts[i][j]} judged prompts, too few for a win rate; give answers to at least {LengthControlledWinRate.Folds} common instructions.");
            }
            var rate = LengthControlledWinRate.Raw(rows);
            (raw[i][j], errors[i][j]) = (rate.Percent, rate.StandardError);
            var fit = LengthControlledWinRate.Fit(rows, []);
            controlled[i][j] = fit.Controlled.Percent;
            if (resamples > 0)
            {
                intervals[i][j] = LengthControlledWinRate.Interval(rows, [], fit, resamples: resamples);
            }
        }
        return new([.. models.Select(model => model.Generator)], raw, controlled, errors, prompts, Asymmetry(raw), Asymmetry(controlled))
        {
            ControlledIntervals = resamples > 0 ? intervals : [],
            Missing = missing,
        };
    }

    /// <summary>The same by a judge that computes on this machine, such as a ranker; <see cref="OfAsync"/> is for one that waits for an endpoint.</summary>
    /// <inheritdoc cref="OfAsync"/>
    public static WinRateMatrix Of(IReadOnlyList<AlpacaOutputs> models, PairJudge judge, int resamples = 0) => OfAsync(models, judge, resamples: resamples).GetAwaiter().GetResult();

    /// <summary>The largest |w(i, j) + w(j, i) - 100|.</summary>
    public static double Asymmetry(double[][] matrix) => (
        from i in Enumerable.Range(0, matrix.Length)
        from j in Enumerable.Range(0, i)
        select Math.Abs(matrix[i][j] + matrix[j][i] - 100)).DefaultIfEmpty().Max();

    private static T[][] Square<T>(int n, T diagonal) => [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => i == j ? diagonal : default!).ToArray())];

    private static int Length(string text) => text.EnumerateRunes().Count();
}
