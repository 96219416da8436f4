using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Algorithm1;

/// <summary>How a run is started.</summary>
/// <param name="Recipe">Every number of it.</param>
/// <param name="Folder">Its folder; an existing run in it is continued.</param>
/// <param name="Resume">Demand that the run exists.</param>
/// <param name="AllowDifferentMachine">Continue under other thread counts or libraries; the last bits may then differ.</param>
/// <param name="CacheFolder">Where reference log-probs and the base model's answers are kept, for other runs too, also at the same time; null keeps them in the run. What it holds already saves time and changes no byte.</param>
public sealed record RunOptions(Recipe Recipe, string Folder, bool Resume = false, bool AllowDifferentMachine = false, string? CacheFolder = null);

/// <summary>An answer to the same prompt before and after alignment.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Before">Greedy answer of the base model.</param>
/// <param name="After">Greedy answer of the last policy.</param>
/// <param name="ScoreBefore">The ranker's score of <paramref name="Before"/> among the two; null in a run without a ranker.</param>
/// <param name="ScoreAfter">The ranker's score of <paramref name="After"/> among the two; null in a run without a ranker.</param>
public sealed record BeforeAfter(string Prompt, string Before, string After, double? ScoreBefore, double? ScoreAfter);

/// <summary>
/// Algorithm 1 on text: per iteration sample y from the current policy, rank {y, y_w, y_l}, keep best and worst, train
/// with the optimism term, move the reference; and the siblings, which are the same loop (<see cref="PreferenceLoop"/>) with
/// other answers, pairs and losses. A run killed at any instant and started again ends with the same bits.
/// Derived in lesson 09.
/// </summary>
public static class SelmRun
{
    /// <summary>
    /// One training on given pairs, nothing generated or ranked: <c>selm train</c>. y is taken from the pairs'
    /// reference_response where the loss needs one.
    /// </summary>
    /// <param name="recipe">The loss and the numbers of the training.</param>
    /// <param name="model">The reference and starting point.</param>
    /// <param name="data">The pairs.</param>
    public static Recipe OneTraining(Recipe recipe, string model, string data) => recipe with
    {
        Base = model,
        Datasets = [data],
        Method = Methods.Training,
        Iterations = 1,
        Portions = 1,
        Ranker = null,
    };

    /// <summary>Refuses a recipe that this loop cannot run; asks for no file.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="InputException">The sentence names the key and the cure.</exception>
    public static void Check(Recipe recipe)
    {
        if (recipe.Base is null)
        {
            throw new InputException("The recipe names no base model; add the line \"base: FOLDER\".");
        }
        if (recipe.Datasets.Count == 0)
        {
            throw new InputException("The recipe names no data; add the line \"datasets: [FILE.jsonl]\".");
        }
        if (recipe.Ranker is null && Methods.Find(recipe.Method) is { Asks: true, Name: not "spin" })
        {
            throw new InputException($"method {recipe.Method} needs a ranker; add the line \"ranker: pairrm:FOLDER\".");
        }
        Methods.Check(recipe);
    }

    /// <summary>What each iteration of a recipe will train: pairs, steps, learning rates. Reads the data, computes nothing.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="InputException">Recipe or data are wrong; the sentence says what and the cure.</exception>
    public static IReadOnlyList<TrainingPlan> Plan(Recipe recipe)
    {
        Check(recipe);
        return Plan(recipe, Portions(Pairs(recipe).Records, recipe));
    }

    /// <summary>Runs or continues a recipe. What is wrong with a new run is said before its folder exists.</summary>
    /// <param name="options">What and where.</param>
    /// <param name="openRanker">Opens the ranker that the recipe names; called only if one is needed.</param>
    /// <param name="progress">Is told about rows and steps.</param>
    /// <param name="cancellation">Stops between batches; the run can be continued.</param>
    /// <returns>Answers before and after, also in answers.jsonl.</returns>
    /// <exception cref="InputException">Recipe, model, data or run folder are wrong; the sentence says what and the cure.</exception>
    public static IReadOnlyList<BeforeAfter> Run(
        RunOptions options, Func<string, IRanker> openRanker, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var run = Open(options, openRanker);
        return run.Finish(progress, cancellation);
    }

    /// <summary>Checks everything and opens the folder; nothing is computed yet.</summary>
    /// <param name="options">What and where.</param>
    /// <param name="openRanker">Opens the ranker that the recipe names; called only if one is needed.</param>
    /// <exception cref="InputException">As <see cref="Run"/>.</exception>
    public static OpenRun Open(RunOptions options, Func<string, IRanker> openRanker)
    {
        Check(options.Recipe);
        if (LoraConfig.IsIn(options.Recipe.Base!))
        {
            throw new InputException($"base: {options.Recipe.Base} is an adapter; give its base model as base and this folder as adapter: {{path: {options.Recipe.Base}}}, or merge it first (selm merge).");
        }
        var (recipe, notes) = RecipeLimits.Fit(options.Recipe);
        options = options with { Recipe = recipe };
        if (recipe.Threads > 0)
        {
            Libtorch.Threads = recipe.Threads;
        }
        var pairs = Pairs(recipe);
        var records = pairs.Records;
        var portions = Portions(records, recipe);
        var plan = Plan(recipe, portions);
        if (File.Exists(options.CacheFolder))
        {
            throw new InputException($"{options.CacheFolder} is a file; give a folder for the reference log-probs.");
        }
        var started = RunFolder.StartOf(options.Folder);
        var ranker = new LazyRanker(() => openRanker(recipe.Ranker!), started);
        ModelFolder? start = null;
        try
        {
            var encoded = RunFolder.IsThere(options.Folder, options.Resume) ? null : Start(recipe, records, ranker, started, out start);
            var folder = RunFolder.Open(options.Folder, recipe.ToJson(), Inputs(recipe), MachineFacts.Now(recipe.Device), options.Resume, options.AllowDifferentMachine, started);
            return new OpenRun(options, folder, portions, encoded is null ? null : Portions(encoded, recipe), plan, ranker, start) { Notes = [.. notes, .. EqualPairs(pairs)] };
        }
        catch
        {
            start?.Dispose();
            ranker.Dispose();
            throw;
        }
    }

    // A loss compares the two; where they are the same text it moves nothing.
    private static string[] EqualPairs(PreferenceSet pairs) =>
        pairs.Equal == 0 ? [] : [$"{pairs.Equal} of {pairs.Records.Count} pairs have two equal responses, which teach nothing as they stand; selm data inspect counts them."];

    /// <summary>The folder of the last policy inside a run: a link to the last iteration's.</summary>
    public const string ResultName = "model";

    // The base model and the ranker of a run that is not there yet, and a try at what its text stages will ask of them; what
    // that makes of the pairs is kept, since the run begins with it.
    private static LoopPair[]? Start(Recipe recipe, IReadOnlyList<PreferenceRecord> records, LazyRanker ranker, DateOnly started, out ModelFolder start)
    {
        start = Load(StartOf(recipe), recipe, started);
        if (recipe.Adapter is { Path: null })
        {
            NewAdapter.Of(start.Model, recipe.Adapter, recipe.Seed).Dispose(); // says now if it names no layer
        }
        _ = start.TokenizerHash;
        return RecipeLimits.Check(recipe, start, records, recipe.Ranker is null ? null : ranker.Value);
    }

    // Where no answers are asked for, a loss that reads y must find it in the data.
    private static PreferenceSet Pairs(Recipe recipe)
    {
        var loss = Methods.LossOf(recipe);
        var readsY = !Methods.Find(recipe.Method).Asks && PreferenceLosses.Of(loss).Needs.HasFlag(LossInputs.PolicySample) ? $"loss {loss.Kind}" : null;
        if (recipe.Datasets.FirstOrDefault(InputFile.IsPipe) is { } pipe)
        {
            throw new InputException($"datasets: {pipe} is a pipe, which a run that goes on could not read again; write what comes out of it into a file and give that.");
        }
        return PreferenceFile.Read(recipe.Datasets, readsY);
    }

    private static TrainingPlan[] Plan(Recipe recipe, IReadOnlyList<IReadOnlyList<PreferenceRecord>> portions)
    {
        var settings = LoopSettings.Of(recipe);
        int Own(int t) => portions[t % portions.Count].Count is var count && settings.Method == LoopMethod.Dno ? (int)Math.Ceiling(settings.KeptShare * count) : count;
        return [.. Enumerable.Range(0, recipe.Iterations).Select(t =>
        {
            var pairs = settings.Keeps ? Enumerable.Range(0, t + 1).Sum(Own) : Own(t);
            return TrainingPlan.Of(recipe, t, pairs - Splits.HeldOutCount(pairs, recipe.EvalFraction));
        })];
    }

    private static Dictionary<string, string> Inputs(Recipe recipe)
    {
        var inputs = Identity.Parts(recipe.Base!).ToDictionary(part => $"base {part.Key}", part => part.Value);
        if (recipe.Adapter?.Path is { } adapter)
        {
            inputs["adapter"] = LoraFiles.Hash(adapter);
        }
        for (var k = 0; k < recipe.Datasets.Count; k++)
        {
            inputs[$"dataset {k + 1}"] = ContentHash.OfFile(recipe.Datasets[k]);
        }
        foreach (var (name, hash) in recipe.Ranker is { } ranker ? Identity.RankerParts(ranker) : [])
        {
            inputs[$"ranker {name}"] = hash;
        }
        return inputs;
    }

    // Portions of the data or of what was made of it, as much of each as the recipe uses.
    private static IReadOnlyList<IReadOnlyList<T>> Portions<T>(IReadOnlyList<T> items, Recipe recipe) =>
        [.. Splits.Portions(items, recipe.Portions).Select(portion => recipe.PairsPerIteration is { } most && most < portion.Count ? [.. portion.Take(most)] : portion)];

    /// <summary>The folder of pi_0: the base model, or the adapter that stands on it.</summary>
    internal static string StartOf(Recipe recipe) => recipe.Adapter?.Path ?? recipe.Base!;

    /// <summary>A model of a run: the base, or with an adapter the base under one of the run's adapters.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="recipe">The run's recipe.</param>
    /// <param name="started">The day of the run's start: what a chat template writes that asks for the date.</param>
    internal static ModelFolder Load(string folder, Recipe recipe, DateOnly started)
    {
        var (dtype, device) = (recipe.Precision == Precision.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32, DeviceName.Parse(recipe.Device));
        var model = recipe.Adapter is null || folder == recipe.Base
            ? ModelFolder.Load(folder, dtype, device)
            : ModelFolder.Load(recipe.Base!, dtype, device, adapter: folder);
        model.Now = started.ToDateTime(TimeOnly.MinValue);
        return model;
    }
}
