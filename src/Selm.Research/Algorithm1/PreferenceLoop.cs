// Algorithm 1 and its siblings as one loop over token ids in memory: what the lab measures, method beside method. The
// text loop with files is SelmRun; both train with Training/Trainer.cs. A method is: where the pair comes from, what y
// is, whether the reference moves, and the loss.
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Algorithm1;

/// <summary>An offline preference pair as token ids; responses end in eos.</summary>
/// <param name="Prompt">x.</param>
/// <param name="Chosen">y_w.</param>
/// <param name="Rejected">y_l.</param>
public sealed record LoopPair(int[] Prompt, int[] Chosen, int[] Rejected);

/// <summary>The methods of the harness (THEORY: siblings).</summary>
public enum LoopMethod
{
    /// <summary>Algorithm 1; with alpha 0 it is iterative DPO.</summary>
    Selm,

    /// <summary>DPO on the offline pairs, the base model as fixed reference.</summary>
    OfflineDpo,

    /// <summary>DPO on the offline pairs, the reference moving each iteration; no new responses.</summary>
    StepwiseDpo,

    /// <summary>The data's chosen response against an own sample.</summary>
    Spin,

    /// <summary>Best against worst of the chosen response and own samples, the largest margins kept.</summary>
    Dno,

    /// <summary>Best and worst of own samples, squared loss on their win probabilities.</summary>
    Sppo,

    /// <summary>Pair (y ~ pi_t, y' ~ pi_0) with the bonus on y', reference fixed at pi_0, all data kept.</summary>
    Xpo,

    /// <summary>SELM's pair with the bonus on the data's chosen response as calibration policy.</summary>
    Vpo,

    /// <summary>
    /// SELM's queries with a reward model of its own: it is fitted to the kept pairs with the optimism of (3.1), then the policy
    /// is fitted to its margins. alpha compares with SELM's; the first iteration is DPO where SELM's is.
    /// </summary>
    ExplicitReward,
}

/// <summary>The settings of a loop.</summary>
public sealed record LoopSettings
{
    /// <summary>Which sibling.</summary>
    public LoopMethod Method { get; init; } = LoopMethod.Selm;

    /// <summary>KL coefficient beta.</summary>
    public double Beta { get; init; } = 0.3;

    /// <summary>Weight of optimism alpha; XPO's own is alpha beta, so that columns compare.</summary>
    public double Alpha { get; init; } = 0.001;

    /// <summary>Iterations T.</summary>
    public int Iterations { get; init; } = 4;

    /// <summary>Whether iteration 0 is plain DPO on its offline portion (the Zephyr recipe).</summary>
    public bool FirstIterationIsDpo { get; init; } = true;

    /// <summary>How y is chosen: temperature 0 is greedy.</summary>
    public SamplingOptions Sampling { get; init; } = new(MaxNewTokens: 28);

    /// <summary>How {y, y_w, y_l} becomes a pair.</summary>
    public UpdateRule UpdateRule { get; init; } = UpdateRule.BestWorst;

    /// <summary>Train on the pairs of all iterations so far.</summary>
    public bool KeepData { get; init; }

    /// <summary>Keep the base model as reference.</summary>
    public bool FixedReference { get; init; }

    /// <summary>Own samples per prompt of DNO and SPPO.</summary>
    public int Samples { get; init; } = 3;

    /// <summary>SPPO's eta; null: 1 / beta.</summary>
    public double? SppoEta { get; init; }

    /// <summary>Share of DNO's pairs that is kept, the largest margins.</summary>
    public double KeptShare { get; init; } = 0.75;

    /// <summary>Fit of the reward model of <see cref="LoopMethod.ExplicitReward"/>.</summary>
    public RewardOptions Reward { get; init; } = new();

    /// <summary>Training of one iteration.</summary>
    public TrainerOptions Training { get; init; } = new();

    /// <summary>Training of the last iteration; null: as the others.</summary>
    public TrainerOptions? LastTraining { get; init; }

    /// <summary>The last iteration's learning rate is multiplied with this.</summary>
    public double LastIterationLrFactor { get; init; } = 1;

    /// <summary>Rows decoded or scored together.</summary>
    public int BatchSize { get; init; } = 128;
}

/// <summary>What a loop asks of its world.</summary>
/// <param name="Pairs">The offline portion of an iteration.</param>
/// <param name="Score">Scores of the candidates of each prompt, higher is better; noise, where there is any, is keyed by iteration.</param>
/// <param name="EndIds">Ids that end a response.</param>
/// <param name="Explorer">Who answers in an iteration, or null for the policy itself; given the policy, returns the model to query (swap ablation).</param>
public sealed record LoopWorld(
    Func<int, IReadOnlyList<LoopPair>> Pairs,
    Func<int, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)>, IReadOnlyList<double[]>> Score,
    IReadOnlyList<int> EndIds,
    Func<int, Llama>? Explorer = null);

/// <summary>What one iteration did.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Training">One row per optimiser step.</param>
/// <param name="YBest">Share of prompts whose y ranked best; NaN where no y was ranked.</param>
/// <param name="YWorst">Share of prompts whose y ranked worst; NaN where no y was ranked.</param>
public sealed record LoopIteration(int Iteration, IReadOnlyList<TrainingRow> Training, double YBest, double YWorst);

/// <summary>Runs one method; the caller owns the models and looks at the policy after every iteration.</summary>
/// <param name="settings">The method and its numbers.</param>
/// <param name="world">Pairs and scores.</param>
/// <param name="initial">pi_0: the start, and the reference where it stays fixed.</param>
public sealed class PreferenceLoop(LoopSettings settings, LoopWorld world, Llama initial) : IDisposable
{
    private readonly List<TrainingExample> kept = [];
    private readonly List<int[]?> keptReferences = []; // y' of each kept example, where it has one
    private ExplicitReward? reward;

    /// <summary>Trains one iteration in place.</summary>
    /// <param name="policy">pi_t; becomes pi_{t+1}.</param>
    /// <param name="iteration">t, from 0.</param>
    /// <param name="progress">Is told about every optimiser step of the policy when it is done.</param>
    /// <exception cref="DivergenceException">The loss ran away to a number that is not finite.</exception>
    public LoopIteration Run(Llama policy, int iteration, IProgress<StepProgress>? progress = null)
    {
        var pairs = world.Pairs(iteration);
        var (fresh, best, worst) = Ask(policy, iteration, pairs);
        // Where data is kept, earlier examples are scored anew: the reference may have moved.
        kept.AddRange(fresh.Select(e => e with { RefChosen = double.NaN, RefRejected = double.NaN, RefSample = double.NaN }));
        var fixedReference = settings.FixedReference || settings.Method is LoopMethod.OfflineDpo or LoopMethod.Xpo;
        var reference = fixedReference ? initial : policy;
        var keep = settings.KeepData || settings.Method == LoopMethod.Xpo;
        var used = settings.Method == LoopMethod.ExplicitReward
            ? WithTargets(reference, pairs, iteration, keep ? kept : fresh)
            : keep ? kept : fresh;
        var examples = new ReferenceLogps(null, "", "").Fill(reference, used, settings.BatchSize);
        var last = iteration == settings.Iterations - 1;
        var training = last ? settings.LastTraining ?? settings.Training : settings.Training;
        var options = training with { Iteration = iteration, LearningRate = training.LearningRate * (last ? settings.LastIterationLrFactor : 1) };
        return new LoopIteration(iteration, Trainer.Run(policy, examples, [], Loss(iteration), options, progress: progress), best, worst);
    }

    /// <inheritdoc/>
    public void Dispose() => reward?.Dispose();

    private bool IsPlainDpo(int iteration) => settings.Method is LoopMethod.OfflineDpo or LoopMethod.StepwiseDpo
        || (iteration == 0 && settings.FirstIterationIsDpo && settings.Method is LoopMethod.Selm or LoopMethod.Vpo or LoopMethod.ExplicitReward);

    private IPreferenceLoss Loss(int iteration) => IsPlainDpo(iteration) ? new DpoLoss(settings.Beta) : settings.Method switch
    {
        LoopMethod.Spin => new SpinLoss(settings.Beta),
        LoopMethod.Dno => new DnoLoss(settings.Beta),
        LoopMethod.Sppo => new SppoLoss(SppoBeta),
        LoopMethod.Xpo => new XpoLoss(settings.Beta, settings.Alpha * settings.Beta),
        LoopMethod.Vpo => new VpoLoss(settings.Beta, settings.Alpha),
        LoopMethod.ExplicitReward => new RewardDistillationLoss(settings.Beta, 0), // each example brings its own margin
        _ => new SelmLoss(settings.Beta, settings.Alpha),
    };

    private (TrainingExample[] Examples, double Best, double Worst) Ask(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs)
    {
        if (IsPlainDpo(iteration))
        {
            return ([.. pairs.Select(p => Example(p.Prompt, p.Chosen, p.Rejected, null))], double.NaN, double.NaN);
        }
        return settings.Method switch
        {
            LoopMethod.Spin => (Spin(policy, iteration, pairs), double.NaN, double.NaN),
            LoopMethod.Dno => (Dno(policy, iteration, pairs), double.NaN, double.NaN),
            LoopMethod.Sppo => (Sppo(policy, iteration, pairs), double.NaN, double.NaN),
            LoopMethod.Xpo => (Xpo(policy, iteration, pairs), double.NaN, double.NaN),
            _ => Selm(policy, iteration, pairs),
        };
    }

    // y from pi_t, ranked with the offline pair; best and worst kept (Algorithm 1). VPO's bonus is on the data's chosen response.
    private (TrainingExample[], double, double) Selm(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs)
    {
        var asked = world.Explorer?.Invoke(iteration) ?? policy;
        var ys = Generate(asked, pairs, iteration, 0, settings.Sampling);
        var scores = world.Score(iteration, [.. pairs.Zip(ys, (p, y) => (p.Prompt, (IReadOnlyList<int[]>)[y.OutputIds, p.Chosen, p.Rejected]))]);
        var (best, worst) = (0, 0);
        // The sampling forward has told log pi_t(y): it is the reference's where the reference is pi_t itself.
        var told = ReferenceEquals(asked, policy) && !settings.FixedReference && !settings.KeepData && settings.Method == LoopMethod.Selm;
        var examples = new TrainingExample[pairs.Count];
        for (var k = 0; k < examples.Length; k++)
        {
            int[][] candidates = [ys[k].OutputIds, pairs[k].Chosen, pairs[k].Rejected];
            var selected = settings.UpdateRule == UpdateRule.BestWorst ? Selection.BestWorst(scores[k]) : Selection.Replace(scores[k]);
            best += selected.Chosen == 0 ? 1 : 0;
            worst += selected.Rejected == 0 ? 1 : 0;
            var third = settings.Method == LoopMethod.Vpo ? pairs[k].Chosen : ys[k].OutputIds;
            examples[k] = Example(pairs[k].Prompt, candidates[selected.Chosen], candidates[selected.Rejected], third, told ? ys[k].Logp : double.NaN);
        }
        return (examples, best / (double)pairs.Count, worst / (double)pairs.Count);
    }

    // y' ~ pi_ref centres the optimism about y; without optimism nobody looks at it.
    private IReadOnlyList<TrainingExample> WithTargets(Llama reference, IReadOnlyList<LoopPair> pairs, int iteration, IReadOnlyList<TrainingExample> examples)
    {
        keptReferences.AddRange(settings.Alpha == 0 || IsPlainDpo(iteration)
            ? Enumerable.Repeat<int[]?>(null, pairs.Count)
            : Generate(reference, pairs, iteration, 1, Chance).Select(y => y.OutputIds));
        reward ??= IsPlainDpo(iteration) ? null : new ExplicitReward(settings, initial);
        return reward?.Fit(examples, keptReferences[^examples.Count..], iteration) ?? examples;
    }

    private TrainingExample[] Spin(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs) =>
        [.. pairs.Zip(Generate(policy, pairs, iteration, 0, Chance), (p, y) => Example(p.Prompt, p.Chosen, y.OutputIds, null))];

    private TrainingExample[] Dno(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs)
    {
        var samples = Enumerable.Range(0, settings.Samples).Select(s => Generate(policy, pairs, iteration, s, Chance)).ToArray();
        var candidates = pairs.Select((p, k) => (p.Prompt, (IReadOnlyList<int[]>)[p.Chosen, .. samples.Select(s => s[k].OutputIds)])).ToArray();
        var scores = world.Score(iteration, candidates);
        return [.. candidates.Select((c, k) => (Candidates: c, Pair: Selection.BestWorst(scores[k]), Scores: scores[k]))
            .OrderByDescending(t => t.Scores[t.Pair.Chosen] - t.Scores[t.Pair.Rejected])
            .Take((int)Math.Ceiling(settings.KeptShare * pairs.Count))
            .Select(t => Example(t.Candidates.Prompt, t.Candidates.Item2[t.Pair.Chosen], t.Candidates.Item2[t.Pair.Rejected], null))];
    }

    // Win probability of a sample: its mean Bradley-Terry probability against the other samples.
    private TrainingExample[] Sppo(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs)
    {
        var samples = Enumerable.Range(0, settings.Samples).Select(s => Generate(policy, pairs, iteration, s, Chance)).ToArray();
        var candidates = pairs.Select((p, k) => (p.Prompt, (IReadOnlyList<int[]>)[.. samples.Select(s => s[k].OutputIds)])).ToArray();
        var scores = world.Score(iteration, candidates);
        return [.. candidates.Select((c, k) =>
        {
            var wins = scores[k].Select(a => scores[k].Average(b => LogMath.Sigmoid(a - b))).ToArray();
            var pair = Selection.BestWorst(wins);
            return Example(c.Prompt, c.Item2[pair.Chosen], c.Item2[pair.Rejected], null) with
            {
                OwnLoss = new SppoLoss(SppoBeta, wins[pair.Chosen], wins[pair.Rejected]),
            };
        })];
    }

    private TrainingExample[] Xpo(Llama policy, int iteration, IReadOnlyList<LoopPair> pairs)
    {
        var (own, reference) = (Generate(policy, pairs, iteration, 0, Chance), Generate(initial, pairs, iteration, 1, Chance));
        var scores = world.Score(iteration, [.. pairs.Select((p, k) => (p.Prompt, (IReadOnlyList<int[]>)[own[k].OutputIds, reference[k].OutputIds]))]);
        return [.. pairs.Select((p, k) =>
        {
            var ownWins = scores[k][0] >= scores[k][1];
            return Example(p.Prompt, (ownWins ? own : reference)[k].OutputIds, (ownWins ? reference : own)[k].OutputIds, reference[k].OutputIds);
        })];
    }

    private double SppoBeta => settings.SppoEta is { } eta ? 1 / eta : settings.Beta;

    private SamplingOptions Chance => settings.Sampling with { Temperature = settings.Sampling.IsGreedy ? 1 : settings.Sampling.Temperature };

    // Draws are keyed by iteration, sample and row: independent streams, the same for every method and alpha.
    private Generation[] Generate(Llama model, IReadOnlyList<LoopPair> pairs, int iteration, int sample, SamplingOptions options) =>
        Sampling.ResponseGenerator.Generate(model, [.. pairs.Select(p => p.Prompt)],
            options with { Seed = (options.Seed * 1_000_003) + ((ulong)iteration * 101) + (ulong)sample }, settings.BatchSize, world.EndIds);

    private static TrainingExample Example(int[] prompt, int[] chosen, int[] rejected, int[]? y, double logpY = double.NaN)
    {
        TokenRow Row(int[] response) => new([.. prompt, .. response], prompt.Length);
        return new TrainingExample(new TokenTriple(prompt, Row(chosen), Row(rejected), y is null ? null : Row(y)), RefSample: y is null ? double.NaN : logpY);
    }
}
