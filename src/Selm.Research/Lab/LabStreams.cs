namespace Selm.Research.Lab;

/// <summary>
/// Names of the lab's random streams. Everything that is drawn belongs to (seed, name, row) of one of them, so that
/// methods and alphas that are compared see the same pairs, labels and batches, and adding one changes no other.
/// </summary>
public static class LabStreams
{
    /// <summary>The one shuffle of the cells.</summary>
    public const string Split = "lab.world.split";

    /// <summary>Initial weights; each tensor's name follows.</summary>
    public const string Weights = "lab.weights.";

    /// <summary>Single-turn demonstrations, one row each.</summary>
    public const string Demonstrations = "lab.sft.demonstrations";

    /// <summary>Two-turn demonstrations, one row each.</summary>
    public const string TwoTurn = "lab.sft.two-turn";

    /// <summary>Quiz documents, one row each.</summary>
    public const string Quiz = "lab.sft.quiz";

    /// <summary>What each step of supervised training is made of, one row per step.</summary>
    public const string SftBatches = "lab.sft.batches";

    /// <summary>The fixed responses that win rates compare against, one row per prompt.</summary>
    public const string Baseline = "lab.baseline";

    /// <summary>Noise of labels, where a judge is asked.</summary>
    public const string Labels = "lab.labels";

    /// <summary>The ranker's training pairs, one row each.</summary>
    public const string RankerPairs = "lab.ranker.pairs";

    /// <summary>The ranker's held-out pairs, one row each.</summary>
    public const string RankerHeldOut = "lab.ranker.held-out";

    /// <summary>The ranker's batches, one row per step.</summary>
    public const string RankerBatches = "lab.ranker.batches";

    /// <summary>Responses of held-out pairs, one row per prompt.</summary>
    public const string HeldOutPairs = "lab.pairs.held-out";

    /// <summary>Labels of held-out pairs, one row per prompt.</summary>
    public const string HeldOutLabels = "lab.pair-labels.held-out";

    /// <summary>Topics of the second turns of evaluation, one row per prompt.</summary>
    public const string SecondTopics = "lab.evaluation.second-topics";

    /// <summary>Solved questions before a question; the benchmark's name follows, one row per question.</summary>
    public const string Shots = "lab.quiz.shots";

    /// <summary>Noise of the labels of a cell's iteration, one row per prompt.</summary>
    /// <param name="iteration">From 0.</param>
    public static string CellLabels(int iteration) => FormattableString.Invariant($"lab.cell-labels.iteration-{iteration}");

    /// <summary>Responses of the offline pairs of an iteration, one row each.</summary>
    /// <param name="iteration">From 0.</param>
    public static string Pairs(int iteration) => FormattableString.Invariant($"lab.pairs.iteration-{iteration}");

    /// <summary>Labels of the offline pairs of an iteration, one row each.</summary>
    /// <param name="iteration">From 0.</param>
    public static string PairLabels(int iteration) => FormattableString.Invariant($"lab.pair-labels.iteration-{iteration}");
}
