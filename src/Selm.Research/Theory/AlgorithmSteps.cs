// Algorithms 1 and 2 and section 5: errata that are about what is run rather than about a formula.
namespace Selm.Research.Theory;

internal static class AlgorithmSteps
{
    /// <summary>Pairs of the training set, appendix C: 61,135.</summary>
    private const int Pairs = 61_135;

    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        Line4(steps, world);
        MovingReference(steps, world);
        Recipe(steps);
        Overhead(steps, world);
    }

    private static void Line4(StepList steps, FiniteWorld world)
    {
        var (policy, reference, data, beta, alpha) = (world.Policy, world.Reference, world.Data, world.Beta, world.Alpha);
        var selm = ExactObjectives.SelmExactGradient(policy, reference, data, beta, alpha);
        var ascent = Flat((x, y) => -selm[x][y] / beta);
        var dpo = ExactObjectives.DpoGradient(policy, reference, data, beta);
        steps.Add("line 4", Equations.Algorithm1, 9,
            "the loop must climb (3.2), which has -L_DPO and alpha beta", "erratum 4",
            ("argmax L_DPO - alpha E[log pi] climbs (3.2)", ascent, Flat((x, y) => (dpo[x][y] - alpha * Optimism(x, y)) / beta)),
            ("argmax -L_DPO - alpha beta E[log pi] climbs (3.2)", ascent, Flat((x, y) => (-dpo[x][y] - alpha * beta * Optimism(x, y)) / beta)));

        double Optimism(int x, int y) => (reference.Prob(x, y) - policy.Prob(x, y)) / world.Prompts;

        double[] Flat(Func<int, int, double> f) => Tables.Flat(Tables.Of(world.Prompts, world.Responses, f));
    }

    private static void MovingReference(StepList steps, FiniteWorld world)
    {
        var fitted = world.Reference.Tilt(world.Reward, world.Beta);
        var again = fitted.Tilt(world.Reward, world.Beta);
        var implied = Tables.Flat(TwoRounds(world, world.Reference.Tilt(world.Reward, world.Beta)));
        steps.Add("two rounds on one reward", Equations.Algorithm2, 16,
            "the proof's policies tilt one fixed pi_ref; moving it each round doubles the tilt by the second", "erratum 5",
            ("r(y) - r(y_0) = beta log(pi_2/pi_ref), differences from y_0, reference moved", Differences(world.Reward), Tables.Flat(TwoRounds(world, again))),
            ("r(y) - r(y_0) = beta log(pi_2/pi_ref), differences from y_0, reference fixed", Differences(world.Reward), implied));
    }

    private static void Recipe(StepList steps)
    {
        steps.Add("portions of the Zephyr recipe", Equations.Section5, 9,
            "the Zephyr recipe spends a first portion on plain DPO", "erratum 6",
            ("15,283 pairs = floor(61,135 / 3)", [15_283], [Pairs / 3]),
            ("15,283 pairs = floor(61,135 / 4)", [15_283], [Pairs / 4]));
        steps.Add("portions of the Llama-3 recipe", Equations.Section5, 9,
            "20,378 pairs = floor(61,135 / 3)", "three direct iterations", 20_378, Pairs / 3);
        double[] plotted = [0.01, 0.001, 0.0005, 0.0001];
        steps.Add("grid of alpha", Equations.Section5, 13,
            "the text's grid is not the one that Figure 3 plots", "erratum 7",
            ("log10 of the plotted alpha = log10 {0.005, 0.001, 0.0005, 0.0001}", Logs(plotted), Logs([0.005, 0.001, 0.0005, 0.0001])),
            ("log10 of the plotted alpha = log10 {0.01, 0.001, 0.0005, 0.0001} (and 0)", Logs(plotted), Logs([0.01, 0.001, 0.0005, 0.0001])));

        static double[] Logs(double[] values) => [.. values.Select(Math.Log10)];
    }

    private static void Overhead(StepList steps, FiniteWorld world)
    {
        var (work, middle) = (new double[world.Data.Count], new double[world.Data.Count]);
        for (var i = 0; i < work.Length; i++)
        {
            var (x, chosen, rejected, y) = world.Data[i];
            var same = y == chosen || y == rejected;
            work[i] = same ? 1 : TrainedSequences(world.Reward[x], y, chosen, rejected) / 2;
            middle[i] = same ? 0 : MiddleProbability(world.Reward[x], y, chosen, rejected);
        }
        steps.Add("overhead", Equations.Section5, 9,
            "a third sequence is trained whenever y ranks in the middle", "erratum 8",
            ("training work / DPO's = 1 (almost no overhead)", work, [.. middle.Select(_ => 1.0)]),
            ("training work / DPO's = 1 + P(y in the middle)/2", work, [.. middle.Select(m => 1 + m / 2)]));
    }

    // The expected number of distinct sequences over the six Plackett-Luce orders of three responses.
    private static double TrainedSequences(double[] reward, int y, int chosen, int rejected)
    {
        int[] all = [y, chosen, rejected];
        var expected = 0.0;
        foreach (var first in all)
        {
            foreach (var last in all.Where(k => k != first))
            {
                var second = all.Single(k => k != first && k != last);
                var order = Math.Exp(reward[first]) / all.Sum(k => Math.Exp(reward[k]))
                    * Math.Exp(reward[second]) / (Math.Exp(reward[second]) + Math.Exp(reward[last]));
                expected += order * (second == y ? 3 : 2);
            }
        }
        return expected;
    }

    // P(y second) = sum over the winner a of P(a first) P(y before the other one).
    private static double MiddleProbability(double[] reward, int y, int a, int b)
    {
        var total = Math.Exp(reward[y]) + Math.Exp(reward[a]) + Math.Exp(reward[b]);
        return Math.Exp(reward[a]) / total * BradleyTerry.Probability(reward, y, b)
            + Math.Exp(reward[b]) / total * BradleyTerry.Probability(reward, y, a);
    }

    private static double[] Differences(double[][] reward) => Tables.Flat([.. reward.Select(row => row.Select(r => r - row[0]).ToArray())]);

    private static double[][] TwoRounds(FiniteWorld world, TabularPolicy second)
    {
        var implied = second.ImplicitReward(world.Reference, world.Beta);
        return [.. implied.Select(row => row.Select(r => r - row[0]).ToArray())];
    }
}
