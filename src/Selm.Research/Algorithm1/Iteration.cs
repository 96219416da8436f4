// One iteration of Algorithm 1 as stages, each a file that people and tools can read:
//   responses.jsonl    y ~ pi_t for every prompt of the portion, with its tokens and log-prob (line 5)
//   ranks.jsonl        the ranker's scores of [y, y_w, y_l] (line 6)
//   preferences.jsonl  best and worst kept, with reference log-probs (line 7)
//   model/             the policy trained on them, the next iteration's reference (lines 4 and 8)
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Algorithm1;

/// <summary>A row of responses.jsonl: what the iteration's starting policy answered.</summary>
/// <param name="Prompt">The prompt as text.</param>
/// <param name="Response">y as text.</param>
/// <param name="OutputIds">y as tokens, eos included where it was reached.</param>
/// <param name="Logprob">log pi_t(y|x), the sum over tokens [nats].</param>
public sealed record ResponseRow(string Prompt, string Response, int[] OutputIds, double Logprob);

/// <summary>A row of ranks.jsonl: candidates in the order y, y_w, y_l.</summary>
/// <param name="Scores">Higher is better.</param>
/// <param name="Ranks">1 is best; ties share the lower rank.</param>
public sealed record RankRow(double[] Scores, int[] Ranks);

/// <summary>summary.json of an iteration: where y landed, and how far the sampling forward was from the training forward.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Pairs">Preference pairs.</param>
/// <param name="YBest">Share of pairs whose y ranked best; null where no y was generated.</param>
/// <param name="YWorst">Share of pairs whose y ranked worst; null where no y was generated.</param>
/// <param name="YSameSequence">Share of pairs whose y is the very token sequence of the chosen or rejected response, and costs nothing.</param>
/// <param name="SamplingDifference">Largest |log pi(y) when sampled - log pi(y) when scored anew| [nats]; null where the first was used as it is.</param>
public sealed record IterationSummary(int Iteration, int Pairs, double? YBest, double? YWorst, double? YSameSequence, double? SamplingDifference)
{
    internal static IterationSummary Of(int number, (PreferenceRecord Record, ResponseRow? Y)[] pairs, TrainingExample[] examples, bool rescored)
    {
        if (pairs.All(pair => pair.Y is null))
        {
            return new(number, pairs.Length, null, null, null, null);
        }
        // A y that was cut to fit is another sequence; only whole ones are compared.
        var differences = pairs.Zip(examples)
            .Where(t => t.First.Y is { } y && t.Second.Tokens.Reference!.Response.Length == y.OutputIds.Length)
            .Select(t => Math.Abs(t.Second.RefSample - t.First.Y!.Logprob)).Where(double.IsFinite).ToArray();
        double Share(Func<(PreferenceRecord Record, ResponseRow? Y), bool> holds) => pairs.Count(holds) / (double)pairs.Length;
        return new(number, pairs.Length,
            Share(p => p.Record.ReferenceRole == ReferenceRole.Chosen), Share(p => p.Record.ReferenceRole == ReferenceRole.Rejected),
            examples.Count(e => e.SampleSlot is 0 or 1) / (double)examples.Length, rescored && differences.Length > 0 ? differences.Max() : null);
    }
}

/// <summary>One iteration of a run; its stages are skipped where they are finished.</summary>
internal sealed class Iteration(Recipe recipe, RunFolder run, TrainingPlan plan, string referenceFolder, IReadOnlyList<PreferenceRecord> portion)
{
    private readonly int number = plan.Iteration;

    // Rows that are generated, ranked and scored together; whole batches only are kept when a run is killed.
    private const int Batch = 8;

    private string Name => $"iteration-{number}";

    /// <summary>Folder of the trained policy, inside the run.</summary>
    internal string ModelFolderPath => run.PathOf(Name, "model");

    /// <summary>Whether this iteration asks the policy for new responses (not in a plain DPO round).</summary>
    private bool Explores => recipe.Method is ("selm" or "iterative-dpo") && !(number == 0 && recipe.FirstIterationIsDpo);

    private LengthLimits Limits => new(recipe.MaxLength, recipe.MaxPromptLength);

    /// <summary>Runs or continues the stages up to preferences.jsonl.</summary>
    internal void Prefer(IRanker? ranker, ReferenceLogps cache, ModelFolder reference, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        if (Explores)
        {
            run.Stage($"{Name}.generate", [$"{Name}/responses.jsonl"], () => Generate(reference, progress, cancellation));
            run.Stage($"{Name}.rank", [$"{Name}/ranks.jsonl"], () => Rank(ranker!, progress, cancellation));
        }
        run.Stage($"{Name}.preferences", [$"{Name}/preferences.jsonl", $"{Name}/summary.json"], () =>
        {
            var pairs = Pairs().ToArray();
            var examples = cache.Fill(reference.Model, [.. pairs.Select(pair => Example(pair, reference))], Batch, progress, Needs, cancellation);
            PreferenceFile.Write(run.PathOf(Name, "preferences.jsonl"), pairs.Zip(examples, (pair, example) => Annotate(pair.Record, example)));
            AtomicFile.WriteJson(run.PathOf(Name, "summary.json"), IterationSummary.Of(number, pairs, examples, rescored: recipe.Precision != Precision.Fp32));
        });
    }

    /// <summary>The examples of this iteration with their reference log-probs, from its files.</summary>
    internal TrainingExample[] Examples(ModelFolder model)
    {
        var written = PreferenceFile.Read(run.PathOf(Name, "preferences.jsonl")).Records;
        return [.. Pairs().Zip(written, (pair, record) => Example(pair, model) with
        {
            RefChosen = record.ReferenceLogps?.Chosen ?? double.NaN,
            RefRejected = record.ReferenceLogps?.Rejected ?? double.NaN,
            RefSample = record.ReferenceLogps?.Reference ?? double.NaN,
        })];
    }

    /// <summary>Trains a copy of the start and saves it as a Hugging Face folder.</summary>
    /// <exception cref="InputException">The training left every weight as it was.</exception>
    /// <exception cref="DivergenceException">It ran away.</exception>
    internal void Train(Llama start, ModelFolder reference, IReadOnlyList<TrainingExample> examples, long firstStep, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        using var policy = LlamaWeights.Clone(start);
        var (train, validation) = Splits.HoldOut(examples, recipe.EvalFraction, recipe.Seed);
        var checkpoints = run.PathOf(Name, "checkpoints");
        Trainer.Run(policy, train, validation, PreferenceLosses.Of(Loss), TrainerOptions.Of(recipe, number), run.Metrics, checkpoints, firstStep, progress, cancellation);
        if (LlamaWeights.AreEqual(policy, start))
        {
            throw new InputException(
                $"The training left every weight as it was ({plan}): the steps are lost in the rounding of {recipe.Precision.ToString().ToLowerInvariant()}; raise {TrainingPlan.RateKey(recipe)} and choose a new folder.");
        }
        reference.Save(ModelFolderPath, policy);
        ModelCard.Write(ModelFolderPath, recipe, Loss, plan, referenceFolder);
        run.MarkDone($"{Name}.train", [.. SafetensorsFolder.WeightFiles(ModelFolderPath).Select(Relative), Relative(Path.Combine(ModelFolderPath, HfConfig.FileName))]);
        Trainer.DeleteCheckpoints(checkpoints);
    }

    internal bool IsTrained => run.IsDone($"{Name}.train");

    /// <summary>What the loss of this iteration uses; the rest is not computed.</summary>
    internal LossInputs Needs => PreferenceLosses.Of(Loss).Needs;

    /// <summary>The loss of this iteration: without optimism in a first round on the original pairs.</summary>
    private LossRecipe Loss => Methods.LossOf(recipe, Explores);

    private void Generate(ModelFolder reference, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        var prompts = portion.Select(record => reference.Encoding.Prompt(record.PromptMessages, Limits)).ToArray();
        var s = recipe.Sampling;
        // Every iteration has streams of its own; within it draws depend on the row alone.
        var options = new SamplingOptions(s.Temperature, s.TopK, s.TopP, s.MinP, s.RepetitionPenalty, recipe.MaxNewTokens, (recipe.Seed * 1_000_003) + (ulong)number);
        ResumableRows.Write(run.PathOf(Name, "responses.jsonl"), prompts.Length, Batch, (at, count) =>
        {
            var outputs = ResponseGenerator.Generate(reference.Model, prompts[at..(at + count)], options, Batch, reference.EndIds, at, cancellation: cancellation);
            progress?.Report(new StepProgress($"iteration {number}: generating", at + count, prompts.Length));
            return outputs.Select((y, k) => new ResponseRow(portion[at + k].Prompt, reference.Text(y.OutputIds), y.OutputIds, y.Logp));
        });
    }

    private void Rank(IRanker ranker, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        var responses = Responses();
        ResumableRows.Write(run.PathOf(Name, "ranks.jsonl"), portion.Count, Batch, (at, count) =>
        {
            cancellation.ThrowIfCancellationRequested();
            var requests = Enumerable.Range(at, count).Select(k => Selection.Request(portion[k], responses[k].Response)).ToArray();
            progress?.Report(new StepProgress($"iteration {number}: ranking", at + count, portion.Count));
            return ranker.Rank(requests).Select(r => new RankRow(r.Scores, r.Ranks));
        });
    }

    private ResponseRow[] Responses() => [.. Jsonl.Read(run.PathOf(Name, "responses.jsonl")).Select(row =>
        new ResponseRow(row.Text("prompt"), row.Text("response"), row.WholeNumbers("output_ids"), row.Number("logprob")))];

    // The pairs of this iteration: the portion's own, or best and worst of {y, y_w, y_l}; with y where it was generated.
    private IEnumerable<(PreferenceRecord Record, ResponseRow? Y)> Pairs()
    {
        if (!Explores)
        {
            return portion.Select(record => (record with { Iteration = number }, (ResponseRow?)null));
        }
        var ranks = Jsonl.Read(run.PathOf(Name, "ranks.jsonl")).Select(row => new RankedCandidates(row.Numbers("scores"), row.WholeNumbers("ranks")));
        return portion.Zip(Responses(), ranks).Select(t =>
            (Selection.Update(t.First, t.Second.Response, t.Third, recipe.UpdateRule) with { Iteration = number }, (ResponseRow?)t.Second));
    }

    private TrainingExample Example((PreferenceRecord Record, ResponseRow? Y) pair, ModelFolder model)
    {
        if (recipe.Pipeline == PipelineKind.SelmRepo)
        {
            return new TrainingExample(SelmRepoPipeline.Rows(pair.Record, model.Encoding, Limits));
        }
        var tokens = CleanPipeline.Rows(pair.Record, model.Encoding, Limits, pair.Y?.OutputIds);
        if (pair.Y is not { } y)
        {
            return new TrainingExample(tokens);
        }
        // Where y became the chosen or the rejected response, that response is the tokens that were sampled.
        tokens = pair.Record.ReferenceRole switch
        {
            ReferenceRole.Chosen => tokens with { Chosen = tokens.Reference! },
            ReferenceRole.Rejected => tokens with { Rejected = tokens.Reference! },
            _ => tokens,
        };
        // The sampling forward has told log pi_t(y|x) already, unless y was cut or bfloat16 makes the two forwards differ.
        var known = recipe.Precision == Precision.Fp32 && tokens.Reference!.Response.Length == y.OutputIds.Length;
        return new TrainingExample(tokens, RefSample: known ? y.Logprob : double.NaN);
    }

    private static PreferenceRecord Annotate(PreferenceRecord record, TrainingExample example) => record with
    {
        Lengths = new(example.Tokens.Chosen.Response.Length, example.Tokens.Rejected.Response.Length, example.Tokens.Reference?.Response.Length),
        ReferenceLogps = double.IsNaN(example.RefChosen) ? null : new(example.RefChosen, example.RefRejected, double.IsNaN(example.RefSample) ? null : example.RefSample),
    };

    private string Relative(string path) => Path.GetRelativePath(run.Root, path).Replace(Path.DirectorySeparatorChar, '/');
}
