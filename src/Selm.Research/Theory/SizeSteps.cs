// How large the optimism term of (3.3) is beside the fit term, as a loss of three sequence log-probabilities, and the
// runaway that follows on a fixed batch (remark 9 of the kit). Weights are those of grad log pi in the direction of ascent.
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

internal static class SizeSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        Weights(steps, world);
        Balance(steps, world);
        TheRunaway(steps, world);
    }

    private static void Weights(StepList steps, FiniteWorld world)
    {
        var (alpha, beta) = (world.Alpha, world.Beta);
        var start = Slopes(world, 0);
        steps.Add("size at the start", Equations.Gradient, 6,
            "|weight of y| / |weight of y_w| = 2 alpha at margin 0", "sigma(0) = 1/2: alpha beta against beta/2",
            start[2] / -start[0], 2 * alpha);
        var example = world.Data[0];
        var margin = world.ImplicitReward[example.Prompt][example.Chosen] - world.ImplicitReward[example.Prompt][example.Rejected];
        var sigma = LogMath.Sigmoid(-margin);
        var slopes = Slopes(world, margin);
        // Where y is itself one of the two, its two slopes act on the same sequence.
        steps.Add("net weights", Equations.Gradient, 9,
            "y best: beta (sigma - alpha); y worst: -beta (sigma + alpha); y in the middle: -alpha beta", "one sequence then carries two terms",
            [-(slopes[0] + slopes[2]) / beta, -(slopes[1] + slopes[2]) / beta, -slopes[2] / (alpha * beta)],
            [sigma - alpha, -(sigma + alpha), -1]);
    }

    private static void Balance(StepList steps, FiniteWorld world)
    {
        var takeOver = new Runaway(world.Beta, world.Alpha).TakeOver;
        steps.Add("where optimism takes over", Equations.Gradient, 6,
            "sigma(-margin) = alpha at margin = ln(1/alpha - 1)", "found by bisection; beta and the length cancel",
            Bisect(margin => LogMath.Sigmoid(-margin) - world.Alpha), takeOver);
        var slopes = Slopes(world, takeOver);
        steps.Add("there y best stands still", Equations.Gradient, 6,
            "weight of y_w + weight of y = 0 at that margin, if y = y_w", "beta (sigma - alpha) = 0",
            (slopes[0] + slopes[2]) / world.Beta, 0);
    }

    private static void TheRunaway(StepList steps, FiniteWorld world)
    {
        var runaway = new Runaway(world.Beta, world.Alpha);
        // t at which the margin of the path, beta t, is 0.5, 1, 2 and 4 nats beyond the take-over.
        double[] times = [.. new[] { 0.5, 1, 2, 4 }.Select(beyond => Math.Max(1, (runaway.TakeOver + beyond) / world.Beta))];
        double[] pulls = [.. times.Select(t => Slopes(world, runaway.At(t).Margin)).Select(s => s[2] / -s[0])];
        steps.Add("who dominates in the end", Equations.Gradient, 6,
            "pull of the optimism term / pull of the DPO loss = alpha (1 + exp(margin))", "along log pi(y_w) = -t, log pi(y_l) = -2t of a fixed batch it grows without bound",
            pulls, [.. times.Select(t => world.Alpha * (1 + Math.Exp(world.Beta * t)))], remark: 9);
        steps.Add("the loss has no minimum", Equations.Gradient, 6,
            "L(2t) - L(t) = log[(1 + exp(-2 beta t))/(1 + exp(-beta t))] - 3 alpha beta t", "log pi(y) = -3t: the last term is linear",
            [.. times.Select(t => runaway.At(2 * t).Loss - runaway.At(t).Loss)],
            [.. times.Select(t => LogMath.Softplus(-2 * world.Beta * t) - LogMath.Softplus(-world.Beta * t) - 3 * world.Alpha * world.Beta * t)], remark: 9);
    }

    // d L_SELM / d log pi of (y_w, y_l, y), three separate sequences, at an implicit margin.
    private static double[] Slopes(FiniteWorld world, double margin) => ComplexStep.Gradient(
        logps => -ComplexStep.LogSigmoid(margin + world.Beta * (logps[0] - logps[1])) + world.Alpha * world.Beta * logps[2],
        [0, 0, 0]);

    private static double Bisect(Func<double, double> falling)
    {
        var (low, high) = (-1.0, 50.0);
        for (var halving = 0; halving < 100; halving++)
        {
            var middle = (low + high) / 2;
            (low, high) = falling(middle) > 0 ? (middle, high) : (low, middle);
        }
        return (low + high) / 2;
    }
}
