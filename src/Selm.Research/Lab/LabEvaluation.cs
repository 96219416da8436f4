using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Sampling;

namespace Selm.Research.Lab;

/// <summary>What greedy answers are worth.</summary>
/// <param name="MeanReward">Mean r*.</param>
/// <param name="Grammatical">Share of answers in the grammar.</param>
/// <param name="ExactWinRate">Mean sigma(r*(x, y) - r*(x, baseline)): the win rate of equation (2.1) without labels' noise.</param>
/// <param name="MeanWords">Mean length [words].</param>
/// <param name="Rewards">r* of each answer.</param>
/// <param name="Answers">The answers, in the order of the prompts.</param>
public sealed record LabScores(double MeanReward, double Grammatical, double ExactWinRate, double MeanWords, double[] Rewards, string[] Answers);

/// <summary>Measures a policy of the lab by the true reward.</summary>
public static class LabEvaluation
{
    /// <summary>Seed of the fixed responses that win rates compare against.</summary>
    public const ulong BaselineSeed = 4242;

    /// <summary>One fixed response of the keen writer per prompt.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompts">The prompts; a response belongs to its prompt's place in the list.</param>
    public static LabResponse[] Baseline(LabLanguage language, IReadOnlyList<LabPrompt> prompts) =>
        [.. prompts.Select((prompt, row) => LabWriter.Keen.Write(language, prompt, new PhiloxStream(BaselineSeed, LabStreams.Baseline, row)))];

    /// <summary>Greedy answers of a model and what they are worth.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">The language.</param>
    /// <param name="prompts">The prompts, such as <see cref="LabSplit.Test"/>.</param>
    public static LabScores Greedy(Llama model, LabLanguage language, IReadOnlyList<LabPrompt> prompts)
    {
        var options = new SamplingOptions(MaxNewTokens: LabResponse.MaxTokens);
        var outputs = ResponseGenerator.Generate(model, [.. prompts.Select(prompt => prompt.Ids(language))], options, batchSize: 256);
        return Scores(language, prompts, [.. outputs.Select(output => language.Text(output.OutputIds))]);
    }

    /// <summary>What answers are worth.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="answers">One answer per prompt.</param>
    public static LabScores Scores(LabLanguage language, IReadOnlyList<LabPrompt> prompts, string[] answers)
    {
        var rewards = answers.Select((answer, k) => LabReward.Of(language, prompts[k], answer)).ToArray();
        var wins = Baseline(language, prompts).Select((response, k) => LogMath.Sigmoid(rewards[k] - LabReward.Of(language, prompts[k], response)));
        return new LabScores(
            rewards.Average(),
            answers.Average(answer => LabResponse.Parse(language, answer.Split(' ')) is null ? 0.0 : 1),
            wins.Average(),
            answers.Average(answer => answer.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length),
            rewards,
            answers);
    }
}
