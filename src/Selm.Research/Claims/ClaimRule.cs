using System.Globalization;
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

    private const string CannotTell = "cannot tell here";

    /// <summary>The normal quantile behind the 95 % intervals of printed numbers: 1.96.</summary>
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

    /// <summary>Judges paired differences over seeds and prompts: seeds are the units, the prompts are averaged inside each.</summary>
    /// <param name="differences">[seeds, prompts], positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Paired(double[,] differences, string note = "") => Paired(PairedEstimate.PerUnit(differences), note);

    /// <summary>Judges one paired difference per seed or world, by <see cref="PairedEstimate"/>.</summary>
    /// <param name="perSeed">Positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Paired(double[] perSeed, string note = "") => Unknown(perSeed, note)
        ?? Judged(PairedEstimate.Of(perSeed), note, Rule == ClaimKind.Equivalence ? Equivalent : Directed) with { PerSeed = perSeed };

    /// <summary>
    /// Judges the steps of a sequence, each by one paired difference per seed. It holds where the 95 % interval of every step lies
    /// beyond d: by chance all of them do so less often than one, so that nothing is corrected. One of k steps beyond -d is the
    /// opposite, and any of the k may be that one by chance: it is held to the interval of level 1 - 0.05 / k. The row shows the
    /// step with the smallest mean.
    /// </summary>
    /// <param name="steps">[step][seed], positive in the claimed direction.</param>
    /// <param name="note">What a reader must know.</param>
    public ClaimRow Ordered(IReadOnlyList<double[]> steps, string note = "")
    {
        if (steps.Select(step => Unknown(step, note)).FirstOrDefault(row => row is not null) is { } unknown)
        {
            return unknown;
        }
        PairedEstimate[] found = [.. steps.Select(step => PairedEstimate.Of(step))];
        var worst = Array.IndexOf(found, found.MinBy(step => step.Mean));
        return Judged(found[worst], note, _ =>
            found.All(step => step.Interval().Low > D) ? "holds here"
            : found.Any(step => step.Interval(1 - (0.05 / found.Length)).High < -D) ? "opposite here"
            : CannotTell) with { PerSeed = steps[worst], P = null };
    }

    /// <summary>A row for a scale at which nothing was run.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="why">Why.</param>
    public ClaimRow NotRun(string scale, string why) => Row(scale) with { Verdict = "not run", Note = why };

    private ClaimRow? Unknown(double[] perSeed, string note) => perSeed.Length > 0 && !perSeed.Any(double.IsNaN) ? null : Row(MeasuredAt) with
    {
        N = perSeed.Length,
        PerSeed = perSeed,
        Verdict = CannotTell,
        Note = $"{perSeed.Count(double.IsNaN)} of {perSeed.Length} seeds have no number; {note}",
    };

    private ClaimRow Judged(PairedEstimate found, string note, Func<PairedEstimate, string> verdict)
    {
        var ends = found.Interval();
        var told = found.N < FewestSeeds || OnlyPreview ? $"preview (n = {found.N})" : verdict(found);
        return Row(MeasuredAt) with
        {
            N = found.N,
            Measured = found.Mean,
            Low = found.N < 2 ? null : ends.Low,
            High = found.N < 2 ? null : ends.High,
            Detectable = found.N < 2 ? null : found.Detectable,
            P = found.N < 2 || Rule != ClaimKind.Directional ? null : found.P(D),
            Verdict = told,
            Needed = told == CannotTell ? Needed(found) : "",
            Note = note,
        };
    }

    private string Directed(PairedEstimate found) => found.Interval() is var ends && ends.Low > D ? "holds here"
        : ends.High < -D ? "opposite here"
        : ends.Low >= -D && ends.High <= D ? $"no effect larger than {Shown.Plain(D)} here"
        : CannotTell;

    private string Equivalent(PairedEstimate found) => found.PInside(D) < 0.05 ? "holds here"
        : found.Interval() is var ends && (ends.Low > D || ends.High < -D) ? "opposite here"
        : CannotTell;

    // A fixed d is the honest effect to plan for: the measured one is as noisy as the verdict. Where d is 0 there is no other.
    private string Needed(PairedEstimate found)
    {
        var (needed, what) = Rule == ClaimKind.Equivalence
            ? (found.NeededInside(D), $"Showing that a true difference of 0 lies within d = {Shown.Plain(D)}")
            : D > 0 ? (found.Needed(D), $"Telling a true effect of d = {Shown.Plain(D)} from none")
            : (found.Needed(Math.Abs(found.Mean)), "Telling the measured effect from none, were it the true one,");
        return double.IsInfinity(needed) ? "No number of seeds tells an effect of 0 from none."
            : needed > found.N ? string.Create(CultureInfo.InvariantCulture, $"{what} with 80 % power takes n = {needed:0}.")
            : string.Create(CultureInfo.InvariantCulture, $"{what} with 80 % power takes n = {needed:0}, which is at hand: the measured effect is too near d.");
    }

    private ClaimRow Row(string scale) => new(Id, Where, Says, Experiment, scale, Statistic) { D = D, Family = Family };
}
