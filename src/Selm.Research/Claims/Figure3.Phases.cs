// Figure 3 right says that SELM explores first: answers that are new, of many forms and of varying quality, and then fewer of
// them. And appendix C chooses alpha by the external reward, the ranker's own.
using MathNet.Numerics.Statistics;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class Figure3
{
    private const int First = 1, Last = 3; // the first online iteration and the last
    private static readonly Weight[] phased = [none, winning, large];

    private static readonly (string Name, string Format, Func<LabCellResult, int, double> Of)[] phases =
    [
        ("novelty", "0.000", (result, k) => result.Iterations[k].Novelty), ("forms", "0.0", (result, k) => result.After(k).Spread),
        ("standard deviation of r*", "0.000", (result, k) => Quality(result.After(k))),
    ];

    private static double Quality(LabCellEvaluation policy) => policy.Rewards.StandardDeviation();

    private static ResultTable Phases(Series[] all) => new(
        "figure3-phases", "Exploration first? Greedy test answers by iteration",
        [
            new("ranker"), .. Scales, new("iteration", Format: "0"),
            .. phases.SelectMany(phase => new[] { new Column(phase.Name, Format: phase.Format), new Column($"{phase.Name} minus alpha 0", Format: phase.Format.Replace("0.", "+0.", StringComparison.Ordinal) + ";-" + phase.Format) }),
            new("seeds", Format: "0"),
        ],
        [.. all.SelectMany(series => phased.Select(series.At).Where(point => point.Results.Count > 0).SelectMany(point =>
            Enumerable.Range(0, point.Results.Min(result => result.Iterations.Count)).Select(k => (IReadOnlyList<Cell>)
            [
                Cell.Text(series.Name), .. point.Alphas, k,
                .. phases.SelectMany(phase => new[]
                {
                    point.Results.Mean(result => phase.Of(result, k)).ToCell(),
                    point.Weight == none ? Cell.Empty : LabMeasures.Mean(Beside(point, series.At(none), result => phase.Of(result, k))).ToCell(),
                }),
                point.Results.Count,
            ])))])
    {
        Notes =
        [
            "Novelty: share of greedy test answers whose text is neither among the responses that the cell has trained on so far (chosen, rejected, y) nor among the greedy test answers of its earlier policies. Forms: distinct answers where the topic and what is true of it are masked.",
            "Differences from alpha 0 are paired by seed. Iteration 0 is DPO on the offline pairs, the same for every alpha.",
        ],
    };

    // One number per seed that both finished: the first's minus the other's.
    private static IEnumerable<double> Beside(Point point, Point other, Func<LabCellResult, double> measure) =>
        from mine in point.Results
        join its in other.Results on mine.Spec.Seed equals its.Spec.Seed
        select measure(mine) - measure(its);

    private static Figure PhaseFigure(Series[] all, string runs) => new(
        "figure3-phases", "Figure 3 right: does SELM explore first?",
        [
            .. phases.Take(2).SelectMany(phase => all.Select(series => new Panel(
                new Axis("iteration"), new Axis(phase.Name),
                [.. phased.Select(series.At).Where(point => point.Results.Count > 0).Select(point =>
                {
                    var count = point.Results.Min(result => result.Iterations.Count);
                    return LabCharts.Line(point.Label, [.. Enumerable.Range(0, count).Select(k => (double)k)], [.. Enumerable.Range(0, count).Select(k => point.Results.Mean(result => phase.Of(result, k)))]);
                })]) { Title = series.Name, Height = 120 })).Where(panel => panel.Traces.Count > 0),
        ])
    {
        Columns = 2,
        Caption = $"Above: share of greedy test answers that the cell has met nowhere before. Below: distinct forms of the {LabLanguage.Standard.Split.Test.Count} answers. Alphas on the paper's scale. {runs}",
    };

    /// <summary>Which alpha of the paper's search has the highest external reward.</summary>
    private static ResultTable ByExternalReward(LabCellResult[][] seeds) => new(
        "figure3-external", "The choice of alpha by external reward",
        [new("alpha, paper's scale"), new("external reward", Format: "0.000"), new("r*"), new("best of the grid, seeds", Format: "0"), new("seeds", Format: "0")],
        [.. searched.Select((alpha, at) => (IReadOnlyList<Cell>)
            [
                Cell.Text(Shown.Plain(alpha)), LabMeasures.Mean(seeds.Select(seed => seed[at].Iterations[^1].ExternalReward)).ToCell(),
                LabMeasures.Mean(seeds.Select(seed => seed[at].Last!.MeanReward)).ToCell(),
                seeds.Count(seed => seed.MaxBy(result => result.Iterations[^1].ExternalReward) == seed[at]), seeds.Length,
            ])])
    {
        Notes = ["Appendix C searches alpha over 0.005, 0.001, 0.0005 and 0.0001 and takes the one with the highest average external reward on held-out prompts. External: the mean score that the learned ranker, who labels here, gives the greedy test answers after the last iteration, on its own scale. Over the seeds that all four finished."],
    };

    private static readonly double[] searched = [0.005, 0.001, 0.0005, 0.0001];

    // The results of the search, [seed][alpha].
    private static LabCellResult[][] Searched(LabRecords records)
    {
        var finished = searched.Select(alpha => records.Of(records.Study.Selm(alpha)).ToDictionary(result => result.Spec.Seed)).ToArray();
        return [.. finished[0].Keys.Order().Where(seed => finished.All(cell => cell.ContainsKey(seed))).Select(seed => finished.Select(cell => cell[seed]).ToArray())];
    }

    private static IEnumerable<ClaimRow> PhaseClaims(LabRecords records, ClaimRules rules)
    {
        var (selm, dpo) = (winning.Cell(records.Study, LabJudge.Model), none.Cell(records.Study, LabJudge.Model));
        var (both, own) = (Lost(records, LabJudge.Model, winning, none), Lost(records, LabJudge.Model, winning));
        yield return rules["figure3-exploration-novelty"].Paired(records.Differences(selm, dpo, result => result.Iterations[First].Novelty), both);
        yield return rules["figure3-exploration-forms"].Paired(records.Differences(selm, dpo, result => result.After(First).Spread), both);
        yield return rules["figure3-exploration-fades"].Paired(records.Each(selm, result => result.Iterations[First].Novelty - result.Iterations[Last].Novelty), own);
        yield return rules["figure3-exploration-quality"].Paired(records.Each(selm, result => Quality(result.After(First)) - Quality(result.After(Last))), own);
        var seeds = Searched(records);
        static double Reward(LabCellResult[] seed, double alpha) => seed[Array.IndexOf(searched, alpha)].Iterations[^1].ExternalReward;
        yield return rules["figure3-alpha-by-external-reward"].Ordered(
            [.. searched.Where(alpha => alpha != LabStudy.Alpha).Select(alpha => seeds.Select(seed => Reward(seed, LabStudy.Alpha) - Reward(seed, alpha)).ToArray())],
            Lost(records, LabJudge.Model, searched.Select(alpha => new Weight(alpha))));
    }
}
