using System.Text.Json.Serialization;

namespace Selm.Research.Lab;

/// <summary>Implicit rewards beta log(pi / pi_0) of three answers to each test prompt; pi_0 is the cell's first policy.</summary>
/// <param name="Chosen">Of the chosen response of a held-out pair.</param>
/// <param name="Rejected">Of its rejected response.</param>
/// <param name="Own">Of the policy's greedy answer.</param>
public sealed record LabImplicitRewards(double[] Chosen, double[] Rejected, double[] Own);

/// <summary>A policy measured on the 144 test prompts by its greedy answers. Win rates lie in 0 to 1.</summary>
/// <param name="MeanReward">Mean r*.</param>
/// <param name="RewardQuantiles">Quantiles .05, .25, .5, .75 and .95 of r*.</param>
/// <param name="Grammatical">Share of answers in the grammar.</param>
/// <param name="ExactWinRate">Mean sigma(r - r_baseline), the win rate without the annotator's love of length.</param>
/// <param name="RawWinRate">Mean sigma(r - r_baseline + .10 (n - n_baseline)): what the annotator says; n in words.</param>
/// <param name="LengthControlledWinRate">The annotator's win rate by the length-controlled GLM; NaN where every answer differs from the baseline's by the same number of words.</param>
/// <param name="MeanWords">Mean length [words].</param>
/// <param name="JewelUse">Share of answers with the right skill.</param>
/// <param name="FirstTurnScore">Mean score of the first turn of 72 dialogues, from 1 to 10.</param>
/// <param name="SecondTurnScore">Mean score of their second turn.</param>
/// <param name="Rewards">r* of each answer, to resample prompts.</param>
/// <param name="Answers">The answers.</param>
/// <param name="Implicit">Implicit rewards, or null for the first policy itself.</param>
public sealed record LabCellEvaluation(
    double MeanReward, double[] RewardQuantiles, double Grammatical, double ExactWinRate, double RawWinRate, double LengthControlledWinRate, double MeanWords,
    double JewelUse, double FirstTurnScore, double SecondTurnScore, double[] Rewards, string[] Answers, LabImplicitRewards? Implicit)
{
    /// <summary>
    /// Distinct answers, at most one per prompt, where the topic and what is true of it are masked: "the cat is soft ." and
    /// "the lake is calm ." count once. NaN in records that do not have it.
    /// </summary>
    public double Spread { get; init; } = double.NaN;

    /// <summary>Mean score over both turns, from 1 to 10.</summary>
    [JsonIgnore]
    public double TwoTurnScore => (FirstTurnScore + SecondTurnScore) / 2;
}

/// <summary>One iteration of a cell. Shares and means are NaN where there is nothing to count.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="YBest">Share of prompts whose y ranked best.</param>
/// <param name="YWorst">Share of prompts whose y ranked worst.</param>
/// <param name="AskedReward">Mean r* of the policy's own answers that were ranked.</param>
/// <param name="AskedJewel">Share of them with the right skill.</param>
/// <param name="SigmaNegativeMargin">Mean over the training of sigma(-(r_w - r_l)), implicit rewards.</param>
/// <param name="Loss">Loss of each optimiser step.</param>
/// <param name="Evaluation">The policy after the iteration.</param>
public sealed record LabCellIteration(
    int Iteration, double YBest, double YWorst, double AskedReward, double AskedJewel, double SigmaNegativeMargin, double[] Loss, LabCellEvaluation Evaluation)
{
    /// <summary>
    /// Share of the greedy test answers whose text was met nowhere before: not among the responses of the cell's training pairs
    /// up to this iteration (chosen, rejected and y), and not among the greedy test answers of earlier policies.
    /// </summary>
    public double Novelty { get; init; } = double.NaN;

    /// <summary>What the cell's own ranker thinks of the greedy test answers, on its own scale; the true reward where that labels, without noise.</summary>
    public double ExternalReward { get; init; } = double.NaN;

    /// <summary>The policy on its way, where <see cref="LabCellSpec.CurveSteps"/> ask for it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<LabCurvePoint>? Curve { get; init; }
}

/// <summary>Accuracy on a benchmark.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Shots">Solved questions before each question.</param>
/// <param name="Accuracy">Share of right answers; .25 is chance where one of four options is chosen.</param>
/// <param name="InSteps">The answer is written in steps instead of chosen.</param>
public sealed record LabBenchmarkScore(LabQuizKind Kind, int Shots, double Accuracy, bool InSteps = false);

/// <summary>What became of a cell. The file holds no times, so that equal cells write equal bytes.</summary>
/// <param name="Spec">The cell, without nulls.</param>
/// <param name="Start">The first policy.</param>
/// <param name="StartBenchmarks">Its benchmarks.</param>
/// <param name="Iterations">Finished iterations.</param>
/// <param name="Benchmarks">Benchmarks of the last policy; empty in a failed cell.</param>
/// <param name="Failure">Why the cell ended early, in one sentence, or null.</param>
public sealed record LabCellResult(
    LabCellSpec Spec, LabCellEvaluation? Start, IReadOnlyList<LabBenchmarkScore> StartBenchmarks, IReadOnlyList<LabCellIteration> Iterations,
    IReadOnlyList<LabBenchmarkScore> Benchmarks, string? Failure)
{
    /// <summary>The policy after the last finished iteration.</summary>
    [JsonIgnore]
    public LabCellEvaluation? Last => Iterations.Count == 0 ? null : Iterations[^1].Evaluation;

    /// <summary>Seconds that the cell took when it was computed, shared stages that it found ready not counted; null where unknown.</summary>
    [JsonIgnore]
    public double? WallSeconds { get; init; }
}
