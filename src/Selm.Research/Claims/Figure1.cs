using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 1 with numbers: reward models that fit the same comparisons about equally well, and the optimism bonus that picks the
/// one whose unexplored maximum is higher. Derived in lesson 04.
/// </summary>
public static class Figure1
{
    private const double BumpLow = 0.7;
    private const double BumpHigh = 0.9;
    private static readonly double[] alphas = [0, 0.01, 0.03, 0.1, 0.3];
    private static readonly double[] drawn = [0, 0.3]; // the two reward models of the title

    /// <summary>Fits every world with every weight of optimism.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds, seeds 1000, 1001, ....</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        var fits = Worlds.Each("figure1", worlds, jobs, progress, seed =>
        {
            var world = new Figure1World(seed);
            return alphas.Select(world.Fit).ToArray();
        });
        Row[] rows = [.. alphas.Select((alpha, k) => new Row(
            alpha,
            Worlds.Share(fits.Select(world => world[k].Query > Figure1World.ObservedUpTo ? 1.0 : 0)),
            Worlds.Share(fits.Select(world => world[k].Query is >= BumpLow and <= BumpHigh ? 1.0 : 0)),
            Worlds.Mean(fits.Select(world => world[k].FitLoss)),
            Worlds.Mean(fits.Select(world => world[k].FitLoss - world[0].FitLoss))))];
        return new ExperimentResult(
            "figure1",
            [Table(rows, worlds)],
            [Draw(rows, fits)],
            [
                rules["figure1-unexplored"].Paired([.. fits.Select(world => Outside(world[3]) - Outside(world[0]))]),
            ]);
    }

    private sealed record Row(double Alpha, MeanInterval Outside, MeanInterval OnBump, MeanInterval Loss, MeanInterval Dearer);

    private static double Outside(Figure1Fit fit) => fit.Query > Figure1World.ObservedUpTo ? 1 : 0;

    private static ResultTable Table(Row[] rows, int worlds) => new(
        "figure1", "Where the reward model is highest, by weight of optimism",
        [new("alpha"), new("y_u outside the observed zone"), new("y_u on the better bump"), new("fit loss", "nats", "0.0000"), new("fit loss minus that of alpha 0", "nats", "+0.0000;-0.0000")],
        [.. rows.Select(row => (IReadOnlyList<Cell>)
            [Cell.Text(Shown.Plain(row.Alpha)), row.Outside.ToShareCell(), row.OnBump.ToShareCell(), row.Loss.ToCell(), row.Dearer.ToCell()])])
    {
        Notes = [$"Shares and means over {worlds} worlds with 95 % intervals. Where y_u lands among unseen responses is decided by the basis of the reward model, not by r*: no comparison reaches there."],
    };

    private static Figure Draw(Row[] rows, Figure1Fit[][] fits)
    {
        // The first world whose query crosses to the better bump, else the first: an illustration, not a sample.
        var first = Array.FindIndex(fits, world => world[^1].Query is >= BumpLow and <= BumpHigh && world[0].Query <= Figure1World.ObservedUpTo);
        var (shown, crosses) = (Math.Max(0, first), first >= 0);
        var mean = Figure1World.Grid.Average(Figure1World.TrueReward);
        Figure1Fit Fit(double alpha) => fits[shown][Array.IndexOf(alphas, alpha)];
        return new Figure("figure1", "Two reward models fit the same data; optimism asks where nobody has looked",
        [
            new Panel(new Axis("response y"), new Axis("reward, centred", "nats"),
                [
                    new LineTrace("4 r*", Origin.Exact, Figure1World.Grid, [.. Figure1World.Grid.Select(y => 4 * (Figure1World.TrueReward(y) - mean))]) { Markers = false },
                    .. drawn.Select(alpha => new LineTrace($"alpha {Shown.Plain(alpha)}, fit loss {Numerals.Format(Fit(alpha).FitLoss, "0.000")}", Origin.Exact, Figure1World.Grid, Fit(alpha).Reward) { Markers = false }),
                ]) { Annotations = [new Region(0, Figure1World.ObservedUpTo, "observed", Vertical: true)], Height = 140 },
            new Panel(
                new Axis("alpha") { Categories = [.. alphas.Select(Shown.Plain)] }, new Axis("share of worlds") { Range = AxisRange.Share, Bounds = AxisRange.Share },
                [
                    Share("y_u outside the observed zone", row => row.Outside),
                    Share("y_u on the better bump", row => row.OnBump),
                ]) { Height = 110 },
        ])
        {
            Caption = $"Above: world {shown}, {(crosses ? "chosen because its query y_u, the response of the highest reward, crosses over" : "where the query y_u is the response of the highest reward")}; fit losses in nats. "
                + $"Below: {fits.Length} worlds, 95 % intervals. The basis of the reward model decides where an unseen maximum lies, not r*.",
        };

        BarTrace Share(string name, Func<Row, MeanInterval> of) => new(name, Origin.Measured, [.. rows.Select(row => of(row).Mean)])
        {
            Errors = new Band([.. rows.Select(row => of(row).Low)], [.. rows.Select(row => of(row).High)]),
        };
    }
}
