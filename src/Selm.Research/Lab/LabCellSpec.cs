using System.Text.Json;
using System.Text.Json.Serialization;
using Selm.HuggingFace.Files;
using Selm.Research.Algorithm1;
using Selm.Research.Runs;

namespace Selm.Research.Lab;

/// <summary>Who labels the candidates of a cell.</summary>
public enum LabJudge
{
    /// <summary>The true reward with fresh Gumbel noise: Plackett-Luce on r*.</summary>
    Oracle,

    /// <summary>The learned ranker.</summary>
    Model,
}

/// <summary>Which writers and how many portions.</summary>
public enum LabWorldPreset
{
    /// <summary><see cref="LabPreset.Standard"/>.</summary>
    Standard,

    /// <summary><see cref="LabPreset.Headroom"/>.</summary>
    Headroom,
}

/// <summary>How much is trained; <see cref="LabSizes"/> has the numbers.</summary>
public enum LabBudget
{
    /// <summary>Seconds: a base model that has hardly learnt to speak, few pairs. Shows that everything runs, measures nothing.</summary>
    Smoke,

    /// <summary>The sizes of the lab's tables.</summary>
    Lab,

    /// <summary>Ten times the topics, the headroom world, a Llama of 26 million weights: for a GPU.</summary>
    Gpu,

    /// <summary>The same language, world and code path as <see cref="Gpu"/> with a tiny model and few pairs: for any CPU.</summary>
    GpuSmoke,
}

/// <summary>Where the iterations start.</summary>
public enum LabRecipe
{
    /// <summary>The base model; iteration 0 is DPO on its offline portion (the paper's Zephyr recipe).</summary>
    Zephyr,

    /// <summary>A base model with one DPO pass on pairs of keen writers; every iteration is the method's own (the paper's Llama recipe).</summary>
    Llama,
}

/// <summary>How the peak of the learning rate changes from iteration to iteration (appendix C's three cycles).</summary>
public enum LabCycle
{
    /// <summary>The same peak but in the last iteration, which has a fifth of it.</summary>
    LastDecayed,

    /// <summary>The same peak in every iteration.</summary>
    Constant,

    /// <summary>A peak that falls along a line, from the whole in the first iteration to a fifth in the last.</summary>
    Linear,
}

/// <summary>
/// One run of the lab: a seed, a method and its numbers. Numbers that are null are those of the budget, and where it has none
/// those of the ranker's setting: oracle lr 4e-4 and batch 32, model lr 6e-4 and batch 64, both with 1,024 pairs per iteration.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record LabCellSpec
{
    // Part of every hash: raised when the code changes what a cell comes to.
    private const string Format = "lab-cell-3";

    /// <summary>Seed of the base model, the pairs, the labels and the batches.</summary>
    public ulong Seed { get; init; }

    /// <summary>Who labels.</summary>
    public LabJudge Ranker { get; init; } = LabJudge.Oracle;

    /// <summary>Who writes.</summary>
    public LabWorldPreset Preset { get; init; } = LabWorldPreset.Standard;

    /// <summary>How much is trained.</summary>
    public LabBudget Budget { get; init; } = LabBudget.Lab;

    /// <summary>Where the iterations start.</summary>
    public LabRecipe Recipe { get; init; } = LabRecipe.Zephyr;

    /// <summary>Which sibling of Algorithm 1.</summary>
    public LoopMethod Method { get; init; } = LoopMethod.Selm;

    /// <summary>Weight of optimism alpha as the loss has it (the lab's scale; Claims/LabAlpha has the paper's), for the siblings in <see cref="LabBaselines"/>; methods without one ignore it.</summary>
    public double Alpha { get; init; } = 0.001;

    /// <summary>SPPO's eta; null: <see cref="LabBaselines.SppoEta"/>. Other methods ignore it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SppoEta { get; init; }

    /// <summary>Share of DNO's pairs that is kept; null: <see cref="LabBaselines.DnoKeptShare"/>. Other methods ignore it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? KeptShare { get; init; }

    /// <summary>KL coefficient beta.</summary>
    public double Beta { get; init; } = 0.3;

    /// <summary>Iterations, from 0; null: 4 of the Zephyr recipe, 3 of the Llama recipe.</summary>
    public int? Iterations { get; init; }

    /// <summary>Offline pairs of an iteration.</summary>
    public int? PairsPerIteration { get; init; }

    /// <summary>Examples per optimiser step.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Peak learning rate of the first iteration; <see cref="Cycle"/> says that of the others.</summary>
    public double? LearningRate { get; init; }

    /// <summary>How the peak goes on over iterations.</summary>
    public LabCycle Cycle { get; init; }

    /// <summary>Shape of the learning rate after 10 % warm-up; null: cosine, and constant without warm-up where a curve is measured.</summary>
    public ScheduleKind? Schedule { get; init; }

    /// <summary>Optimiser steps of the last iteration after which the policy is measured; null: only at its end.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int[]? CurveSteps { get; init; }

    /// <summary>Peak learning rate of the last iteration where a curve is measured; null: <see cref="LearningRate"/>, not a fifth of it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? CurveLearningRate { get; init; }

    /// <summary>Passes over the data of the last iteration; null: one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Epochs { get; init; }

    /// <summary>How {y, y_w, y_l} becomes a pair.</summary>
    public UpdateRule UpdateRule { get; init; } = UpdateRule.BestWorst;

    /// <summary>y is drawn at temperature 1 instead of greedily.</summary>
    public bool Sampled { get; init; }

    /// <summary>Trains on the pairs of all iterations so far.</summary>
    public bool KeepData { get; init; }

    /// <summary>The reference stays the first policy.</summary>
    public bool FixedReference { get; init; }

    /// <summary>y comes from the checkpoints of <see cref="Twin"/>: the bonus shapes the training, not the queries.</summary>
    public bool Swap { get; init; }

    /// <summary>The same cell with alpha = 0 and its own queries.</summary>
    [JsonIgnore]
    public LabCellSpec Twin => this with { Alpha = 0, Swap = false };

    /// <summary>64 hex digits, the same for specs that ask for the same computation.</summary>
    [JsonIgnore]
    public string Hash => ContentHash.Combine(Format, JsonSerializer.Serialize(Resolved(), JsonFormat.Line));

    /// <summary>For people: <c>selm 0.001, oracle, seed 100</c>.</summary>
    [JsonIgnore]
    public string Name => FormattableString.Invariant(
        $"{Method.ToString().ToLowerInvariant()} {Alpha:g3}{(Swap ? " swap" : "")}{(Recipe == LabRecipe.Llama ? " llama" : "")}, {Ranker.ToString().ToLowerInvariant()}, seed {Seed}");

    /// <summary>The same spec without nulls, and with alpha 0 where the method has no alpha.</summary>
    /// <exception cref="InputException">A number has no meaning.</exception>
    public LabCellSpec Resolved()
    {
        var (oracle, sizes) = (Ranker == LabJudge.Oracle, LabSizes.Of(Budget));
        var resolved = this with
        {
            Preset = sizes.Headroom ? LabWorldPreset.Headroom : Preset,
            Alpha = Method is LoopMethod.Selm or LoopMethod.Xpo or LoopMethod.Vpo or LoopMethod.ExplicitReward ? Alpha : 0,
            SppoEta = Method == LoopMethod.Sppo ? SppoEta ?? LabBaselines.SppoEta : null,
            KeptShare = Method == LoopMethod.Dno ? KeptShare ?? LabBaselines.DnoKeptShare : null,
            Iterations = Iterations ?? (Recipe == LabRecipe.Zephyr ? 4 : 3),
            PairsPerIteration = PairsPerIteration ?? sizes.Pairs,
            BatchSize = BatchSize ?? sizes.BatchSize ?? (oracle ? 32 : 64),
            LearningRate = LearningRate ?? sizes.LearningRate ?? (oracle ? 4e-4 : 6e-4),
            Schedule = Schedule ?? (CurveSteps is null ? ScheduleKind.Cosine : null),
        };
        Require(double.IsFinite(Alpha) && Alpha >= 0, "alpha", "a number >= 0");
        Require(SppoEta is null || (double.IsFinite(SppoEta.Value) && SppoEta > 0), "sppo_eta", "a number > 0");
        Require(KeptShare is null or (> 0 and <= 1), "kept_share", "a number > 0 and <= 1");
        Require(double.IsFinite(Beta) && Beta > 0, "beta", "a number > 0");
        Require(resolved.Iterations >= 1, "iterations", "a whole number >= 1");
        Require(resolved.PairsPerIteration >= 1, "pairs_per_iteration", "a whole number >= 1");
        Require(resolved.BatchSize >= 1, "batch_size", "a whole number >= 1");
        Require(double.IsFinite(resolved.LearningRate.Value) && resolved.LearningRate > 0, "learning_rate", "a number > 0");
        RequireLast(resolved);
        Require(!Swap || Method == LoopMethod.Selm, "swap", "false for every method but selm");
        return resolved;
    }

    /// <summary>Reads a spec from a JSON file; what it leaves out has the defaults.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is missing or is no spec.</exception>
    public static LabCellSpec Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); check the path and its permissions.", e);
        }
    }

    /// <summary>Reads a spec from JSON; what it leaves out has the defaults.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it stands, for messages.</param>
    /// <exception cref="InputException">It is no spec.</exception>
    public static LabCellSpec Parse(string json, string source)
    {
        try
        {
            return (JsonSerializer.Deserialize<LabCellSpec>(json, JsonFormat.Indented) ?? new LabCellSpec()).Resolved();
        }
        catch (InputException e)
        {
            throw new InputException($"{source}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new InputException($"{source} line {e.LineNumber + 1} is no spec of a lab cell ({e.Message.Split(" Path:")[0].TrimEnd('.')}); give fields such as {{\"seed\": 100, \"alpha\": 0.001}}.", e);
        }
    }

    // The first iteration is shared with cells that have no curve, so the last must be another one.
    private static void RequireLast(LabCellSpec spec)
    {
        var pairs = spec.PairsPerIteration!.Value * (spec.KeepData ? spec.Iterations!.Value : 1);
        var steps = (spec.Epochs ?? 1) * ((pairs + spec.BatchSize!.Value - 1) / spec.BatchSize.Value);
        Require(spec.Epochs is null or >= 1, "epochs", "a whole number >= 1");
        Require(spec.CurveLearningRate is null || (spec.CurveSteps is not null && double.IsFinite(spec.CurveLearningRate.Value) && spec.CurveLearningRate > 0),
            "curve_learning_rate", "a number > 0, beside curve_steps");
        Require(spec.CurveSteps is null || (spec.CurveSteps.Length > 0 && spec.CurveSteps.All(step => step >= 1 && step <= steps)),
            "curve_steps", FormattableString.Invariant($"a list of whole numbers from 1 to the {steps} optimiser steps of the last iteration"));
        Require(spec.CurveSteps is null || spec.Cycle == LabCycle.LastDecayed, "cycle", "last-decayed where curve_steps are given, whose iteration has a rate of its own");
        Require((spec.CurveSteps is null && spec.Epochs is null) || spec.Iterations >= 2, "iterations", "a whole number >= 2 where curve_steps or epochs are given");
    }

    private static void Require(bool holds, string field, string expected)
    {
        if (!holds)
        {
            throw new InputException($"The field {field} of a lab cell must be {expected}; change it.");
        }
    }
}
