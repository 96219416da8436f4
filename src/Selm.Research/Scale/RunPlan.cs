// What a recipe will take before any of it is loaded. Work is counted as Floor counts it (products that cannot be avoided), time
// is the roofline over utilisations (PlanDevice), memory is StepMemory's. Rows are taken at the recipe's limits unless typical
// lengths are given for the time; memory always counts the limits, because one batch of long rows is enough.
using Selm.Research.Algorithm1;
using Selm.Research.Objectives;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>How much data a plan counts.</summary>
/// <param name="Pairs">Pairs of the whole data.</param>
/// <param name="PairsSource">Where that number comes from.</param>
/// <param name="Prompt">Tokens of a prompt, for the time.</param>
/// <param name="Response">Tokens of a response, for the time.</param>
public sealed record PlanAmount(int Pairs, string PairsSource, int Prompt, int Response)
{
    /// <summary>Pairs of the paper's data (UltraFeedback binarised, its training split), where nothing else is said.</summary>
    public const int PaperPairs = 61_135;

    /// <summary>The amount for a recipe: what is given, or else its limits.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="pairs">Pairs of the data, or null: pairs_per_iteration of each portion, else the paper's number.</param>
    /// <param name="prompt">Typical tokens of a prompt, or null.</param>
    /// <param name="response">Typical tokens of a response, or null.</param>
    public static PlanAmount Of(Recipe recipe, int? pairs = null, int? prompt = null, int? response = null) => new(
        pairs ?? (recipe.PairsPerIteration is { } each ? each * recipe.Portions : PaperPairs),
        pairs is not null ? "given" : recipe.PairsPerIteration is not null ? "pairs_per_iteration" : "assumed, the paper's",
        Math.Min(prompt ?? recipe.MaxPromptLength, recipe.MaxPromptLength),
        Math.Min(response ?? int.MaxValue, recipe.MaxLength - Math.Min(prompt ?? recipe.MaxPromptLength, recipe.MaxPromptLength)));
}

/// <summary>One stage over all iterations.</summary>
/// <param name="Name">sampling, ranking, reference, training or evaluation.</param>
/// <param name="Flops">Operations of its products.</param>
/// <param name="Bytes">Bytes moved between the device's memory and its processors.</param>
/// <param name="Seconds">By the roofline over the utilisation.</param>
/// <param name="Peak">What is held at its fullest moment.</param>
/// <param name="DiskBytes">What it writes and the run keeps at its fullest.</param>
/// <param name="Utilisation">Shares of the device's peaks that the time counts on.</param>
public sealed record PlannedStage(string Name, double Flops, double Bytes, double Seconds, PlannedMemory Peak, double DiskBytes, Utilisation Utilisation);

/// <summary>The plan of a recipe on a device.</summary>
public sealed record RunPlan
{
    private const int Rows = RunStore.Batch; // decoded, ranked or scored together

    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>The device.</summary>
    public required PlanDevice Device { get; init; }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>Where its shape comes from.</summary>
    public required string ModelSource { get; init; }

    /// <summary>Numbers in the model.</summary>
    public required double Parameters { get; init; }

    /// <summary>Numbers that are trained.</summary>
    public required double TrainedParameters { get; init; }

    /// <summary>The data counted.</summary>
    public required PlanAmount Amount { get; init; }

    /// <summary>Optimiser steps of all iterations.</summary>
    public required int Steps { get; init; }

    /// <summary>The stages in their order.</summary>
    public required IReadOnlyList<PlannedStage> Stages { get; init; }

    /// <summary>The moments of an iteration, for the picture: sampling, ranking, reference, forward, backward, update.</summary>
    public required IReadOnlyList<PlannedMemory> Moments { get; init; }

    /// <summary>Memory of the host for what is kept off the device [bytes].</summary>
    public required double HostBytes { get; init; }

    /// <summary>The fullest moment [bytes].</summary>
    public double PeakBytes => Moments.Max(moment => moment.Total);

    /// <summary>Whether the peak is within the device's memory.</summary>
    public bool Fits => PeakBytes <= Device.Memory;

    /// <summary>All stages [s].</summary>
    public double Seconds => Stages.Sum(stage => stage.Seconds);

    /// <summary>All stages [bytes].</summary>
    public double DiskBytes => Stages.Sum(stage => stage.DiskBytes);

    /// <summary>Whether a number of the time was assumed.</summary>
    public bool Assumed => Stages.Any(stage => !stage.Utilisation.Measured);

    /// <summary>Plans a recipe.</summary>
    /// <param name="recipe">The recipe; its data are not read.</param>
    /// <param name="device">Where it would run.</param>
    /// <param name="amount">How much data, or null for <see cref="PlanAmount.Of"/>.</param>
    /// <exception cref="InputException">Method and loss contradict each other, or the model's shape is not known.</exception>
    public static RunPlan Of(Recipe recipe, PlanDevice device, PlanAmount? amount = null)
    {
        Methods.Check(recipe);
        var model = PlanModel.Of(recipe);
        recipe = Within(recipe, model.Config.MaxPositionEmbeddings);
        amount ??= PlanAmount.Of(recipe);
        var prompt = Math.Min(amount.Prompt, recipe.MaxPromptLength);
        return new Planner(recipe, device, amount with { Prompt = prompt, Response = Math.Min(amount.Response, recipe.MaxLength - prompt) }, model).Plan();
    }

    // A run cuts its default lengths to the context, and refuses others that are beyond it.
    private static Recipe Within(Recipe recipe, int context)
    {
        var length = Math.Min(recipe.MaxLength, context);
        var prompt = recipe.MaxPromptLength < length ? recipe.MaxPromptLength : length / 2;
        return recipe with { MaxLength = length, MaxPromptLength = prompt, MaxNewTokens = Math.Min(recipe.MaxNewTokens, context - prompt) };
    }

    private sealed class Planner
    {
        private readonly Recipe recipe;
        private readonly PlanDevice device;
        private readonly PlanAmount amount;
        private readonly PlanModel model;
        private readonly PlanRanker ranker;
        private readonly StepMemory memory;
        private readonly StateBytes state;
        private readonly LoopSettings settings;
        private readonly int[] pairs, draws; // by iteration
        private readonly int candidates, longest;
        private readonly double element, trained;

        internal Planner(Recipe recipe, PlanDevice device, PlanAmount amount, PlanModel model)
        {
            (this.recipe, this.device, this.amount, this.model, settings, state) = (recipe, device, amount, model, LoopSettings.Of(recipe), StateBytes.Of(recipe));
            var siblings = new Siblings(settings);
            var portion = Math.Min(amount.Pairs / recipe.Portions, recipe.PairsPerIteration ?? int.MaxValue);
            draws = [.. Enumerable.Range(0, recipe.Iterations).Select(t => siblings.Draws(t).Count)];
            pairs = [.. Enumerable.Range(0, recipe.Iterations).Select(t => Math.Max(1, settings.Keeps ? (t + 1) * portion : portion))];
            candidates = settings.Method switch { LoopMethod.Sppo or LoopMethod.Xpo => draws.Max(), LoopMethod.Dno => draws.Max() + 1, _ => 3 };
            longest = recipe.MaxLength - recipe.MaxPromptLength;
            ranker = draws.Max() == 0 ? new("none", 0, default, 0) : PlanRanker.Of(recipe, model, candidates, recipe.MaxPromptLength, Math.Max(longest, recipe.MaxNewTokens));
            memory = new StepMemory(recipe, model, device.IsCpu && recipe.Precision == Precision.Fp32, device.Constant, 4 * ranker.Weights, device.IsCpu);
            element = state.Weight;
            trained = model.AdapterWeights(recipe) is > 0 and var adapter ? adapter : model.Parameters;
        }

        private int Responses => draws.Max() > 0 || PreferenceLosses.Of(Methods.LossOf(recipe)).Needs.HasFlag(LossInputs.PolicySample) ? 3 : 2;

        internal RunPlan Plan()
        {
            var steps = pairs.Sum(count => recipe.Epochs * (int)Math.Ceiling((1 - recipe.EvalFraction) * count / ((double)recipe.BatchSize * recipe.GradientAccumulation)));
            PlannedMemory reference = memory.Reference(Rows, recipe.MaxPromptLength, longest, Responses);
            var training = memory.Training(recipe.BatchSize, recipe.MaxPromptLength, longest, Responses);
            PlannedMemory[] asked = draws.Max() == 0 ? [] : [memory.Sampling(Rows, recipe.MaxPromptLength, recipe.MaxNewTokens), .. ranker.Weights > 0 ? [memory.Ranking(ranker.Activations)] : Array.Empty<PlannedMemory>()];
            var needsReference = (PreferenceLosses.Of(Methods.LossOf(recipe)).Needs & LossInputs.Reference) != 0;
            PlannedMemory[] moments = [.. asked, .. needsReference ? [reference] : Array.Empty<PlannedMemory>(), .. training];
            return new RunPlan
            {
                Recipe = recipe.Name, Device = device, Model = model.Name, ModelSource = model.Source, Parameters = model.Parameters, TrainedParameters = trained,
                Amount = amount, Steps = steps, Moments = moments, HostBytes = state.HostMoments * trained,
                Stages = [.. Asking(asked), .. needsReference ? [Referring(reference)] : Array.Empty<PlannedStage>(), Training(training, steps), .. Evaluating(reference, steps)],
            };
        }

        // Whole iterations of pairs that are asked for: prompts times draws.
        private IEnumerable<PlannedStage> Asking(PlannedMemory[] asked)
        {
            if (asked.Length == 0)
            {
                yield break;
            }
            double answers = pairs.Zip(draws, (count, some) => Own(count) * (double)some).Sum(), prompts = pairs.Zip(draws, (count, some) => some > 0 ? Own(count) : 0.0).Sum();
            var fresh = Math.Min(recipe.MaxNewTokens, amount.Response);
            yield return Stage("sampling", Times(Halved(Floor.Of(BenchMode.Generate, model.Shape(Rows, amount.Prompt, Math.Max(1, fresh)))), answers / Rows), asked[0], answers * Text(fresh));
            if (asked.Length > 1)
            {
                yield return Stage("ranking", Times(ranker.PerPrompt, prompts), asked[1], prompts * 200, half: false);
            }
        }

        private PlannedStage Referring(PlannedMemory peak) => Stage("reference", Times(Score(Rows), pairs.Sum(count => (double)count) / Rows), peak, pairs.Sum() * Text(amount.Prompt + (3 * amount.Response)));

        private PlannedStage Training(PlannedMemory[] moments, int steps)
        {
            var passes = recipe.Epochs * (1 - recipe.EvalFraction) * pairs.Sum(count => (double)count) / recipe.BatchSize;
            // Forward, the gradient of the states and, where all weights are trained, that of the weights; blocks computed again are
            // one forward pass more. Weights are read once per pass, gradients read and written.
            var times = (recipe.Adapter is null ? 3 : 2) + (recipe.ActivationCheckpointing ? 1 : 0);
            var one = new Floor(Score(recipe.BatchSize).Flops * times, (element * model.Parameters * times) + (2 * Math.Max(state.Micro, state.Sum) * trained));
            var checkpoints = steps > recipe.Iterations * recipe.CheckpointEvery ? 2 * ((state.Master > 0 ? state.Master : state.Weight) + state.Moments + state.HostMoments) * trained : 0;
            // Moments that live on the host pass the link both ways in every step.
            var linked = device.IsCpu ? 0 : steps * 2 * state.HostMoments * trained / device.Link;
            var stage = Stage("training", Times(one, passes) + new Floor(0, steps * state.Moved * trained), moments.MaxBy(moment => moment.Total)!, (recipe.Iterations * element * trained) + checkpoints);
            return stage with { Seconds = stage.Seconds + linked };
        }

        private IEnumerable<PlannedStage> Evaluating(PlannedMemory peak, int steps)
        {
            if (recipe.EvalEvery > 0)
            {
                var times = Math.Max(recipe.Iterations, steps / recipe.EvalEvery) / (double)recipe.Iterations;
                yield return Stage("evaluation", Times(Score(recipe.BatchSize), times * recipe.EvalFraction * pairs.Sum(count => (double)count) / recipe.BatchSize), peak with { Moment = "evaluation" }, 0);
            }
        }

        private PlannedStage Stage(string name, Floor work, PlannedMemory peak, double disk, bool half = true) =>
            new(name, work.Flops, work.Bytes, device.Seconds(work, name, half && recipe.Precision == Precision.Bf16), peak, disk, device.Reached(name));

        // One forward pass over all responses of some pairs.
        private Floor Score(int rows)
        {
            var shape = model.Shape(rows, amount.Prompt, Math.Max(2, amount.Response));
            var (with, without) = (Floor.Of(BenchMode.Train, shape), Floor.Of(BenchMode.Train, shape, withReference: false));
            return Halved(new(with.Flops - without.Flops, with.Bytes - without.Bytes));
        }

        // Floors count bytes in float32.
        private Floor Halved(Floor work) => work with { Bytes = work.Bytes * element / 4 };

        private static Floor Times(Floor work, double times) => new(work.Flops * times, work.Bytes * times);

        private int Own(int count) => settings.Keeps ? pairs[0] : count;

        // JSON of a text with its ids: about ten characters per token.
        private static double Text(double tokens) => 10 * tokens;
    }
}
