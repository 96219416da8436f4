// One record tree holds every number of a run: the paper's Appendix C, and what the authors' public recipes add to it.
// No configuration framework: a YAML file names some of these fields, the rest keep the defaults below.
using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// The recipe of a run. YAML and JSON use the names in snake_case and the enumerations in kebab-case
/// (<c>update_rule: best-worst</c>). The defaults are the paper's Zephyr numbers where it gives them.
/// </summary>
public sealed record Recipe
{
    /// <summary>What the run is called, e.g. "zephyr-selm".</summary>
    public string Name { get; init; } = "run";

    /// <summary>The size of the world: where a verdict drawn from this run holds.</summary>
    public RecipeScale Scale { get; init; } = RecipeScale.Lab;

    /// <summary>The published name of the base model, for the model card; null where it has none.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// The folder of the base model in Hugging Face format (pi_ref of the first iteration), or <c>lab:SEED</c>: the lab's
    /// supervised model of that seed, trained once, which <c>selm run</c> puts in its place (Lab/LabSources.cs).
    /// </summary>
    public string? Base { get; init; }

    /// <summary>Who ranks: <c>pairrm:DIR</c>, <c>rm:DIR</c>, <c>oracle:lab</c> or <c>oracle:lab-noisy:SEED</c>.</summary>
    public string? Ranker { get; init; }

    /// <summary>
    /// Files of preferences (JSONL, JSON, gzip, Parquet or CSV, in any shape that <c>selm data inspect</c> knows), joined in this order (D, section 3.1); <c>lab:SEED</c> is the lab's
    /// offline pairs of that seed, written once.
    /// </summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>The loop to run: a name of Objectives/Methods.cs, which says what loss each method owns.</summary>
    public string Method { get; init; } = "selm";

    /// <summary>The loss and its constants.</summary>
    public LossRecipe Loss { get; init; } = new();

    /// <summary>Rounds of training T in Algorithm 1, a first round of plain DPO included (Zephyr 4, Llama-3 3).</summary>
    public int Iterations { get; init; } = 4;

    /// <summary>Equal portions that the data is cut into, one per iteration; a remainder is left out (61,135 -> 4 x 15,283).</summary>
    public int Portions { get; init; } = 4;

    /// <summary>Pairs used per iteration; null uses the whole portion.</summary>
    public int? PairsPerIteration { get; init; }

    /// <summary>Whether the first iteration is plain DPO on the original pairs (Zephyr yes, Llama-3 no).</summary>
    public bool FirstIterationIsDpo { get; init; } = true;

    /// <summary>Prompt plus response [tokens]. Beyond the model's context this default is cut to it, another number refused; so with the next two.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>What a prompt is cut to when the whole is too long [tokens].</summary>
    public int MaxPromptLength { get; init; } = 512;

    /// <summary>Longest generated response y [tokens].</summary>
    public int MaxNewTokens { get; init; } = 1024;

    /// <summary>How y is drawn from the iteration's starting policy; the default is greedy, as in the authors' code.</summary>
    public SamplingRecipe Sampling { get; init; } = new();

    /// <summary>How {y, y_w, y_l} becomes the next pair (section 3.1).</summary>
    public UpdateRule UpdateRule { get; init; } = UpdateRule.BestWorst;

    /// <summary>Whether pairs of earlier iterations stay in the training set.</summary>
    public bool KeepData { get; init; }

    /// <summary>Own samples per prompt of dno and sppo.</summary>
    public int Samples { get; init; } = 3;

    /// <summary>Share of the pairs that dno keeps, those of the largest margins, in (0, 1].</summary>
    public double KeptShare { get; init; } = 0.75;

    /// <summary>The reward model of explicit-reward.</summary>
    public RewardOptions Reward { get; init; } = new();

    /// <summary>Whether pi_ref moves to the newest policy before each iteration (Algorithm 1) or stays the base model (XPO, Theorem 5.3).</summary>
    public ReferencePolicy Reference { get; init; } = ReferencePolicy.Moves;

    /// <summary>The LoRA adapter that is trained in place of the model's weights; null trains all weights.</summary>
    public AdapterRecipe? Adapter { get; init; }

    /// <summary>The optimiser; it starts afresh in every iteration.</summary>
    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>How the learning rate moves within an iteration.</summary>
    public ScheduleRecipe Schedule { get; init; } = new();

    /// <summary>Factor on the learning rate in the last iteration.</summary>
    public double LastIterationLrFactor { get; init; } = 1;

    /// <summary>Peak learning rate of each iteration; when given, it replaces optimizer.learning_rate and the factor.</summary>
    public IReadOnlyList<double> IterationLearningRates { get; init; } = [];

    /// <summary>Pairs per forward pass.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Forward passes per optimiser step; pairs per step = batch_size x gradient_accumulation.</summary>
    public int GradientAccumulation { get; init; } = 32;

    /// <summary>Passes over an iteration's pairs.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Gradients are scaled down to this global 2-norm; 0 or null leaves them alone.</summary>
    public double? MaxGradNorm { get; init; } = 1;

    /// <summary>Number format of the forward and backward pass.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;

    /// <summary>Whether blocks are computed again in the backward pass to save memory.</summary>
    public bool ActivationCheckpointing { get; init; }

    /// <summary>Optimiser steps between checkpoints from which a killed run resumes.</summary>
    public int CheckpointEvery { get; init; } = 100;

    /// <summary>Optimiser steps between evaluations on held-out pairs; 0 never evaluates.</summary>
    public int EvalEvery { get; init; }

    /// <summary>Share of the pairs held out for that, in [0, 1).</summary>
    public double EvalFraction { get; init; }

    /// <summary>How chats become token rows.</summary>
    public PipelineKind Pipeline { get; init; } = PipelineKind.Clean;

    /// <summary>The seed of every random stream.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Threads of one process; 0 takes what the machine offers. Results have the same bits for any number.</summary>
    public int Threads { get; init; }

    /// <summary>The peak learning rate of an iteration.</summary>
    /// <param name="iteration">Counted from 0.</param>
    public double LearningRateOf(int iteration) => IterationLearningRates.Count > 0
        ? IterationLearningRates[iteration]
        : Optimizer.LearningRate * (iteration == Iterations - 1 ? LastIterationLrFactor : 1);

    /// <summary>Reads a recipe file.</summary>
    /// <exception cref="InputException">The file is missing or not YAML; a key is unknown (the nearest name is told);
    /// a value has the wrong type or range; each with file and line.</exception>
    public static Recipe Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give the path of a recipe such as data/recipes/demo.yaml");
        }
    }

    /// <summary>Reads a recipe from YAML text.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="source">What errors call it, usually the file.</param>
    /// <exception cref="InputException">As <see cref="Read"/>.</exception>
    public static Recipe Parse(string yaml, string source)
    {
        var reader = new RecipeYaml(source);
        var recipe = reader.Read<Recipe>(yaml);
        RecipeRules.Check(recipe, reader);
        return recipe;
    }

    /// <summary>The whole recipe as YAML, defaults included; reads back to an equal recipe.</summary>
    public string ToYaml() => RecipeYaml.Write(this);

    /// <summary>The whole recipe as canonical JSON: every field, in the order above; the text decides whether two runs have the same recipe.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonFormat.Line);
}

/// <summary>How the explicit reward model is fitted in each iteration.</summary>
public sealed record RewardOptions
{
    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Passes over the pairs.</summary>
    public int Epochs { get; init; } = 4;
}

/// <summary>How responses are drawn; temperature 0 is greedy.</summary>
public sealed record SamplingRecipe
{
    /// <summary>Divides the logits; 0 takes the most likely token.</summary>
    public double Temperature { get; init; }

    /// <summary>Keeps the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the smallest set of tokens with at least this probability.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Drops tokens below this share of the most likely one's probability.</summary>
    public double MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens already seen.</summary>
    public double RepetitionPenalty { get; init; } = 1;
}

/// <summary>The optimiser of a recipe.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>Which optimiser.</summary>
    public OptimizerKind Name { get; init; } = OptimizerKind.Adamw;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 5e-7;

    /// <summary>AdamW's decay of the first and second moment.</summary>
    public IReadOnlyList<double> Betas { get; init; } = [0.9, 0.999];

    /// <summary>Added to the denominator.</summary>
    public double Eps { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>
    /// Whether bf16 weights have an fp32 copy that the optimiser changes (4 bytes a weight). Without it AdamW's step is computed in fp32 and rounded into
    /// the bf16 weight stochastically, which is right on average; the random bits are the seed's.
    /// </summary>
    public bool MasterWeights { get; init; } = true;

    /// <summary>Number format of AdamW's two moments; bf16 ones take 4 bytes a weight instead of 8 and are rounded stochastically.</summary>
    public Precision Moments { get; init; } = Precision.Fp32;

    /// <summary>Where AdamW's moments are kept; on the host they pass through the device piece by piece. Results are the same.</summary>
    public MomentsPlace MomentsOn { get; init; } = MomentsPlace.Device;

    /// <summary>
    /// Whether each block's weights are changed within the backward pass as soon as their gradient is complete, which is then freed: no whole gradient is
    /// ever held. Goes with activation_checkpointing, gradient_accumulation: 1 and max_grad_norm: 0 alone.
    /// </summary>
    public bool UpdateInBackward { get; init; }
}

/// <summary>The learning-rate schedule of a recipe.</summary>
public sealed record ScheduleRecipe
{
    /// <summary>How the rate falls after the warm-up.</summary>
    public ScheduleKind Kind { get; init; } = ScheduleKind.Cosine;

    /// <summary>Share of the steps over which the rate rises from 0.</summary>
    public double WarmupRatio { get; init; } = 0.1;
}

/// <summary>The four sizes of one code path.</summary>
public enum RecipeScale
{
    /// <summary>The lab world with a tiny budget.</summary>
    Smoke,

    /// <summary>The lab world on two CPU cores.</summary>
    Lab,

    /// <summary>The enlarged lab world on one GPU.</summary>
    Gpu,

    /// <summary>The paper's own models.</summary>
    Paper,
}

/// <summary>How {y, y_w, y_l} becomes the next pair.</summary>
public enum UpdateRule
{
    /// <summary>The best of the three becomes y_w and the worst y_l: Algorithm 1, and what the authors' code does.</summary>
    BestWorst,

    /// <summary>y is compared with y_w alone (appendix C): it replaces y_w where it beats it, else y_l; the data's own order is never questioned.</summary>
    Replace,
}

/// <summary>What pi_ref is in later iterations.</summary>
public enum ReferencePolicy
{
    /// <summary>The policy at the start of the iteration (Algorithm 1).</summary>
    Moves,

    /// <summary>The base model throughout.</summary>
    Fixed,
}

/// <summary>The scale of the optimism term.</summary>
public enum AlphaScale
{
    /// <summary>alpha x beta, as in (3.2) and the authors' code.</summary>
    AlphaBeta,

    /// <summary>alpha, as Algorithm 1 prints it: 1/beta times larger.</summary>
    Alpha,
}

/// <summary>Optimisers.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay.</summary>
    Adamw,

    /// <summary>RMSprop.</summary>
    Rmsprop,

    /// <summary>Plain gradient descent.</summary>
    Sgd,
}

/// <summary>Where the moments of the optimiser are kept.</summary>
public enum MomentsPlace
{
    /// <summary>Beside the weights.</summary>
    Device,

    /// <summary>In the memory of the CPU.</summary>
    Host,
}

/// <summary>Learning-rate schedules.</summary>
public enum ScheduleKind
{
    /// <summary>Half a cosine down to 0.</summary>
    Cosine,

    /// <summary>A straight line down to 0.</summary>
    Linear,

    /// <summary>Constant after the warm-up.</summary>
    Constant,
}

/// <summary>Number formats.</summary>
public enum Precision
{
    /// <summary>32-bit floats.</summary>
    Fp32,

    /// <summary>bfloat16; of weights that the optimiser changes there is an fp32 copy unless optimizer.master_weights is false.</summary>
    Bf16,
}

/// <summary>How chats become token rows.</summary>
public enum PipelineKind
{
    /// <summary>One eos, marker in the prompt, every response cut to its own limit.</summary>
    Clean,

    /// <summary>As the authors' code does it, quirks included.</summary>
    SelmRepo,
}
