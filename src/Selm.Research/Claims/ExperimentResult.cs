using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Claims;

/// <summary>What an experiment hands over: everything that is printed, drawn and judged.</summary>
/// <param name="Name">The name `selm reproduce` knows it by.</param>
/// <param name="Tables">In the order of the report.</param>
/// <param name="Figures">In the order of the report.</param>
/// <param name="Claims">The claims it judges.</param>
public sealed record ExperimentResult(string Name, IReadOnlyList<ResultTable> Tables, IReadOnlyList<Figure> Figures, IReadOnlyList<ClaimRow> Claims);

/// <summary>One claim of data/claims.yaml, judged at one scale.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Where">Where the paper says it.</param>
/// <param name="Says">The claim in one sentence.</param>
/// <param name="Experiment">What measured it.</param>
/// <param name="Scale">exact, paper-numbers, lab, gpu or paper-scale.</param>
/// <param name="Statistic">What was measured, in words.</param>
[TypeFormatterSource(typeof(ClaimFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
public sealed record ClaimRow(string Id, string Where, string Says, string Experiment, string Scale, string Statistic)
{
    /// <summary>The statistic, positive in the claimed direction, or the largest residual; null where there is none.</summary>
    public double? Measured { get; init; }

    /// <summary>The lower end of its 95 % interval; null where there is none.</summary>
    public double? Low { get; init; }

    /// <summary>The upper end of its 95 % interval; null where there is none.</summary>
    public double? High { get; init; }

    /// <summary>How many seeds, worlds or prompts are behind it; null where it is not a mean over any.</summary>
    public int? N { get; init; }

    /// <summary>The smallest true effect that would have been found with 80 % chance; null where that has no meaning.</summary>
    public double? Detectable { get; init; }

    /// <summary>The smallest effect of interest, or the margin of an equivalence.</summary>
    public double D { get; init; }

    /// <summary>The statistic of every seed or world, in their order.</summary>
    public IReadOnlyList<double> PerSeed { get; init; } = [];

    /// <summary>Two-sided p-value of an effect beyond d, after Holm's correction within the family; null where not tested.</summary>
    public double? P { get; init; }

    /// <summary>Claims that are corrected together; empty for none.</summary>
    public string Family { get; init; } = "";

    /// <summary>One of the verdicts of the scale, by the rule.</summary>
    public string Verdict { get; init; } = "";

    /// <summary>The table it stands in: one of <see cref="ClaimsTable.Groups"/>; empty before <see cref="ClaimRules.Table"/> has put it there.</summary>
    public string Group { get; init; } = "";

    /// <summary>How many seeds, worlds or prompts a verdict would take, where it is "cannot tell here"; shown before the note.</summary>
    public string Needed { get; init; } = "";

    /// <summary>What a reader must know to weigh the verdict.</summary>
    public string Note { get; init; } = "";
}
