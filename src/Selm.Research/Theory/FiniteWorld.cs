using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>
/// Everything a step of the derivation needs, small enough to enumerate: a reference, two policies, a reward, a shift per
/// prompt and labelled comparisons. LAB's theory checks use X = 3, K = 12, beta = 0.1 and logits 1.5 N(0, 1).
/// </summary>
/// <param name="Reference">pi_ref.</param>
/// <param name="Policy">pi_theta, anything but pi_ref.</param>
/// <param name="Other">pi_rho of Theorem 3.1, and the competitor wherever a maximum is checked.</param>
/// <param name="Reward">r as one row per prompt: an explicit reward model, in no gauge.</param>
/// <param name="Shift">c(x), one number per prompt: what preferences cannot see.</param>
/// <param name="Data">Comparisons that never name the last response of a prompt; y is greedy under pi_ref.</param>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="Alpha">The weight of optimism, in (0, 1/2).</param>
public sealed record FiniteWorld(
    TabularPolicy Reference, TabularPolicy Policy, TabularPolicy Other, double[][] Reward, double[] Shift,
    IReadOnlyList<Comparison> Data, double Beta, double Alpha)
{
    /// <summary>X.</summary>
    public int Prompts => Reference.Prompts;

    /// <summary>K.</summary>
    public int Responses => Reference.Responses;

    /// <summary>r(x, y) + c(x), one row per prompt.</summary>
    public double[][] ShiftedReward => Tables.Of(Prompts, Responses, (x, y) => Reward[x][y] + Shift[x]);

    /// <summary>r_theta = beta log(pi_theta/pi_ref), one row per prompt.</summary>
    public double[][] ImplicitReward => Policy.ImplicitReward(Reference, Beta);

    /// <summary>A random world.</summary>
    /// <param name="seed">The seed; the same one gives the same world.</param>
    /// <param name="prompts">X, at least 1.</param>
    /// <param name="responses">K, at least 3: two to compare and one that nobody has seen.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <param name="alpha">The weight of optimism, in (0, 1/2).</param>
    /// <param name="spread">The standard deviation of the policies' logits, in nats.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    public static FiniteWorld Random(
        ulong seed, int prompts = 3, int responses = 12, double beta = 0.1, double alpha = 0.1, double spread = 1.5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(prompts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(responses, 3);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(beta, 0);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(alpha, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(alpha, 0.5);
        var random = new PhiloxStream(seed, "theory/world");
        var reference = TabularPolicy.Random(random, prompts, responses, spread);
        var policy = TabularPolicy.Random(random, prompts, responses, spread);
        var other = TabularPolicy.Random(random, prompts, responses, spread);
        var reward = Tables.Of(prompts, responses, (_, _) => random.NextGaussian());
        var shift = Tables.Of(1, prompts, (_, _) => 1 + random.NextDouble())[0];
        var data = new List<Comparison>();
        for (var i = 0; i < 4 * prompts; i++)
        {
            var x = i % prompts;
            var chosen = random.NextInt(responses - 1);
            var rejected = (chosen + 1 + random.NextInt(responses - 2)) % (responses - 1);
            data.Add(new Comparison(x, chosen, rejected, reference.Greedy(x)));
        }
        return new FiniteWorld(reference, policy, other, reward, shift, data, beta, alpha);
    }
}
