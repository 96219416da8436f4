using MathNet.Numerics.Statistics;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Sampling;

namespace Selm.Research.Lab;

/// <summary>Measures the policies of a cell on the test prompts.</summary>
/// <param name="language">The language.</param>
/// <param name="writers">Write the held-out pairs.</param>
/// <param name="first">pi_0: implicit rewards are against it.</param>
/// <param name="beta">KL coefficient.</param>
internal sealed class LabCellMeasure(LabLanguage language, IReadOnlyList<LabWriter> writers, Llama first, double beta)
{
    /// <summary>What a word more than the baseline is worth to the annotator, in units of r*.</summary>
    public const double LengthBias = 0.10;

    private const int Rows = 256; // decoded or scored together
    private static readonly double[] quantiles = [.05, .25, .5, .75, .95];

    private readonly IReadOnlyList<LabPrompt> prompts = language.Split.Test;
    private readonly LabResponse[] baseline = LabEvaluation.Baseline(language, language.Split.Test);
    private readonly LabPair[] heldOut = LabPairs.HeldOut(language, writers, LabEvaluation.BaselineSeed, language.Split.Test);

    /// <summary>Short responses to some of the prompts.</summary>
    public LabShortResponses Short { get; } = new(language, language.Split.Test);

    /// <summary>Measures a policy.</summary>
    /// <param name="policy">The policy; pi_0 itself gets no implicit rewards.</param>
    public LabCellEvaluation Of(Llama policy)
    {
        var answers = Answers(policy);
        var scores = LabEvaluation.Scores(language, prompts, [.. answers.Select(language.Text)]);
        var judged = Judged(scores);
        var (turnOne, turnTwo) = Dialogues(policy, answers, scores.Rewards);
        return new LabCellEvaluation(
            Rounded(scores.MeanReward), [.. quantiles.Select(q => Rounded(Quantile(scores.Rewards, q)))], Rounded(scores.Grammatical), Rounded(scores.ExactWinRate),
            Rounded(judged.Average(row => row.Preference!.Value)), Rounded(LengthControlled(judged)), Rounded(scores.MeanWords),
            Rounded(scores.Answers.Select((answer, k) => HasJewel(language, prompts[k], answer) ? 1.0 : 0).Average()), Rounded(turnOne), Rounded(turnTwo),
            [.. scores.Rewards.Select(Rounded)], scores.Answers, ReferenceEquals(policy, first) ? null : Implicit(policy, first, answers, digits: 4))
        {
            Spread = scores.Answers.Zip(prompts, (answer, prompt) => Masked(language, prompt, answer)).Distinct(StringComparer.Ordinal).Count(),
        };
    }

    /// <summary>Greedy answers to the test prompts.</summary>
    /// <param name="policy">Who answers.</param>
    public int[][] Answers(Llama policy) => Greedy(policy, [.. prompts.Select(prompt => prompt.Ids(language))]);

    /// <summary>A point of a curve; what the training saw is left to the caller.</summary>
    /// <param name="steps">Optimiser steps so far.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="reference">What its iteration began with.</param>
    /// <param name="own">The reference's <see cref="Answers"/>.</param>
    public LabCurvePoint Point(int steps, Llama policy, Llama reference, int[][] own)
    {
        var reward = LabEvaluation.Scores(language, prompts, [.. Answers(policy).Select(language.Text)]).MeanReward;
        return new LabCurvePoint(steps, double.NaN, Rounded(reward), Implicit(policy, reference, own, digits: 8));
    }

    /// <summary>Whether a response has the right skill.</summary>
    public static bool HasJewel(LabLanguage language, LabPrompt prompt, string response) =>
        LabResponse.Parse(language, response.Split(' ', StringSplitOptions.RemoveEmptyEntries)) is { } parsed
        && parsed.Topic == prompt.Topic && parsed.Skill == language.Topics[prompt.Topic].Skill;

    /// <summary>A response with the prompt's topic and everything that is true of it replaced by the names of their kinds.</summary>
    internal static string Masked(LabLanguage language, LabPrompt prompt, string response)
    {
        var topic = language.Topics[prompt.Topic];
        var (adjective, place, verb, skill) = (language.Adjectives[topic.Adjective], language.Places[topic.Place], language.Verbs[topic.Verb], language.Skills[topic.Skill]);
        return string.Join(' ', response.Split(' ').Select(word =>
            word == topic.Name ? "TOPIC" : word == adjective ? "ADJECTIVE" : word == place ? "PLACE" : word == verb ? "VERB" : word == skill ? "SKILL" : word));
    }

    // Six decimals are beyond what any comparison needs and keep the files short.
    private static double Rounded(double value) => Math.Round(value, 6);

    private static double Quantile(double[] values, double q) => values.Quantile(q);

    private static int[][] Greedy(Llama policy, int[][] contexts) =>
        [.. ResponseGenerator.Generate(policy, contexts, new SamplingOptions(MaxNewTokens: LabResponse.MaxTokens), Rows).Select(output => output.OutputIds)];

    private JudgedPair[] Judged(LabScores scores) =>
    [
        .. baseline.Select((response, k) =>
        {
            var words = scores.Answers[k].Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
            var margin = scores.Rewards[k] - LabReward.Of(language, prompts[k], response) + (LengthBias * (words - response.Length));
            return new JudgedPair(response.Length, words, 0, LogMath.Sigmoid(margin));
        }),
    ];

    // Gaps that are all the same cannot be standardised. A fit that rounding keeps from its optimum counts as missing too: one
    // broken policy must not end a study.
    private static double LengthControlled(JudgedPair[] judged)
    {
        if (judged.Select(row => row.BaselineLength - row.ModelLength).Distinct().Count() == 1)
        {
            return double.NaN;
        }
        try
        {
            return LengthControlledWinRate.Fit(judged, []).Controlled.Percent / 100;
        }
        catch (ArithmeticException)
        {
            return double.NaN;
        }
    }

    // Every other test prompt opens a dialogue: "and the T2 ?" follows the policy's own answer.
    private (double First, double Second) Dialogues(Llama policy, int[][] answers, double[] rewards)
    {
        var rows = Enumerable.Range(0, prompts.Count / 2).Select(k => 2 * k).ToArray();
        var second = rows.Select(k =>
        {
            var random = new PhiloxStream(LabEvaluation.BaselineSeed, LabStreams.SecondTopics, k);
            return prompts[k] with { Topic = (prompts[k].Topic + 1 + random.NextInt(language.Topics.Count - 1)) % language.Topics.Count };
        }).ToArray();
        var contexts = rows.Select((k, at) => LabDemonstrations.SecondTurn(language, prompts[k], answers[k], second[at].Topic)).ToArray();
        var replies = Greedy(policy, contexts);
        return (rows.Average(k => Score(rewards[k])), replies.Select((reply, at) => Score(LabReward.Of(language, second[at], reply))).Average());
    }

    private static double Score(double reward) => Math.Clamp(1 + (9 * (reward + 2) / 5.5), 1, 10);

    private LabImplicitRewards Implicit(Llama policy, Llama reference, int[][] own, int digits)
    {
        var rows = prompts.Select((prompt, k) => new SharedRow(
            prompt.Ids(language), [language.ResponseIds(heldOut[k].Chosen.Text(language)), language.ResponseIds(heldOut[k].Rejected.Text(language)), own[k]])).ToArray();
        var (now, then) = (TokenLogps.Of(policy, rows).Sums, TokenLogps.Of(reference, rows).Sums);
        double[] Part(int slot) => [.. Enumerable.Range(0, rows.Length).Select(k => Math.Round(beta * (now[(3 * k) + slot] - then[(3 * k) + slot]), digits))];
        return new LabImplicitRewards(Part(0), Part(1), Part(2));
    }
}
