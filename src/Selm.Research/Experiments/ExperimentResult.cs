using Selm.Research.Figures;

namespace Selm.Research.Experiments;

/// <summary>What an experiment hands over: everything that is printed, drawn and judged.</summary>
/// <param name="Name">The name `selm reproduce` knows it by.</param>
/// <param name="Tables">In the order of the report.</param>
/// <param name="Figures">In the order of the report.</param>
/// <param name="Claims">The claims it judges.</param>
public sealed record ExperimentResult(string Name, IReadOnlyList<ResultTable> Tables, IReadOnlyList<Figure> Figures, IReadOnlyList<ClaimRow> Claims);

/// <summary>One claim, judged at one scale.</summary>
/// <param name="Id">Its name in the list of claims.</param>
/// <param name="Statement">The claim in one sentence.</param>
/// <param name="Scale">exact, paper-numbers, lab, gpu or paper-scale.</param>
/// <param name="Measured">The statistic, positive in the claimed direction; null where there is none.</param>
/// <param name="Low">The lower end of its 95 % interval; null where there is none.</param>
/// <param name="High">The upper end of its 95 % interval; null where there is none.</param>
/// <param name="Detectable">The smallest true effect that would have been found with 80 % chance; null where that has no meaning.</param>
/// <param name="Verdict">One of the verdicts of the scale, by a rule written down before.</param>
/// <param name="Note">What a reader must know to weigh the verdict.</param>
public sealed record ClaimRow(
    string Id, string Statement, string Scale, double? Measured, double? Low, double? High, double? Detectable, string Verdict, string Note);
