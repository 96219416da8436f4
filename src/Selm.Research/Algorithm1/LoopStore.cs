using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>An offline preference pair as token ids; responses end in eos.</summary>
/// <param name="Prompt">x.</param>
/// <param name="Chosen">y_w.</param>
/// <param name="Rejected">y_l.</param>
/// <param name="Sample">y where the data itself brings one, or null.</param>
public sealed record LoopPair(int[] Prompt, int[] Chosen, int[] Rejected, int[]? Sample = null)
{
    /// <summary>The pair of token rows.</summary>
    internal static LoopPair Of(TokenTriple rows) =>
        new(rows.PromptIds, rows.Chosen.Response.ToArray(), rows.Rejected.Response.ToArray(), rows.Reference?.Response.ToArray());
}

/// <summary>What a loop asks of its world.</summary>
/// <param name="Pairs">The offline portion of an iteration.</param>
/// <param name="Score">Scores of the candidates of each prompt, higher is better; noise, where there is any, is keyed by iteration.</param>
/// <param name="EndIds">Ids that end a response.</param>
/// <param name="Explorer">Who answers in an iteration, or null for the policy itself; given the iteration, returns the model to query (swap ablation).</param>
public sealed record LoopWorld(
    Func<int, IReadOnlyList<LoopPair>> Pairs,
    Func<int, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)>, IReadOnlyList<double[]>> Score,
    IReadOnlyList<int> EndIds,
    Func<int, Llama>? Explorer = null);

/// <summary>A response that may become y_w or y_l.</summary>
/// <param name="Ids">Its tokens.</param>
/// <param name="Source">Where it is from: the number of a draw, or one of the constants below.</param>
internal readonly record struct Candidate(int[] Ids, int Source)
{
    /// <summary>The data's own y_w.</summary>
    public const int DataChosen = -1;

    /// <summary>The data's own y_l.</summary>
    public const int DataRejected = -2;

    /// <summary>A y that the data brings.</summary>
    public const int DataSample = -3;
}

/// <summary>What line 3 keeps of one prompt.</summary>
/// <param name="Row">The prompt's number in its portion.</param>
/// <param name="Prompt">x.</param>
/// <param name="Chosen">The best.</param>
/// <param name="Rejected">The worst.</param>
/// <param name="Sample">y of the optimism term, or null.</param>
/// <param name="SampleLogp">log pi(y) as sampling told it, or NaN.</param>
internal sealed record KeptPair(int Row, int[] Prompt, Candidate Chosen, Candidate Rejected, Candidate? Sample = null, double SampleLogp = double.NaN)
{
    /// <summary>The token rows, each with its prompt; what does not fit is cut off at the end.</summary>
    /// <param name="maxLength">Longest prompt and response together.</param>
    public TokenTriple Rows(int maxLength)
    {
        TokenRow Row(int[] response) => new([.. Prompt, .. response.AsSpan(0, Math.Min(response.Length, maxLength - Prompt.Length))], Prompt.Length);
        return new(Prompt, Row(Chosen.Ids), Row(Rejected.Ids), Sample is { } y ? Row(y.Ids) : null);
    }

    /// <summary>A loss of this pair alone, or null.</summary>
    public IPreferenceLoss? OwnLoss { get; init; }

    /// <summary>y' ~ pi_ref, the centre of an explicit reward's optimism about y, or null.</summary>
    public int[]? Other { get; init; }

    /// <summary>What the ranker saw and said; null where it was not asked.</summary>
    public Ranking? Ranking { get; init; }
}

/// <summary>The ranker's scores of a prompt's candidates.</summary>
/// <param name="Candidates">In the order in which they were ranked.</param>
/// <param name="Scores">Higher is better.</param>
/// <param name="Chosen">Place of the best.</param>
/// <param name="Rejected">Place of the worst.</param>
internal sealed record Ranking(IReadOnlyList<Candidate> Candidates, double[] Scores, int Chosen, int Rejected)
{
    /// <summary>A number of each candidate as that of chosen, rejected and y.</summary>
    public PerRole<T> Of<T>(Candidate? y, T[] numbers)
        where T : struct
    {
        var place = Enumerable.Range(0, Candidates.Count).Where(k => Candidates[k].Source == y?.Source).Select(k => (int?)k).FirstOrDefault();
        return new(numbers[Chosen], numbers[Rejected], place is { } at ? numbers[at] : null);
    }
}

/// <summary>One answer to a prompt.</summary>
/// <param name="Ids">Its tokens; the end token is included where it was reached.</param>
/// <param name="Logp">log pi(y|x) as sampling told it.</param>
internal readonly record struct Answer(int[] Ids, double Logp);

/// <summary>
/// Where a loop lives: what it starts from, and where it keeps what it makes. In memory for the lab and the lessons
/// (<see cref="MemoryStore"/>); in a run folder for people (RunStore), whose files a killed run goes on from.
/// </summary>
internal interface ILoopStore : IDisposable
{
    /// <summary>pi_t, the policy that the iteration starts from.</summary>
    Llama Policy { get; }

    /// <summary>pi_0, the base model.</summary>
    Llama Initial { get; }

    /// <summary>Who answers in an iteration: the policy, but in the swap ablation.</summary>
    Llama Asked(int iteration);

    /// <summary>Whether that is the policy.</summary>
    bool AsksPolicy { get; }

    /// <summary>Ids that end a response.</summary>
    IReadOnlyList<int> EndIds { get; }

    /// <summary>Whether finished iterations can be read again.</summary>
    bool Remembers { get; }

    /// <summary>D_t, the portion of an iteration as token ids.</summary>
    IReadOnlyList<LoopPair> Pairs(int iteration);

    /// <summary>One answer per prompt.</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="draw">Number of the draw in the iteration.</param>
    /// <param name="count">Prompts.</param>
    /// <param name="make">Makes the answers from (first prompt, prompts).</param>
    IReadOnlyList<Answer> Answers(int iteration, int draw, int count, Func<int, int, IReadOnlyList<Generation>> make);

    /// <summary>The ranker's scores, higher is better.</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="rows">Prompts with their candidates, in the order of the portion.</param>
    IReadOnlyList<double[]> Scores(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<Candidate> Candidates)> rows);

    /// <summary>The token rows of a pair.</summary>
    /// <param name="iteration">The iteration that made it.</param>
    /// <param name="pair">The pair.</param>
    /// <param name="maxLength">Longest prompt and response together.</param>
    TokenTriple Rows(int iteration, KeptPair pair, int maxLength);

    /// <summary>Margins of an explicit reward model that is fitted further.</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="fit">Fits the model as the last iteration left it and returns one number per example.</param>
    IReadOnlyList<double> Margins(int iteration, Func<RewardTrainer, double[]> fit);

    /// <summary>The examples with log pi_ref of what the loss uses.</summary>
    /// <param name="round">What was kept and the examples made of it.</param>
    /// <param name="atBase">Whether the reference is the base model rather than the policy.</param>
    /// <param name="needs">What the loss uses.</param>
    /// <param name="batchSize">Examples scored together where nothing is kept on disk.</param>
    IReadOnlyList<TrainingExample> WithReference(LoopRound round, bool atBase, LossInputs needs, int batchSize);

    /// <summary>Trains the policy in place; it is pi_{t+1} then.</summary>
    IReadOnlyList<TrainingRow> Train(int iteration, IReadOnlyList<TrainingExample> examples, IPreferenceLoss loss, TrainerOptions options);
}

/// <summary>What an iteration trains on.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Kept">The pairs, with the iteration that made each.</param>
/// <param name="Examples">An example for each.</param>
/// <param name="YBest">Share of prompts whose y ranked best; NaN where no y was ranked with the data's pair.</param>
/// <param name="YWorst">Share of prompts whose y ranked worst; NaN as above.</param>
/// <param name="Dropped">Prompts that gave no pair, because all their candidates tied.</param>
internal sealed record LoopRound(int Iteration, IReadOnlyList<(int Iteration, KeptPair Pair)> Kept, TrainingExample[] Examples, double YBest, double YWorst, int Dropped);

/// <summary>A loop in memory: the caller owns the models.</summary>
/// <param name="world">Pairs and scores.</param>
/// <param name="initial">pi_0.</param>
internal sealed class MemoryStore(LoopWorld world, Llama initial) : ILoopStore
{
    private RewardTrainer? reward;
    private Llama? policy;

    /// <summary>pi_t; set before each iteration.</summary>
    public Llama Policy
    {
        get => policy ?? initial;
        set => policy = value;
    }

    /// <inheritdoc/>
    public Llama Initial => initial;

    /// <inheritdoc/>
    public IReadOnlyList<int> EndIds => world.EndIds;

    /// <inheritdoc/>
    public bool Remembers => false;

    /// <summary>Is told about every optimiser step.</summary>
    public IProgress<StepProgress>? Progress { get; set; }

    /// <inheritdoc/>
    public bool AsksPolicy => world.Explorer is null;

    /// <inheritdoc/>
    public Llama Asked(int iteration) => world.Explorer?.Invoke(iteration) ?? Policy;

    /// <inheritdoc/>
    public IReadOnlyList<LoopPair> Pairs(int iteration) => world.Pairs(iteration);

    /// <inheritdoc/>
    public IReadOnlyList<Answer> Answers(int iteration, int draw, int count, Func<int, int, IReadOnlyList<Generation>> make) =>
        [.. make(0, count).Select(y => new Answer(y.OutputIds, y.Logp))];

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Scores(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<Candidate> Candidates)> rows) =>
        world.Score(iteration, [.. rows.Select(row => (row.Prompt, (IReadOnlyList<int[]>)[.. row.Candidates.Select(c => c.Ids)]))]);

    /// <inheritdoc/>
    public TokenTriple Rows(int iteration, KeptPair pair, int maxLength) => pair.Rows(maxLength);

    /// <inheritdoc/>
    public IReadOnlyList<double> Margins(int iteration, Func<RewardTrainer, double[]> fit) => fit(reward ??= RewardTrainer.FromZero(initial));

    /// <inheritdoc/>
    public IReadOnlyList<TrainingExample> WithReference(LoopRound round, bool atBase, LossInputs needs, int batchSize) =>
        new ReferenceLogps(null, "", "").Fill(atBase ? initial : Policy, round.Examples, batchSize, needs: needs);

    /// <inheritdoc/>
    public IReadOnlyList<TrainingRow> Train(int iteration, IReadOnlyList<TrainingExample> examples, IPreferenceLoss loss, TrainerOptions options) =>
        Trainer.Run(Policy, examples, [], loss, options, progress: Progress);

    /// <inheritdoc/>
    public void Dispose() => reward?.Dispose();
}
