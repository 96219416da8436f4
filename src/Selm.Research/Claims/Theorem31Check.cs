using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;
using Theorem = Selm.Research.Theory.Theorem31;

namespace Selm.Research.Claims;

/// <summary>
/// The derivation as residuals, as printed and with its four errata repaired; Theorem 3.1 as printed, and its corollary; and
/// what the sentences after the theorem say about rewards, measured. Derived in lessons 05, 06 and 08.
/// </summary>
public static class Theorem31Check
{
    private const double Floor = 1e-17;
    private static readonly double[] escapes = [0, 1, 2, 4, 8, 16, 32];

    private static readonly (string Name, Func<BonusSlopes, double> Of)[] slopes =
    [
        ("r_rho/beta of a policy drawn by itself", world => world.Implicit),
        ("r*, of which neither policy knows", world => world.Blind),
        ("r*, towards which pi_ref is tilted", world => world.ReferenceKnows),
        ("r*, which ordered the pairs of pi_theta's DPO steps", world => world.PolicyKnows),
    ];

    /// <summary>Puts the numbers of every world into every step.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds.</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        var measured = Worlds.Each("theorem31", worlds, jobs, progress, seed => Measure(FiniteWorld.Random(seed)));
        Rung[] ladder = [.. measured[0].Printed.Steps.Select((step, i) => new Rung(
            step, measured[0].Repaired.Steps[i], measured.Max(world => world.Printed.Steps[i].Residual), measured.Max(world => world.Repaired.Steps[i].Residual)))];
        return new ExperimentResult(
            "theorem31",
            [LadderTable(ladder, worlds), TheoremTable(ladder), EscapeTable(measured), BonusTable(measured)],
            [Draw(ladder, measured)],
            [.. Claims(ladder, rules), .. Sentences(measured, rules)]);
    }

    /// <summary>The ladder of residuals without anything else: what <c>selm tour</c> prints.</summary>
    /// <param name="worlds">How many worlds, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ResultTable Ladder(int worlds) => Run(ClaimRules.Read(), worlds).Tables[0];

    /// <summary>The two sides of the display are E[log pi_t] on the way out, one pair of numbers per t.</summary>
    private sealed record Measured(Ladder Printed, Ladder Repaired, (double Minimiser, double Reference)[] Sides, double[] Line, BonusSlopes Slopes);

    /// <summary>One step in all worlds: its largest residual as printed and repaired.</summary>
    private sealed record Rung(Step Printed, Step Repaired, double AsPrinted, double AsRepaired)
    {
        public bool IsErratum => Repaired.Repair.Length > 0;

        public string Verdict =>
            !(AsRepaired <= Repaired.Tolerance) ? "does not hold"
            : Repaired.Remark > 0 ? $"remark {Repaired.Remark} of the kit"
            : AsPrinted > Printed.Tolerance ? "does not hold as printed; holds as repaired" : "holds as printed";
    }

    private static Measured Measure(FiniteWorld world)
    {
        var reference = world.Reference;
        double[][] Probabilities(TabularPolicy policy) => Tables.Map(policy.ToLogits(), Math.Exp);
        var (minimiser, own) = (Probabilities(Theorem.ClosedForm(world.Other, reference, world.Beta)), Probabilities(reference));
        return new Measured(
            Theory.Ladder.Of(world, Edition.Printed), Theory.Ladder.Of(world, Edition.Repaired),
            [.. escapes.Select(t => Theorem.Escape(reference, t)).Select(theta => (Theorem.LogLikelihood(minimiser, theta), Theorem.LogLikelihood(own, theta)))],
            [.. escapes.Select(t => ExactObjectives.ReferenceLogLikelihood(reference, reference) - t * Tables.Mean(world.Prompts, x => reference.Prob(x, reference.Greedy(x))))],
            BonusStep.Slopes(world));
    }

    private static ResultTable LadderTable(Rung[] ladder, int worlds) => new(
        "theorem31", "The ladder of residuals, as printed and repaired",
        [new("step"), new("equation"), new("version 3"), new("lesson", Format: "0"), new("printed", Format: "0.0e+00"), new("repaired", Format: "0.0e+00"), new("tolerance", Format: "0e+00"), new("what the repair is"), new("verdict")],
        [.. ladder.Select(rung => (IReadOnlyList<Cell>)
            [
                Cell.Text(rung.Printed.Name), Cell.Text(rung.Printed.Equation), Cell.Text(rung.Printed.Version3), rung.Printed.Lesson,
                rung.AsPrinted, rung.AsRepaired, rung.Repaired.Tolerance, Cell.Text(rung.Repaired.Repair), Cell.Text(rung.Verdict),
            ])])
    {
        Notes = [$"Largest residual over {worlds} random worlds of 3 prompts and 12 responses, |left - right| / max(1, |left|, |right|). A residual above 1e-12 is no rounding (1e-5 where a side is a finite difference)."],
    };

    private static ResultTable TheoremTable(Rung[] ladder) => new(
        "theorem31-theorem", "(3.4), Theorem 3.1 (5.1 in version 3) and its corollary, step by step",
        [new("step"), new("formula"), new("largest residual", Format: "0.0e+00")],
        [.. ladder.Where(rung => rung.Repaired.Lesson == 8).Select(rung => (IReadOnlyList<Cell>)[Cell.Text(rung.Repaired.Name), Cell.Text(rung.Repaired.Formula), rung.AsRepaired])]);

    private static ResultTable EscapeTable(Measured[] measured) => new(
        "theorem31-limit", "The theorem's two sides before their minimum is taken: one function of theta, which falls without end",
        [new("t, logit of the likeliest response lowered by", "nats", "0"), new("E_{pi_rho^min}[log pi_t]", "nats", "0.000"), new("E_ref[log pi_t]", "nats", "0.000"), new("largest difference", Format: "0.0e+00")],
        [.. escapes.Select((t, k) => (IReadOnlyList<Cell>)
            [t, measured.Average(world => world.Sides[k].Minimiser), Worlds.Mean(measured.Select(world => world.Sides[k].Reference)).ToCell(), measured.Max(world => Math.Abs(world.Sides[k].Minimiser - world.Sides[k].Reference))])])
    {
        Notes = ["The display holds at every theta. Over an unrestricted class both of its minima are -infinity; over a bounded one they exist and agree."],
    };

    private static ResultTable BonusTable(Measured[] measured) => new(
        "theorem31-bonus", "What one step of the exact bonus does to responses of low reward",
        [new("change of log pi(y) regressed on", Format: ""), new("slope", Format: "+0.0000;-0.0000"), new("share of worlds above 0")],
        [.. slopes.Select(slope => (IReadOnlyList<Cell>)
            [Cell.Text(slope.Name), Worlds.Mean(measured.Select(world => slope.Of(world.Slopes))).ToCell(), Worlds.Mean(measured.Select(world => slope.Of(world.Slopes) > 0 ? 1.0 : 0)).ToShareCell()])])
    {
        Notes =
        [
            "Per unit of step (rate times alpha beta) and of reward, with an intercept per prompt; means over worlds with 95 % intervals. Above 0: responses of low reward lose more than those of high reward.",
            "The step moves logits along pi_theta - pi_ref, in which r* does not occur. It follows what pi_theta has learned about r*, and goes against what pi_ref knows.",
        ],
    };

    private static Figure Draw(Rung[] ladder, Measured[] measured)
    {
        Rung[] errata = [.. ladder.Where(rung => rung.IsErratum)];
        double[] places = [.. errata.Select((_, i) => (double)i)];
        double[] Floored(Func<Rung, double> residual) => [.. errata.Select(rung => Math.Max(Floor, residual(rung)))];
        return new Figure("theorem31", "Equations as printed and repaired, and the two sides of Theorem 3.1",
        [
            new Panel(
                new Axis("largest residual over all worlds") { Log = true, Range = new AxisRange(Floor / 3, 30) },
                new Axis("step with an erratum") { Categories = [.. errata.Select(rung => Label(rung.Printed))] },
                [
                    new ScatterTrace("as printed", Origin.Exact, Floored(rung => rung.AsPrinted), places),
                    new ScatterTrace("repaired", Origin.Exact, Floored(rung => rung.AsRepaired), places),
                ]) { Height = 26 * errata.Length, Annotations = [new Rule(Step.Exact, "rounding ends", Vertical: true), new Rule(Step.FiniteDifference, "finite differences end", Vertical: true)] },
            new Panel(
                new Axis("t, logit of the likeliest response lowered by", "nats"), new Axis("E[log pi_t]", "nats"),
                [
                    new LineTrace("both sides of the display", Origin.Exact, escapes, [.. escapes.Select((_, k) => measured.Average(world => world.Sides[k].Reference))]),
                    new LineTrace("what they run along", Origin.Exact, escapes, [.. escapes.Select((_, k) => measured.Average(world => world.Line[k]))]) { Markers = false },
                ]) { Height = 110 },
        ])
        {
            Caption = $"Above: the {errata.Length} of {ladder.Length} steps with an erratum; the others are the paper's equations as printed or remarks of the kit. Residuals of 0 are drawn at 1e-17. "
                + "Below: Theorem 3.1 holds at every theta, and over an unrestricted class neither of its two equal sides has a minimum.",
        };
    }

    // A step's name says little without its place in the paper.
    private static string Label(Step step) => step.Equation.StartsWith('(') ? $"{step.Name} {step.Equation}" : $"{step.Name} ({step.Equation})";

    private static IEnumerable<ClaimRow> Claims(Rung[] ladder, ClaimRules rules)
    {
        Rung[] Named(params string[] names) => [.. names.Select(name => ladder.Single(rung => rung.Repaired.Name == name))];
        double Largest(Rung[] rungs) => rungs.Max(rung => rung.AsRepaired);
        ClaimRow Exact(string id, params string[] names) => rules[id].Exact(Largest(Named(names)), Step.Exact);
        ClaimRow Remark(string id, string note, Rung[] rungs) => rules[id].Remark(Largest(rungs), Step.Exact, note);

        Rung[] clean = [.. ladder.Where(rung => !rung.IsErratum && rung.Repaired.Remark == 0)];
        yield return rules["derivation"].Exact(Largest(clean), Step.Exact, note: $"{clean.Length} steps, the kit's own consequences among them");
        foreach (var rung in ladder.Where(rung => rung.IsErratum))
        {
            var differences = rung.Repaired.Tolerance > Step.Exact;
            var id = differences ? "derivation-finite-differences" : $"derivation-{rung.Repaired.Repair.Replace(' ', '-')}";
            yield return rules[id].Exact(
                rung.AsRepaired, rung.Repaired.Tolerance, rung.AsPrinted,
                $"{rung.Repaired.Repair}; as printed {Shown.Residual(rung.AsPrinted)}: {rung.Printed.Formula}{(differences ? "; a finite difference, tolerance 1e-5" : "")}");
        }
        yield return Remark("derivation-remark-9", "on one fixed batch, for every alpha above 0; the sentence is about feedback that accumulates", [.. ladder.Where(rung => rung.Repaired.Remark == 9)]);
        yield return Remark("derivation-remark-10", "(3.1) does not see c(x), (1.1) pays for it", [.. ladder.Where(rung => rung.Repaired.Remark == 10)]);
        yield return Exact("section31-deterministic", "(1.1) over policies", "the inner policy is deterministic");
        yield return Exact("section31-step-size", "a pair's direction", "a pair's step size") with { Note = "pair by pair; the weights of a batch change with pi_ref, and its sum turns" };
        yield return Exact("section31-direction", "the bonus sets a direction", "softmax form");
        yield return Exact("theorem31-minimiser", "the minimiser, found numerically", "its normaliser", "it is the reference");
        yield return Exact("theorem31-display", "the display, at every theta", "the display, minimiser found numerically", "the display over a bounded class");
        yield return Remark("theorem31-unbounded", "over an unrestricted class; -infinity on both sides", Named("both sides have no minimum"));
        yield return Exact("theorem31-corollary", "corollary: the lowest regularised reward") with { Note = "with the KL term of (3.4), as the proof has it" };
        yield return Remark("theorem31-not-without-kl", "the policy on the response of the lowest r_rho has less", Named("not without the KL term"));
    }

    private static IEnumerable<ClaimRow> Sentences(Measured[] measured, ClaimRules rules)
    {
        ClaimRow Judged(string id, Func<BonusSlopes, double> of) =>
            rules[id].Paired([.. measured.Select(world => of(world.Slopes))], $"above 0 in {measured.Count(world => of(world.Slopes) > 0)} of {measured.Length} worlds");
        yield return Judged("theorem31-any-rho", world => world.Implicit);
        yield return Judged("theorem31-low-reward", world => world.Blind);
        yield return Judged("theorem31-low-reward-after-dpo", world => world.PolicyKnows);
    }
}
