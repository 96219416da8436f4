// Algorithm 1 line 4, and what the kit remarks about Algorithm 2 and about the work of a third sequence.
namespace Selm.Research.Theory;

internal static class AlgorithmSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        Line4(steps, world);
        MovingReference(steps, world);
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
        steps.Add("two rounds, the reference fixed", Equations.Algorithm2, 16,
            "beta log(pi_2/pi_ref) = r, differences from y_0", "the proof's policies tilt one fixed pi_ref",
            Tables.Flat(TwoRounds(world, fitted)), Differences(world.Reward, 1), remark: 5);
        steps.Add("two rounds, the reference moved", Equations.Algorithm2, 16,
            "beta log(pi_2/pi_ref) = 2r, differences from y_0", "Algorithm 2 as printed moves it: the second round tilts what is tilted already",
            Tables.Flat(TwoRounds(world, again)), Differences(world.Reward, 2), remark: 5);
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
            "training work / DPO's = 1 + P(y in the middle)/2", "a third sequence is trained whenever y ranks in the middle",
            work, [.. middle.Select(m => 1 + m / 2)], remark: 8);
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

    private static double[] Differences(double[][] reward, double times) => Tables.Flat([.. reward.Select(row => row.Select(r => times * (r - row[0])).ToArray())]);

    private static double[][] TwoRounds(FiniteWorld world, TabularPolicy second)
    {
        var implied = second.ImplicitReward(world.Reference, world.Beta);
        return [.. implied.Select(row => row.Select(r => r - row[0]).ToArray())];
    }
}
