using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>The methods of the loop (THEORY: siblings).</summary>
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

    /// <summary>The loss of a round, by whether the policy was asked for answers in it; null: the method's own at beta and alpha.</summary>
    public Func<bool, IPreferenceLoss>? Loss { get; init; }

    /// <summary>Iterations T.</summary>
    public int Iterations { get; init; } = 4;

    /// <summary>Whether iteration 0 is plain DPO on its offline portion (the Zephyr recipe).</summary>
    public bool FirstIterationIsDpo { get; init; } = true;

    /// <summary>How y is chosen: temperature 0 is greedy.</summary>
    public SamplingOptions Sampling { get; init; } = new(MaxNewTokens: 28);

    /// <summary>How {y, y_w, y_l} becomes a pair.</summary>
    public UpdateRule UpdateRule { get; init; } = UpdateRule.BestWorst;

    /// <summary>Train on the pairs of all iterations so far; iterations then have to run in order.</summary>
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

    /// <summary>Peak learning rate of each iteration; empty: that of <see cref="Training"/>, with <see cref="LastIterationLrFactor"/>.</summary>
    public IReadOnlyList<double> LearningRates { get; init; } = [];

    /// <summary>Rows decoded or scored together.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Prompt plus response [tokens]; a longer response is cut.</summary>
    public int MaxLength { get; init; } = int.MaxValue;

    /// <summary>Whether the log-prob of an answer when it was sampled is the one that training would compute; not so in bfloat16.</summary>
    public bool SamplingTellsLogps { get; init; } = true;

    /// <summary>Whether a round trains on the data's own pairs and asks nobody.</summary>
    /// <param name="iteration">From 0.</param>
    public bool IsPlain(int iteration) => Method is LoopMethod.OfflineDpo or LoopMethod.StepwiseDpo
        || (iteration == 0 && FirstIterationIsDpo && Method is LoopMethod.Selm or LoopMethod.Vpo or LoopMethod.ExplicitReward);

    /// <summary>Whether the reference is the base model in every iteration.</summary>
    public bool StaysAtBase => FixedReference || Method is LoopMethod.OfflineDpo or LoopMethod.Xpo;

    /// <summary>Whether earlier pairs stay in the training set.</summary>
    public bool Keeps => KeepData || Method == LoopMethod.Xpo;

    /// <summary>The training of an iteration.</summary>
    /// <param name="iteration">From 0.</param>
    public TrainerOptions TrainingOf(int iteration)
    {
        var last = iteration == Iterations - 1;
        var training = last ? LastTraining ?? Training : Training;
        var rate = LearningRates.Count > 0 ? LearningRates[iteration] : training.LearningRate * (last ? LastIterationLrFactor : 1);
        return training with { Iteration = iteration, LearningRate = rate };
    }

    /// <summary>The loss of an iteration.</summary>
    /// <param name="iteration">From 0.</param>
    public IPreferenceLoss LossOf(int iteration) => Loss is not null ? Loss(!IsPlain(iteration))
        : IsPlain(iteration) ? new DpoLoss(Beta)
        : Method switch
        {
            LoopMethod.Spin => new SpinLoss(Beta),
            LoopMethod.Dno => new DnoLoss(Beta),
            LoopMethod.Sppo => new SppoLoss(SppoBeta),
            LoopMethod.Xpo => new XpoLoss(Beta, Alpha * Beta),
            LoopMethod.Vpo => new VpoLoss(Beta, Alpha),
            LoopMethod.ExplicitReward => new RewardDistillationLoss(Beta, 0), // each example brings its own margin
            _ => new SelmLoss(Beta, Alpha),
        };

    internal double SppoBeta => SppoEta is { } eta ? 1 / eta : Beta;

    /// <summary>The numbers of a recipe as a loop takes them.</summary>
    /// <param name="recipe">The recipe; <see cref="Methods.Check"/> has passed it.</param>
    public static LoopSettings Of(Recipe recipe)
    {
        var loss = PreferenceLosses.Resolve(Methods.LossOf(recipe));
        var s = recipe.Sampling;
        return new()
        {
            Method = recipe.Method switch
            {
                "dpo" or Methods.Training => LoopMethod.OfflineDpo,
                "stepwise-dpo" => LoopMethod.StepwiseDpo,
                "spin" => LoopMethod.Spin,
                "dno" => LoopMethod.Dno,
                "sppo" => LoopMethod.Sppo,
                "xpo" => LoopMethod.Xpo,
                "vpo" => LoopMethod.Vpo,
                "explicit-reward" => LoopMethod.ExplicitReward,
                _ => LoopMethod.Selm,
            },
            Beta = loss.Beta ?? 1,
            Alpha = loss.Alpha ?? 0,
            Loss = asked => PreferenceLosses.Of(Methods.LossOf(recipe, asked)),
            Iterations = recipe.Iterations,
            FirstIterationIsDpo = recipe.FirstIterationIsDpo,
            Sampling = new SamplingOptions(s.Temperature, s.TopK, s.TopP, s.MinP, s.RepetitionPenalty, recipe.MaxNewTokens, recipe.Seed),
            UpdateRule = recipe.UpdateRule,
            KeepData = recipe.KeepData,
            FixedReference = recipe.Reference == ReferencePolicy.Fixed,
            Samples = recipe.Samples,
            KeptShare = recipe.KeptShare,
            Reward = recipe.Reward,
            Training = TrainerOptions.Of(recipe, 0),
            LearningRates = [.. Enumerable.Range(0, recipe.Iterations).Select(recipe.LearningRateOf)],
            BatchSize = RunStore.Batch,
            MaxLength = recipe.MaxLength,
            SamplingTellsLogps = recipe.Precision == Precision.Fp32,
        };
    }
}
