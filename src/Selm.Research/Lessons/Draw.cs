using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Random inputs of exercises about one prompt with a few responses, and sums over them.</summary>
internal static class Draw
{
    internal const int Responses = 5;

    internal static double[] Policy(PhiloxStream random, int responses = Responses)
    {
        var logits = new double[responses];
        for (var y = 0; y < responses; y++)
        {
            logits[y] = random.NextGaussian();
        }
        var z = logits.Sum(Math.Exp);
        return [.. logits.Select(logit => Math.Exp(logit) / z)];
    }

    internal static double[] Rewards(PhiloxStream random, int responses = Responses)
    {
        var rewards = new double[responses];
        for (var y = 0; y < responses; y++)
        {
            rewards[y] = random.NextGaussian();
        }
        return rewards;
    }

    internal static double Beta(PhiloxStream random) => 0.2 + random.NextDouble();

    internal static double Mean(double[] policy, double[] values) => policy.Zip(values, (p, value) => p * value).Sum();

    internal static double Kl(double[] left, double[] right) => left.Zip(right, (p, q) => p * Math.Log(p / q)).Sum();
}
