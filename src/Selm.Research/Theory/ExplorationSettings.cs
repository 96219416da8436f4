namespace Selm.Research.Theory;

/// <summary>How the parameters of a policy are shared between responses.</summary>
public enum Sharing
{
    /// <summary>One parameter per prompt and response: nothing that is learnt about one response is known about another.</summary>
    Tabular,

    /// <summary>40 weights: four words of slots a and b, shared by all prompts, and four words of slot c per prompt; rewards and logits add over slots.</summary>
    LogLinear,
}

/// <summary>The sizes of the online study; the defaults are those of the recorded runs.</summary>
public sealed record ExplorationSettings
{
    /// <summary>Words per slot; a response is three slots, so that K = 64.</summary>
    public const int Words = 4;

    /// <summary>Slots per response.</summary>
    public const int Slots = 3;

    /// <summary>K, the responses to a prompt.</summary>
    public const int Responses = Words * Words * Words;

    /// <summary>X, the number of prompts.</summary>
    public int Prompts { get; init; } = 8;

    /// <summary>T, the number of iterations.</summary>
    public int Iterations { get; init; } = 6;

    /// <summary>N, the prompts drawn with replacement in each iteration.</summary>
    public int PairsPerIteration { get; init; } = 32;

    /// <summary>The KL coefficient.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>sig0, the prior standard deviation of a response's reward.</summary>
    public double PriorDeviation { get; init; } = 2;

    /// <summary>Heavy-ball steps of each fit.</summary>
    public int Steps { get; init; } = 150;

    /// <summary>The momentum of the heavy ball.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Which parameters responses share.</summary>
    public Sharing Sharing { get; init; } = Sharing.LogLinear;

    /// <summary>The prior variance of one parameter: sig0^2, divided among the three slots when log-linear.</summary>
    public double PriorVariance => PriorDeviation * PriorDeviation / (Sharing == Sharing.LogLinear ? Slots : 1);

    /// <summary>The step length of a fit to n comparisons: 0.3 min(0.5, 2/(1/sig0^2 + c n)), c = 1.5/X tabular, 0.75 log-linear.</summary>
    /// <param name="comparisons">n.</param>
    public double StepLength(int comparisons) => 0.3 * Math.Min(
        0.5, 2 / (1 / (PriorDeviation * PriorDeviation) + comparisons * (Sharing == Sharing.LogLinear ? 0.75 : 1.5 / Prompts)));
}
