// Lesson 16: SELM's siblings, and what explains a gain.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 16, siblings and the map.</summary>
public static class Exercises16
{
    /// <summary>16.1: the XPO loss of one example that has the same gradient as SELM's.</summary>
    /// <param name="answer">(log-ratio of y_w, log-ratio of y_l, log pi(y), beta, SELM's alpha) to XPO's loss.</param>
    public static ExerciseResult Xpo(Func<double, double, double, double, double, double>? answer) => Exercise.Judge("16.1", answer, (f, random) =>
    {
        var (chosen, rejected, logp) = (random.NextGaussian(), random.NextGaussian(), -5 - (4 * random.NextDouble()));
        var (beta, alpha) = (Draw.Beta(random), 0.01 + (0.1 * random.NextDouble()));
        var fit = LogMath.Softplus(-beta * (chosen - rejected));
        return new Trial(f(chosen, rejected, logp, beta, alpha), fit + (alpha * beta * logp),
            ("XPO's own alpha has no beta beside it: for the same gradient it must be SELM's alpha times beta", fit + (alpha * logp)),
            ("the sign: optimism pushes y down, and a loss is minimised", fit - (alpha * beta * logp)),
            ("that is the fit alone; the optimism term is missing", fit),
            ("beta is missing in the margin", LogMath.Softplus(rejected - chosen) + (alpha * beta * logp)));
    });

    /// <summary>16.2: the SPPO loss of one pair.</summary>
    /// <param name="answer">(log-ratio of y_w, log-ratio of y_l, win probability of y_w, of y_l, eta) to the loss.</param>
    public static ExerciseResult Sppo(Func<double, double, double, double, double, double>? answer) => Exercise.Judge("16.2", answer, (f, random) =>
    {
        var (chosen, rejected, wins, losses) = (random.NextGaussian(), random.NextGaussian(), 0.5 + (0.5 * random.NextDouble()), 0.5 * random.NextDouble());
        var eta = 2 + (5 * random.NextDouble());
        double Loss(double one, double other) => (one * one) + (other * other);
        return new Trial(f(chosen, rejected, wins, losses, eta), Loss(chosen - (eta * (wins - 0.5)), rejected - (eta * (losses - 0.5))),
            ("a response that wins half of the time stays where it is: subtract 1/2 from the probability", Loss(chosen - (eta * wins), rejected - (eta * losses))),
            ("eta multiplies the target; a large eta moves the policy far", Loss(chosen - ((wins - 0.5) / eta), rejected - ((losses - 0.5) / eta))),
            ("both responses have a target of their own, the rejected one too", Math.Pow(chosen - (eta * (wins - 0.5)), 2)),
            ("that is the mean of the two squares; the loss is their sum", Loss(chosen - (eta * (wins - 0.5)), rejected - (eta * (losses - 0.5))) / 2),
            ("the loss is squared, so that overshooting the target costs as much", Math.Abs(chosen - (eta * (wins - 0.5))) + Math.Abs(rejected - (eta * (losses - 0.5)))));
    });

    /// <summary>16.3: the query of Thompson sampling.</summary>
    /// <param name="answer">(reward of every response [member][response], the member that was drawn) to the response that is asked about.</param>
    public static ExerciseResult Thompson(Func<double[][], int, int>? answer) => Exercise.Judge("16.3", answer, (f, random) =>
    {
        double[][] members = [.. Enumerable.Range(0, 6).Select(_ => Draw.Rewards(random, 8))];
        var drawn = random.NextInt(members.Length);
        static int Best(double[] values) => Array.IndexOf(values, values.Max());
        double[] OverMembers(Func<IEnumerable<double>, double> of) => [.. members[0].Select((_, y) => of(members.Select(member => member[y])))];
        return new Trial(f([.. members.Select(member => member.ToArray())], drawn), Best(members[drawn]),
            ("that is the best response on average, a greedy query: the drawn member decides alone", Best(OverMembers(values => values.Average()))),
            ("that is the most optimistic member; the drawn one decides", Best(OverMembers(values => values.Max()))),
            ("that is the response on which members differ most; the drawn member's best one is asked about", Best(OverMembers(values => values.Max() - values.Min()))),
            ("that is its reward; return its index", members[drawn].Max()));
    });

    /// <summary>16.4: the share of SELM's gain over iterative DPO that its queries explain.</summary>
    /// <param name="answer">(gap of iterative DPO, of SELM, of the swap that has SELM's loss and DPO's queries) to the share.</param>
    public static ExerciseResult Queries(Func<double, double, double, double>? answer) => Exercise.Judge("16.4", answer, (f, random) =>
    {
        var plain = 1.5 + random.NextDouble();
        var selm = plain - 0.2 - (0.5 * random.NextDouble());
        var swap = selm + ((plain - selm) * random.NextDouble());
        var gain = plain - selm;
        return new Trial(f(plain, selm, swap), (swap - selm) / gain,
            ("that is the share of the loss: the swap has SELM's loss, what it lacks are SELM's queries", (plain - swap) / gain),
            ("divide by SELM's whole gain over iterative DPO", swap - selm),
            ("the gain is a difference of gaps: divide by DPO's gap minus SELM's", (swap - selm) / plain),
            ("the sign: a smaller gap is better", (selm - swap) / gain));
    });
}
