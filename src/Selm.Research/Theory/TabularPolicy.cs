using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Theory;

/// <summary>
/// A policy over finitely many prompts and responses, kept as log-probabilities: everything the paper writes as an
/// expectation is a sum of K terms here. Prompts are equally likely. Derived in lesson 03.
/// </summary>
[TypeFormatterSource(typeof(PolicyFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
public sealed class TabularPolicy
{
    private readonly double[][] logps;

    /// <summary>The policy pi(y|x) = softmax of the logits of x.</summary>
    /// <param name="logits">One row per prompt, all of the same length, in nats; finite.</param>
    /// <exception cref="ArgumentException">There is no prompt or no response, the rows differ in length, or a logit is not finite.</exception>
    public TabularPolicy(double[][] logits)
    {
        ArgumentNullException.ThrowIfNull(logits);
        if (logits.Length == 0 || logits[0].Length == 0)
        {
            throw new ArgumentException("a policy needs at least one prompt and one response", nameof(logits));
        }
        Responses = logits[0].Length;
        logps = new double[logits.Length][];
        for (var x = 0; x < logits.Length; x++)
        {
            if (logits[x].Length != Responses || !Array.TrueForAll(logits[x], double.IsFinite))
            {
                throw new ArgumentException($"prompt {x} needs {Responses} finite logits", nameof(logits));
            }
            logps[x] = new double[Responses];
            LogMath.LogSoftmax(logits[x], logps[x]);
        }
    }

    /// <summary>X, the number of prompts.</summary>
    public int Prompts => logps.Length;

    /// <summary>K, the number of responses to each prompt.</summary>
    public int Responses { get; }

    /// <summary>log pi(.|x), K numbers in nats.</summary>
    /// <param name="prompt">x, from 0.</param>
    public ReadOnlySpan<double> LogProbs(int prompt) => logps[prompt];

    /// <summary>log pi(y|x) in nats.</summary>
    /// <param name="prompt">x, from 0.</param>
    /// <param name="response">y, from 0.</param>
    public double LogProb(int prompt, int response) => logps[prompt][response];

    /// <summary>pi(y|x).</summary>
    /// <param name="prompt">x, from 0.</param>
    /// <param name="response">y, from 0.</param>
    public double Prob(int prompt, int response) => Math.Exp(logps[prompt][response]);

    /// <summary>The most probable response to a prompt, the first of equals.</summary>
    /// <param name="prompt">x, from 0.</param>
    public int Greedy(int prompt) => Array.IndexOf(logps[prompt], logps[prompt].Max());

    /// <summary>E_{y ~ pi(.|x)}[f(x, y)] of one prompt.</summary>
    /// <param name="prompt">x, from 0.</param>
    /// <param name="values">f(x, .), K numbers.</param>
    public double Expect(int prompt, ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        for (var y = 0; y < Responses; y++)
        {
            sum += Prob(prompt, y) * values[y];
        }
        return sum;
    }

    /// <summary>E_{x, y ~ pi(.|x)}[f(x, y)] over equally likely prompts.</summary>
    /// <param name="values">f as one row per prompt.</param>
    public double Expect(double[][] values) => Tables.Mean(Prompts, x => Expect(x, values[x]));

    /// <summary>KL(pi(.|x) || other(.|x)) of one prompt, in nats.</summary>
    /// <param name="other">The policy on the right.</param>
    /// <param name="prompt">x, from 0.</param>
    public double Kl(TabularPolicy other, int prompt)
    {
        var sum = 0.0;
        for (var y = 0; y < Responses; y++)
        {
            sum += Prob(prompt, y) * (LogProb(prompt, y) - other.LogProb(prompt, y));
        }
        return sum;
    }

    /// <summary>KL(pi || other) over equally likely prompts, in nats.</summary>
    /// <param name="other">The policy on the right.</param>
    public double Kl(TabularPolicy other) => Tables.Mean(Prompts, x => Kl(other, x));

    /// <summary>log Z(x) = log E_{y ~ pi}[exp(r(x, y)/beta)], one number per prompt.</summary>
    /// <param name="reward">r as one row per prompt.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public double[] LogPartition(double[][] reward, double beta) =>
        [.. Enumerable.Range(0, Prompts).Select(x => LogMath.LogSumExp(Tilted(x, reward[x], beta)))];

    /// <summary>The exponential tilt pi(y|x) exp(r(x, y)/beta) / Z(x), the solution of (2.3) with this policy as the reference.</summary>
    /// <param name="reward">r as one row per prompt.</param>
    /// <param name="beta">The KL coefficient, above 0; a negative one tilts towards low rewards.</param>
    public TabularPolicy Tilt(double[][] reward, double beta) =>
        new([.. Enumerable.Range(0, Prompts).Select(x => Tilted(x, reward[x], beta))]);

    /// <summary>r(x, y) = beta log(pi(y|x) / pi_ref(y|x)), the reward for which this policy solves (2.3): one row per prompt.</summary>
    /// <param name="reference">pi_ref.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public double[][] ImplicitReward(TabularPolicy reference, double beta) =>
        Tables.Of(Prompts, Responses, (x, y) => beta * (LogProb(x, y) - reference.LogProb(x, y)));

    /// <summary>A copy of the log-probabilities, one row per prompt; they are logits of the same policy.</summary>
    public double[][] ToLogits() => [.. logps.Select(row => row.ToArray())];

    /// <summary>A policy with independent normal logits.</summary>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="prompts">X, at least 1.</param>
    /// <param name="responses">K, at least 1.</param>
    /// <param name="spread">The standard deviation of a logit, in nats.</param>
    public static TabularPolicy Random(PhiloxStream random, int prompts, int responses, double spread) =>
        new(Tables.Of(prompts, responses, (_, _) => spread * random.NextGaussian()));

    private double[] Tilted(int prompt, double[] reward, double beta)
    {
        var tilted = new double[Responses];
        for (var y = 0; y < Responses; y++)
        {
            tilted[y] = logps[prompt][y] + reward[y] / beta;
        }
        return tilted;
    }
}
