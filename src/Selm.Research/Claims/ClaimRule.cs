using MathNet.Numerics.Distributions;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using YamlDotNet.Serialization;

namespace Selm.Research.Claims;

/// <summary>How a claim is judged.</summary>
public enum ClaimKind
{
    /// <summary>An equation: its residual against a tolerance.</summary>
    Exact,

    /// <summary>Printed numbers against their own noise.</summary>
    Printed,

    /// <summary>A difference whose 95 % interval must lie beyond d in the claimed direction.</summary>
    Directional,

    /// <summary>A difference whose 90 % interval must lie inside ±d.</summary>
    Equivalence,

    /// <summary>Every step of a sequence must lie beyond d in the claimed direction; the smallest step is shown.</summary>
    Ordering,
}

/// <summary>Whose sentence a claim judges.</summary>
public enum ClaimEdition
{
    /// <summary>The paper's first edition.</summary>
    First,

    /// <summary>A later edition of the paper.</summary>
    Later,

    /// <summary>A machine-written summary of the paper.</summary>
    Summary,

    /// <summary>The kit's own question about a sentence of the paper.</summary>
    Kit,
}

/// <summary>Whether a rule was committed before or after its result was seen.</summary>
public enum ClaimWritten
{
    /// <summary>Before the seeds or worlds that it is applied to were run.</summary>
    Before,

    /// <summary>After.</summary>
    After,
}

/// <summary>
/// One testable sentence and the rule that judges it, as data/claims.yaml has it. <see cref="Written"/> says whether the rule is older than
/// its result and <see cref="Pilot"/> what was known by then.
/// </summary>
public sealed record ClaimRule
{
    /// <summary>With fewer seeds or worlds than this a verdict is only a preview.</summary>
    public const int FewestSeeds = 10;

    /// <summary>Bootstrap resamples behind every interval of a claim.</summary>
    public const int Resamples = 2_000;

    /// <summary>The normal quantile behind every 95 % interval: 1.96.</summary>
    internal static readonly double Normal975 = Normal.InvCDF(0, 1, 0.975);

    /// <summary>Its name: lower-case letters, digits, dots and hyphens.</summary>
    public required string Id { get; init; }

    /// <summary>Where the paper says it; both numberings where they differ.</summary>
    public required string Where { get; init; }

    /// <summary>The claim in our words, neither wider nor narrower than the sentence.</summary>
    public required string Says { get; init; }

    /// <summary>At most six consecutive words of the sentence; for a question of the kit, of the sentence that it bears on.</summary>
    public string Key { get; init; } = "";

    /// <summary>Whose sentence it is.</summary>
    public ClaimEdition Edition { get; init; }

    /// <summary>Whether the rule is older than the result.</summary>
    public ClaimWritten Written { get; init; } = ClaimWritten.After;

    /// <summary>The experiment that measures it, by the name that <c>selm reproduce</c> knows.</summary>
    public required string Experiment { get; init; }

    /// <summary>What is measured, in words; positive in the claimed direction.</summary>
    public required string Statistic { get; init; }

    /// <summary>How it is judged.</summary>
    public required ClaimKind Rule { get; init; }

    /// <summary>Scales at which it is to be judged: exact, paper-numbers, lab, gpu, paper-scale.</summary>
    public required IReadOnlyList<string> Scales { get; init; }

    /// <summary>The smallest effect of interest d, in the unit of the statistic; for an equivalence its margin.</summary>
    public double D { get; init; }

    /// <summary>Claims of one family are corrected together by Holm's method; empty: not corrected.</summary>
    public string Family { get; init; } = "";

    /// <summary>Whether the rule was committed before its result was seen, or after; of mathematics after.</summary>
    public string Written { get; init; } = "";

    /// <summary>What was known when the rule was written.</summary>
    public required string Pilot { get; init; }

    /// <summary>The scale of what is measured: lab or gpu.</summary>
    [YamlIgnore]
    public string MeasuredAt { get; init; } = "lab";

    /// <summary>Whether too little is trained to judge anything, however many seeds there are.</summary>
    [YamlIgnore]
    public bool OnlyPreview { get; init; }

    /// <summary>Judges an equation.</summary>
    /// <param name="residual">The largest residual; of an equation with a slip, of the repaired one.</param>
    /// <param name="tolerance">The residual that rounding, or a finite difference, explains.</param>
    /// <param name="printed">The largest residual of the equation as it is printed; null where that is the same equation.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Exact(double residual, double tolerance, double? printed = null, string note = "") => Row("exact") with
    {
        Measured = residual,
        Verdict = !(residual <= tolerance) ? "does not hold"
            : printed > tolerance ? "does not hold as printed; holds as repaired"
            : "holds as printed",
        Note = note,
    };

    /// <summary>Judges an equation that the kit adds to what the paper says.</summary>
    /// <param name="residual">The largest residual.</param>
    /// <param name="tolerance">The residual that rounding explains.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Remark(double residual, double tolerance, string note) => Row("exact") with
    {
        Measured = residual,
        Verdict = residual <= tolerance ? "remark of the kit" : "does not hold",
        Note = note,
    };

    /// <summary>
    /// Judges printed numbers by their own noise. Each difference has the 95 % interval of 1.96 of its standard errors; a claim about
    /// several is a claim about every one. supported: all intervals lie above 0; contradicted: an interval lies below 0, which excludes
    /// the claim; else inside noise. The row shows the worst difference, the one that lies lowest in units of its error.
    /// </summary>
    /// <param name="differences">Positive in the claimed direction, with their standard errors; an error of null is neither known nor assumed, and such a difference settles nothing.</param>
    /// <param name="note">What a reader must know.</param>
    /// <exception cref="ArgumentException">There is no difference, one is no number, or an error is not above 0.</exception>
    public ClaimRow Printed(IReadOnlyList<(double Difference, double? Error)> differences, string note)
    {
        if (differences.Count == 0 || differences.Any(one => double.IsNaN(one.Difference) || one.Error is not (null or > 0)))
        {
            throw new ArgumentException($"{Id} needs numbers with errors above 0.", nameof(differences));
        }
        var (difference, error) = differences.MinBy(one => one.Error is { } known ? one.Difference / known : 0);
        var (low, high) = (difference - (Normal975 * error), difference + (Normal975 * error));
        return Row("paper-numbers") with
        {
            Measured = difference,
            Low = low,
            High = high,
            Detectable = error is { } standard ? Statistics.MinimumDetectableDifference(1, standard) : null,
            Verdict = low > 0 ? "supported" : high < 0 ? "contradicted" : "inside noise",
            Note = note,
        };
    }

    /// <summary>Judges paired differences over seeds and prompts, both resampled together.</summary>
    /// <param name="differences">[seeds, prompts], positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Paired(double[,] differences, string note = "")
    {
        var (seeds, prompts) = (differences.GetLength(0), differences.GetLength(1));
        double[] perSeed = [.. Enumerable.Range(0, seeds).Select(s => Enumerable.Range(0, prompts).Average(p => differences[s, p]))];
        return Judge(perSeed, level => Statistics.PairedBootstrap(differences, seed: 0, Resamples, level), note);
    }

    /// <summary>Judges one paired difference per seed or world.</summary>
    /// <param name="perSeed">Positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Paired(double[] perSeed, string note = "") => Judge(perSeed, level => Bootstrap.MeanOf(perSeed, seed: 0, Resamples, level), note);

    /// <summary>Judges the steps of a sequence, each by one paired difference per seed.</summary>
    /// <param name="steps">[step][seed], positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Ordered(IReadOnlyList<double[]> steps, string note = "")
    {
        if (steps.FirstOrDefault(step => step.Length == 0 || step.Any(double.IsNaN)) is { } unknown)
        {
            return Paired(unknown, note);
        }
        var intervals = steps.Select(step => Widened(Bootstrap.MeanOf(step, seed: 0, Resamples), step.Length)).ToArray();
        var worst = Array.IndexOf(intervals, intervals.MinBy(interval => interval.Mean));
        var preview = Paired(steps[worst], note);
        return preview.Verdict.StartsWith("preview", StringComparison.Ordinal) ? preview : preview with
        {
            P = null,
            Verdict = intervals.All(step => step.Low > D) ? "holds here" : intervals.Any(step => step.High < -D) ? "opposite here" : "cannot tell here",
        };
    }

    /// <summary>Judges a mean whose interval is known but not the values behind it, as of a point of a recorded curve.</summary>
    /// <param name="ends">Mean and 95 % interval as every other claim has them, positive in the claimed direction.</param>
    /// <param name="seeds">Seeds or worlds behind it.</param>
    /// <param name="note">What a reader must know.</param>
    /// <exception cref="InvalidOperationException">The rule is not directional: it needs more than one interval.</exception>
    public ClaimRow Interval(MeanInterval ends, int seeds, string note = "") => Rule == ClaimKind.Directional
        ? Judged(ends, seeds, note, () => Directed(ends))
        : throw new InvalidOperationException($"{Id} is judged by more than a 95 % interval.");

    /// <summary>A row for a scale at which nothing was run.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="why">Why.</param>
    public ClaimRow NotRun(string scale, string why) => Row(scale) with { Verdict = "not run", Note = why };

    private ClaimRow Judge(double[] perSeed, Func<double, MeanInterval> interval, string note)
    {
        var n = perSeed.Length;
        if (perSeed.Any(double.IsNaN) || n == 0)
        {
            return Row(MeasuredAt) with { PerSeed = perSeed, Verdict = "cannot tell here", Note = $"{perSeed.Count(double.IsNaN)} of {n} seeds have no number; {note}" };
        }
        var ends = Widened(interval(0.95), n);
        return Judged(ends, n, note, () => Rule == ClaimKind.Equivalence ? Equivalent(Widened(interval(0.90), n), ends) : Directed(ends)) with { PerSeed = perSeed };
    }

    private ClaimRow Judged(MeanInterval ends, int n, string note, Func<string> verdict)
    {
        var error = (ends.High - ends.Low) / 2 / Normal975;
        return Row(MeasuredAt) with
        {
            Measured = ends.Mean,
            Low = ends.Low,
            High = ends.High,
            Detectable = n < 2 ? null : Statistics.MinimumDetectableDifference(1, error),
            P = n < 2 || Rule != ClaimKind.Directional ? null : PValue(ends.Mean, error),
            Verdict = n < FewestSeeds || OnlyPreview ? $"preview (n = {n})" : verdict(),
            Note = note,
        };
    }

    private string Directed(MeanInterval ends) =>
        ends.Low > D ? "holds here"
        : ends.High < -D ? "opposite here"
        : ends.Low >= -D && ends.High <= D ? $"no effect larger than {Shown.Plain(D)} here"
        : "cannot tell here";

    private string Equivalent(MeanInterval narrow, MeanInterval ends) =>
        narrow.Low > -D && narrow.High < D ? "holds here"
        : ends.Low > D || ends.High < -D ? "opposite here"
        : "cannot tell here";

    // Two-sided, of the hypothesis that the effect is not beyond d on the side where the mean lies.
    private double PValue(double mean, double error)
    {
        var beyond = Math.Abs(mean) - D;
        return beyond <= 0 ? 1 : error > 0 ? 2 * Normal.CDF(0, 1, -beyond / error) : 0;
    }

    /// <summary>A bootstrap of n seeds is too narrow by sqrt((n - 1) / n) and takes the normal's tail for Student's: both are put right here.</summary>
    internal static MeanInterval Widened(MeanInterval interval, int n)
    {
        var factor = Widening(n);
        return n < 2 ? interval : new(interval.Mean, interval.Mean - ((interval.Mean - interval.Low) * factor), interval.Mean + ((interval.High - interval.Mean) * factor));
    }

    /// <summary>The same for the mean of shares: a bootstrap's ends lie between 0 and 1, and so do the widened ones because they are widened in log-odds.</summary>
    internal static MeanInterval WidenedShare(MeanInterval interval, int n) => n < 2 ? interval : UnitInterval.Stretched(interval, Widening(n));

    private static double Widening(int n) => n < 2 ? 1 : Math.Sqrt(n / (n - 1.0)) * StudentT.InvCDF(0, 1, n - 1, 0.975) / Normal975;

    private ClaimRow Row(string scale) => new(Id, Where, Says, Experiment, scale, Statistic) { D = D, Family = Family };
}
