// What lessons 11 to 16 share: the lab language, its base model, one seed's pairs and labels, and the recipe, opened by one call in their
// set-up cell. Lesson 09 takes the same parts one by one.
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Claims;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Lessons;

/// <summary>One seed of the lab as lessons run it: labels are the true reward plus the noise of (2.1).</summary>
public sealed class LessonLab
{
    private readonly ulong seed;
    private readonly string device;

    private readonly LabOracle judge;

    private LessonLab(ulong seed, string device, int pairs)
    {
        (this.seed, this.device, Pairs) = (seed, device, pairs);
        (Base, judge) = (LessonModels.Base(device), new(Language, noiseSeed: seed));
    }

    /// <summary>The language.</summary>
    public LabLanguage Language { get; } = LabLanguage.Standard;

    /// <summary>The base model, pi_1; copy it before training.</summary>
    public Llama Base { get; }

    /// <summary>Offline pairs of an iteration.</summary>
    public int Pairs { get; }

    /// <summary>The 144 test prompts, which nobody trains on.</summary>
    public IReadOnlyList<LabPrompt> Test => Language.Split.Test;

    /// <summary>Versions and device, in one line.</summary>
    public string About => LessonModels.About(device);

    /// <summary>Opens the lab. Torch keeps to one thread: the model is too small for a second one.</summary>
    /// <param name="seed">Of pairs, labels, draws and batch order; 100 is a development seed, those from 2000 on belong to recorded results.</param>
    /// <param name="device">cpu, cuda or cuda:N.</param>
    /// <param name="pairs">Offline pairs of an iteration.</param>
    /// <exception cref="InputException">The checkout lacks data/lessons/base, or there is no such device.</exception>
    public static LessonLab Open(int seed, string device, int pairs)
    {
        torch.set_num_threads(1);
        return new((ulong)seed, device, pairs);
    }

    /// <summary>The offline pairs of an iteration, written by the lab's four writers.</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="pairs">How many; null: <see cref="Pairs"/>.</param>
    public LoopPair[] Portion(int iteration, int? pairs = null) =>
        [.. LabPairs.Offline(Language, LabPreset.Standard.Writers, seed, iteration, pairs ?? Pairs).Select(pair => new LoopPair(pair.Prompt.Ids(Language), Ids(pair.Chosen), Ids(pair.Rejected)))];

    /// <summary>The tokens of a response with the one that ends it.</summary>
    public int[] Ids(LabResponse response) => Language.ResponseIds(response.Text(Language));

    /// <summary>Line 3 of Algorithm 1: r* of every candidate plus Gumbel noise, whose best is a draw of Bradley-Terry's model for several.</summary>
    /// <param name="iteration">Not looked at: the noise depends on what is asked, so that all runs of a seed agree about the same candidates.</param>
    /// <param name="rows">Prompts with their candidates.</param>
    public IReadOnlyList<double[]> Score(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)> rows) =>
        [.. judge.Rank([.. rows.Select(Asked)]).Select(ranked => ranked.Scores)];

    /// <summary>All that the loop of Algorithm 1 asks of its surroundings: pairs, scores, and which token ends an answer.</summary>
    /// <param name="pairs">Pairs of an iteration; null: <see cref="Pairs"/>.</param>
    public LoopWorld World(int? pairs = null) => new(iteration => Portion(iteration, pairs), Score, [Language.EosId]);

    /// <summary>
    /// The recipe: beta 0.3, four iterations of which the first is plain DPO, greedy answers, AdamW without decay, learning rate 4e-4 along a
    /// cosine with a tenth of warm-up, batches of 32, a fifth of the rate in the last iteration.
    /// </summary>
    /// <param name="alpha">The weight of optimism as the loss has it.</param>
    public LoopSettings Settings(double alpha) => new()
    {
        Alpha = alpha,
        Beta = 0.3,
        Iterations = 4,
        Sampling = new SamplingOptions(MaxNewTokens: LabResponse.MaxTokens, Seed: seed),
        Training = new TrainerOptions { LearningRate = 4e-4, BatchSize = 32, Seed = seed, Optimizer = new OptimizerRecipe { WeightDecay = 0 } },
        LastIterationLrFactor = 0.2,
    };

    /// <summary>A copy of a policy to train.</summary>
    /// <param name="policy">Null: the base model.</param>
    public Llama Copy(Llama? policy = null) => LlamaWeights.Clone(policy ?? Base);

    /// <summary>A policy's greedy answers to <see cref="Test"/> and what they are worth.</summary>
    public LabScores Answers(Llama policy) => LabEvaluation.Greedy(policy, Language, Test);

    /// <summary>The exact win rate against the keen writer's answers, prompt by prompt.</summary>
    public static double[] WinRates(LabScores scores) =>
        [.. scores.Rewards.Zip(LabMeasures.BaselineRewards(LabBudget.Lab), (ours, theirs) => LogMath.Sigmoid(ours - theirs))];

    private RankRequest Asked((int[] Prompt, IReadOnlyList<int[]> Candidates) row) =>
        new(Language.Text(row.Prompt), [.. row.Candidates.Select(ids => Language.Text(ids))]);
}
