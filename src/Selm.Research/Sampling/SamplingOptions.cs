using System.Globalization;

namespace Selm.Research.Sampling;

/// <summary>How the next token is chosen. The defaults decode greedily; every other default switches its filter off.</summary>
/// <param name="Temperature">Divides the scores, >= 0; 0 takes the best token and ignores top-k, top-p and min-p.</param>
/// <param name="TopK">Keeps the k best scores and their ties, >= 0; 0 keeps all.</param>
/// <param name="TopP">Keeps the best scores that hold this much probability together, in (0, 1]; 1 keeps all.</param>
/// <param name="MinP">Drops tokens below this fraction of the best token's probability, in [0, 1]; 0 keeps all.</param>
/// <param name="RepetitionPenalty">Shrinks the scores of tokens already in the prompt or the answer, > 0; 1 leaves them.</param>
/// <param name="MaxNewTokens">The longest answer, in tokens, >= 1.</param>
/// <param name="Seed">Names the random numbers: the same seed and row draw the same tokens from the same scores.</param>
public sealed record SamplingOptions(
    double Temperature = 0,
    int TopK = 0,
    double TopP = 1,
    double MinP = 0,
    double RepetitionPenalty = 1,
    int MaxNewTokens = 256,
    ulong Seed = 0)
{
    /// <summary>True where no token is drawn by chance.</summary>
    public bool IsGreedy => Temperature == 0;

    /// <summary>Refuses numbers that have no meaning, NaN included.</summary>
    /// <exception cref="InputException">A value is outside its range; the sentence names it and the range.</exception>
    public void Validate()
    {
        Require(double.IsFinite(Temperature) && Temperature >= 0, "temperature", Temperature, "a number >= 0, 0 for greedy");
        Require(TopK >= 0, "top-k", TopK, "a whole number >= 0, 0 for all tokens");
        Require(TopP is > 0 and <= 1, "top-p", TopP, "a number above 0 and at most 1, 1 for all tokens");
        Require(MinP is >= 0 and <= 1, "min-p", MinP, "a number from 0 to 1, 0 for all tokens");
        Require(double.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, "repetition-penalty", RepetitionPenalty, "a number above 0, 1 for none");
        Require(MaxNewTokens >= 1, "max-new-tokens", MaxNewTokens, "a whole number >= 1");
    }

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
        {
            throw new InputException(string.Create(CultureInfo.InvariantCulture, $"Sampling option {name} is {value}; give {range}."));
        }
    }
}
