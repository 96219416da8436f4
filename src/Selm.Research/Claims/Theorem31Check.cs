using Selm.Research.Figures;
using Selm.Research.Runs;
using Selm.Research.Theory;
using Theorem = Selm.Research.Theory.Theorem31;

namespace Selm.Research.Claims;

/// <summary>
/// The derivation as residuals, as printed and with its errata repaired, and Theorem 3.1 with numbers: what it says holds for
/// every policy, by a minimiser that does not know the closed form, and says nothing about where the bonus leads. Derived in lesson 08.
/// </summary>
public static class Theorem31Check
{
    private const double Floor = 1e-17;
    private static readonly double[] escapes = [0, 1, 2, 4, 8, 16, 32];

    /// <summary>Puts the numbers of every world into every step.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds, seeds 0, 1, ....</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        var measured = Worlds.Each("theorem31", worlds, jobs, progress, seed => Measure(FiniteWorld.Random(seed)));
        Rung[] ladder = [.. measured[0].Printed.Steps.Select((step, i) => new Rung(
            step, measured[0].Repaired.Steps[i],
            measured.Min(world => world.Printed.Steps[i].Residual), measured.Max(world => world.Printed.Steps[i].Residual),
            measured.Max(world => world.Repaired.Steps[i].Residual)))];
        return new ExperimentResult(
            "theorem31",
            [LadderTable(ladder, worlds), TheoremTable(measured), EscapeTable(measured)],
            [Draw(ladder, measured)],
            [.. Claims(ladder, measured, rules)]);
    }

    /// <summary>The ladder of residuals in the worlds of seeds 0, 1, ..., without anything else: what <c>selm tour</c> prints.</summary>
    /// <param name="worlds">How many worlds, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ResultTable Ladder(int worlds) => Run(ClaimRules.Read(), worlds).Tables[0];

    private sealed record Measured(Ladder Printed, Ladder Repaired, double ClosedForm, double Numerical, double LogZ, double Identity, double[] Bonus, double[] Slope);

    /// <summary>One step in all worlds: the range of its residual as printed, the largest one repaired.</summary>
    private sealed record Rung(Step Printed, Step Repaired, double Least, double AsPrinted, double AsRepaired)
    {
        public bool Holds => AsRepaired <= Repaired.Tolerance;
    }

    private static Measured Measure(FiniteWorld world)
    {
        var (reference, rho, beta) = (world.Reference, world.Other, world.Beta);
        var closed = Theorem.ClosedForm(rho, reference, beta);
        var numerical = Theorem.Numerical(rho, reference, beta);
        var reward = rho.ImplicitReward(reference, beta);
        var (apart, found, logZ, identity) = (0.0, 0.0, 0.0, 0.0);
        var value = Theorem.Regularised(numerical, rho, reference, beta);
        for (var x = 0; x < world.Prompts; x++)
        {
            var z = 0.0;
            for (var y = 0; y < world.Responses; y++)
            {
                apart = Math.Max(apart, Math.Abs(closed.Prob(x, y) - reference.Prob(x, y)));
                found = Math.Max(found, Math.Abs(numerical[x][y] - reference.Prob(x, y)));
                z += rho.Prob(x, y) * Math.Exp(-reward[x][y] / beta);
            }
            (logZ, identity) = (Math.Max(logZ, Math.Abs(Math.Log(z))), Math.Max(identity, Math.Abs(value[x])));
        }
        var paths = escapes.Select(t => Theorem.Escape(reference, t).ImplicitReward(reference, beta)).ToArray();
        double Mean(Func<int, double> ofPrompt) => Enumerable.Range(0, world.Prompts).Average(ofPrompt);
        return new Measured(
            Theory.Ladder.Of(world, Edition.Printed), Theory.Ladder.Of(world, Edition.Repaired), apart, found, logZ, identity,
            [.. paths.Select(path => Mean(x => reference.Expect(x, path[x])))],
            [.. escapes.Select(t => Mean(x => -beta * t * reference.Prob(x, reference.Greedy(x))))]);
    }

    private static ResultTable LadderTable(Rung[] ladder, int worlds) => new(
        "theorem31", "The ladder of residuals, as printed and repaired",
        [new("step"), new("equation"), new("version 3"), new("lesson", Format: "0"), new("printed", Format: "0.0e+00"), new("repaired", Format: "0.0e+00"), new("what the repair is"), new("verdict")],
        [.. ladder.Select(rung => (IReadOnlyList<Cell>)
            [
                Cell.Text(rung.Printed.Name), Cell.Text(rung.Printed.Equation), Cell.Text(rung.Printed.Version3), rung.Printed.Lesson,
                rung.AsPrinted, rung.AsRepaired, Cell.Text(rung.Repaired.Repair), Cell.Text(Verdict(rung)),
            ])])
    {
        Notes = [$"Largest residual over {worlds} random worlds of 3 prompts and 12 responses, |left - right| / max(1, |left|, |right|). A residual above 1e-12 is no rounding (1e-5 where a side is a finite difference)."],
    };

    private static string Verdict(Rung rung) => !rung.Holds ? "does not hold" : rung.AsPrinted > rung.Printed.Tolerance ? "holds after repair" : "holds";

    private static ResultTable TheoremTable(Measured[] measured) => new(
        "theorem31-theorem", "Theorem 3.1 (5.1 in version 3) with numbers",
        [new("what"), new("largest deviation", Format: "0.0e+00")],
        [
            [Cell.Text("closed form pi_rho exp(-r_rho/beta)/Z from pi_ref, in probability"), measured.Max(world => world.ClosedForm)],
            [Cell.Text("minimiser of (3.4) found by descent from pi_ref, in probability"), measured.Max(world => world.Numerical)],
            [Cell.Text("|log Z|"), measured.Max(world => world.LogZ)],
            [Cell.Text("|E_pi[r_rho] + beta KL(pi || pi_rho)| at the minimum, from 0"), measured.Max(world => world.Identity)],
        ]);

    private static ResultTable EscapeTable(Measured[] measured) => new(
        "theorem31-limit", "What the theorem does not say: both of its sides fall without end",
        [new("log-odds taken from the greedy response", "nats", "0"), new("E_ref[r_rho]", Format: "0.000"), new("-beta t pi_ref(y)", Format: "0.000")],
        [.. escapes.Select((t, k) => (IReadOnlyList<Cell>)[t, Worlds.Mean(measured.Select(world => world.Bonus[k])).ToCell(), measured.Average(world => world.Slope[k])])])
    {
        Notes =
        [
            "rho leaves the greedy response of the reference; the theorem's equality holds at every t, and there is no best t: the maximised bonus -alpha E_ref[r_rho] has no maximum.",
            "Without its KL term the left side is no minimum at all: see the step \"the lowest implicit reward\" of the ladder.",
        ],
    };

    private static Figure Draw(Rung[] ladder, Measured[] measured)
    {
        Rung[] errata = [.. ladder.Where(rung => rung.Repaired.Repair.Length > 0)];
        double[] places = [.. errata.Select((_, i) => (double)i)];
        double[] Floored(Func<Rung, double> residual) => [.. errata.Select(rung => Math.Max(Floor, residual(rung)))];
        double[] bonus = [.. escapes.Select((_, k) => measured.Average(world => world.Bonus[k]))];
        return new Figure("theorem31", "Equations as printed and repaired, and what Theorem 3.1 leaves open",
        [
            new Panel(
                new Axis("largest residual over all worlds") { Log = true, Range = new AxisRange(Floor / 3, 30) },
                new Axis("step with an erratum") { Categories = [.. errata.Select(rung => Label(rung.Printed))] },
                [
                    new ScatterTrace("as printed", Origin.Exact, Floored(rung => rung.AsPrinted), places),
                    new ScatterTrace("repaired", Origin.Exact, Floored(rung => rung.AsRepaired), places),
                ]) { Height = 26 * errata.Length, Annotations = [new Rule(Step.Exact, "rounding ends", Vertical: true)] },
            new Panel(
                new Axis("t, log-odds taken from the greedy response y", "nats"), new Axis("reward"),
                [
                    new LineTrace("E_ref[r_rho]: both sides of Theorem 3.1", Origin.Exact, escapes, bonus),
                    new LineTrace("what it runs along: -beta t pi_ref(y)", Origin.Exact, escapes, [.. escapes.Select((_, k) => measured.Average(world => world.Slope[k]))]) { Markers = false },
                ]) { Height = 110 },
        ])
        {
            Caption = $"Above: the {errata.Length} of {ladder.Length} steps with an erratum; every other step holds as printed. Residuals of 0 are drawn at 1e-17. "
                + "Below: Theorem 3.1 is true for every policy, and its two equal sides have no minimum: they fall with t.",
        };
    }

    // A step's name says little without its place in the paper.
    private static string Label(Step step) => step.Equation.StartsWith('(') ? $"{step.Name} {step.Equation}" : $"{step.Name} ({step.Equation})";

    private static IEnumerable<ClaimRow> Claims(Rung[] ladder, Measured[] measured, ClaimRules rules)
    {
        var clean = ladder.Where(rung => rung.Repaired.Repair.Length == 0).ToArray();
        var exact = clean.Where(rung => rung.Printed.Tolerance == Step.Exact).ToArray();
        yield return rules["derivation"].Exact(exact.Max(rung => rung.AsPrinted), Step.Exact, note: $"{exact.Length} steps");
        foreach (var rung in ladder.Where(rung => rung.Repaired.Repair.Length > 0))
        {
            var erratum = rung.Repaired.Repair.StartsWith("erratum", StringComparison.Ordinal);
            yield return rules[erratum ? $"derivation-{rung.Repaired.Repair.Replace(' ', '-')}" : "derivation-lowest-reward"].Exact(
                rung.AsRepaired, rung.Printed.Tolerance, rung.AsPrinted, $"{rung.Repaired.Repair}: {rung.Printed.Formula}");
        }
        var largest = measured.Max(world => world.ClosedForm);
        yield return rules["theorem31"].Exact(largest, Step.Exact);
    }
}
