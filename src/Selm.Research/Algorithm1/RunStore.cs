// A loop in a run folder. Each iteration's stages are files that people and tools can read:
//   responses.jsonl    y ~ pi_ref for every prompt of the portion, with its tokens and log-prob (line 2); further draws of a
//                      sibling are responses-1.jsonl, responses-2.jsonl, ...
//   ranks.jsonl        the ranker's scores of the candidates (line 3)
//   preferences.jsonl  best and worst kept, with reference log-probs (line 3)
//   model/             the policy trained on them, the next iteration's reference (line 4)
// What is finished is read, not made again. One model is in memory at a time, loaded when it is first asked for.
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>The stages of a run as files; a finished one is skipped.</summary>
/// <param name="options">What and where.</param>
/// <param name="run">The open folder.</param>
/// <param name="portions">The data, as much of it as is used.</param>
/// <param name="encoded">The same as token ids where they are made already, or null.</param>
/// <param name="ranker">Opened when it is first asked.</param>
/// <param name="start">The base model where it is loaded already; the store owns it then.</param>
internal sealed class RunStore(RunOptions options, RunFolder run, IReadOnlyList<IReadOnlyList<PreferenceRecord>> portions,
    IReadOnlyList<IReadOnlyList<LoopPair>>? encoded, LazyRanker ranker, ModelFolder? start) : ILoopStore
{
    // Rows that are generated, ranked and scored together; whole batches only are kept when a run is killed.
    internal const int Batch = 8;

    private readonly Recipe recipe = options.Recipe;
    private readonly IReadOnlyList<LoopPair>?[] encoded = encoded is null ? new IReadOnlyList<LoopPair>?[portions.Count] : [.. encoded]; // by portion
    private readonly Dictionary<(int Iteration, int Draw), string[]> texts = [];
    private ModelFolder? held = start;

    /// <summary>The recipe as the loop takes it.</summary>
    public LoopSettings Settings { get; } = LoopSettings.Of(options.Recipe);

    /// <summary>Is told about rows and steps.</summary>
    public IProgress<StepProgress>? Progress { get; init; }

    /// <summary>Stops between batches.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The iteration that is being run.</summary>
    public int Current { get; set; }

    /// <inheritdoc/>
    public Llama Policy => Hold(StartOf(Current)).Model;

    /// <inheritdoc/>
    public Llama Initial => Hold(StartOf(0)).Model;

    /// <inheritdoc/>
    public bool AsksPolicy => true;

    /// <inheritdoc/>
    public bool Remembers => true;

    /// <inheritdoc/>
    public IReadOnlyList<int> EndIds => Text.EndIds;

    /// <inheritdoc/>
    public Llama Asked(int iteration) => Policy;

    /// <summary>Whether an iteration is finished.</summary>
    public bool IsTrained(int iteration) => run.IsDone($"{Name(iteration)}.train");

    /// <summary>Folder of the policy that an iteration trains.</summary>
    public string ModelPath(int iteration) => run.PathOf(Name(iteration), "model");

    /// <inheritdoc/>
    public IReadOnlyList<LoopPair> Pairs(int iteration)
    {
        var portion = iteration % portions.Count;
        if (encoded[portion] is null)
        {
            var encoding = Text.Encoding;
            encoded[portion] = [.. portions[portion].Select(record => LoopPair.Of(CleanPipeline.Rows(record, encoding, Limits)))];
        }
        return encoded[portion]!;
    }

    /// <inheritdoc/>
    public IReadOnlyList<Answer> Answers(int iteration, int draw, int count, Func<int, int, IReadOnlyList<Generation>> make)
    {
        var (suffix, portion) = (draw == 0 ? "" : $"-{draw}", Portion(iteration));
        var file = $"{Name(iteration)}/responses{suffix}.jsonl";
        run.Stage($"{Name(iteration)}.generate{suffix}", [file], () =>
        {
            if (iteration == 0 && options.CacheFolder is not null)
            {
                SharedAnswers(run.PathOf(file), draw, Write);
            }
            else
            {
                Write();
            }
        });
        void Write() => ResumableRows.Write(run.PathOf(file), count, Batch, (at, some) =>
        {
            Cancellation.ThrowIfCancellationRequested();
            var outputs = make(at, some);
            Progress?.Report(new StepProgress($"iteration {iteration}: generating", at + some, count));
            return outputs.Select((y, k) => new ResponseRow(portion[at + k].Prompt, Text.Text(y.OutputIds), y.OutputIds, y.Logp));
        });
        var rows = Jsonl.Read(run.PathOf(file)).Select(row => (Text: row.Text("response"), Answer: new Answer(row.WholeNumbers("output_ids"), row.Number("logprob")))).ToArray();
        texts[(iteration, draw)] = [.. rows.Select(row => row.Text)];
        return [.. rows.Select(row => row.Answer)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Scores(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<Candidate> Candidates)> rows)
    {
        var (file, portion) = ($"{Name(iteration)}/ranks.jsonl", Portion(iteration));
        run.Stage($"{Name(iteration)}.rank", [file], () => ResumableRows.Write(run.PathOf(file), rows.Count, Batch, (at, count) =>
        {
            Cancellation.ThrowIfCancellationRequested();
            var requests = Enumerable.Range(at, count).Select(k => RankRequest.Of(portion[k], [.. rows[k].Candidates.Select(c => TextOf(iteration, k, c))])).ToArray();
            Progress?.Report(new StepProgress($"iteration {iteration}: ranking", at + count, rows.Count));
            return ranker.Value.Rank(requests).Select(r => new RankRow(r.Scores, r.Ranks));
        }));
        return [.. Jsonl.Read(run.PathOf(file)).Select(row => row.Numbers("scores"))];
    }

    /// <inheritdoc/>
    public TokenTriple Rows(int iteration, KeptPair pair, int maxLength)
    {
        if (recipe.Pipeline != PipelineKind.SelmRepo)
        {
            return pair.Rows(maxLength);
        }
        var record = Record(iteration, pair);
        return RecipeLimits.Within(record, SelmRepoPipeline.Rows(record, Text.Encoding, Limits), Text.Model.Config.MaxPositionEmbeddings);
    }

    /// <inheritdoc/>
    public IReadOnlyList<double> Margins(int iteration, Func<RewardTrainer, double[]> fit)
    {
        string folder = $"{Name(iteration)}/reward", file = $"{folder}/margins.json", weights = $"{folder}/{SafetensorsFolder.SingleName}";
        run.Stage($"{Name(iteration)}.reward", [file, weights, $"{folder}/{HfConfig.FileName}"], () =>
        {
            var before = iteration == 0 ? null : run.PathOf(Name(iteration - 1), "reward");
            Directory.CreateDirectory(run.PathOf(folder));
            Text.CopyTextFiles(run.PathOf(folder));
            using var trainer = Directory.Exists(before) ? RewardTrainer.Load(before, DeviceName.Parse(recipe.Device)) : RewardTrainer.FromZero(Initial);
            Release(); // one model in memory, this one
            var margins = fit(trainer);
            trainer.Save(run.PathOf(folder));
            AtomicFile.WriteJson(run.PathOf(file), margins);
        });
        return JsonFormat.Read<double[]>(File.ReadAllBytes(run.PathOf(file)));
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainingExample> WithReference(LoopRound round, bool atBase, LossInputs needs, int batchSize)
    {
        var name = Name(round.Iteration);
        if (round.Kept.Count == 0)
        {
            throw new InputException(
                $"Iteration {round.Iteration}: the ranker gave all candidates of each of the {round.Dropped} prompts the same score, so no pair is left to train on; check the ranker ({recipe.Ranker}) and start in a new folder.");
        }
        if (round.Dropped > 0)
        {
            Progress?.Report(new StepProgress($"iteration {round.Iteration}: ranked", round.Kept.Count, round.Kept.Count, $"{round.Dropped} prompts dropped, all their candidates tied"));
        }
        run.Stage($"{name}.preferences", [$"{name}/preferences.jsonl", $"{name}/summary.json"], () =>
        {
            var examples = Fill(round, atBase, needs);
            PreferenceFile.Write(run.PathOf(name, "preferences.jsonl"), round.Kept.Zip(examples, (k, example) => Annotate(Record(k.Iteration, k.Pair), example)));
            AtomicFile.WriteJson(run.PathOf(name, "summary.json"), IterationSummary.Of(round, examples));
        });
        var written = PreferenceFile.Read(run.PathOf(name, "preferences.jsonl")).Records;
        return [.. written.Select((record, k) => round.Examples[k] with
        {
            Place = string.Create(CultureInfo.InvariantCulture, $"{name}/preferences.jsonl line {k + 1}"),
            RefChosen = record.ReferenceLogps?.Chosen ?? double.NaN,
            RefRejected = record.ReferenceLogps?.Rejected ?? double.NaN,
            RefSample = record.ReferenceLogps?.Reference ?? double.NaN,
        })];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainingRow> Train(int iteration, IReadOnlyList<TrainingExample> examples, IPreferenceLoss loss, TrainerOptions options)
    {
        var (train, validation) = Splits.HoldOut(examples, recipe.EvalFraction, recipe.Seed);
        var plan = TrainingPlan.Of(recipe, iteration, train.Count);
        var policy = Hold(StartOf(iteration));
        var checkpoints = run.PathOf(Name(iteration), "checkpoints");
        try
        {
            policy.WearNewAdapter(recipe);
            var before = policy.Model.Adapter?.Fingerprint();
            var rows = Trainer.Run(policy.Model, train, validation, loss, options, run.Metrics, checkpoints, StepsBefore(iteration), Progress, Cancellation);
            if (policy.Model.Adapter is { } adapter ? adapter.Fingerprint() == before : LlamaWeights.AreThoseOf(policy.Model, policy.Path))
            {
                throw new InputException(
                    $"The training left every weight as it was ({plan}): the steps are lost in the rounding of {recipe.Precision.ToString().ToLowerInvariant()}; raise {TrainingPlan.RateKey(recipe)} and choose a new folder.");
            }
            policy.Save(ModelPath(iteration));
            ModelCard.Write(ModelPath(iteration), recipe, run.Started, Methods.LossOf(recipe, !Settings.IsPlain(iteration)), plan, policy.Path, Settings.StaysAtBase ? StartOf(0) : policy.Path);
            run.MarkDone($"{Name(iteration)}.train", [.. WeightFiles(ModelPath(iteration)).Select(Relative)]);
            Trainer.DeleteCheckpoints(checkpoints);
            return rows;
        }
        finally
        {
            Release(); // its weights are not those of its folder any more
        }
    }

    /// <summary>The pairs of an iteration's own portion.</summary>
    public IReadOnlyList<PreferenceRecord> Portion(int iteration) => portions[iteration % portions.Count];

    /// <inheritdoc/>
    public void Dispose() => Release();

    private LengthLimits Limits => new(recipe.MaxLength, recipe.MaxPromptLength);

    // Any model of the run will do: they have the same tokenizer.
    private ModelFolder Text => held ?? Hold(StartOf(Current));

    private static string Name(int iteration) => $"iteration-{iteration}";

    private string StartOf(int iteration) => iteration == 0 ? SelmRun.StartOf(recipe) : ModelPath(iteration - 1);

    private string[] WeightFiles(string folder) => recipe.Adapter is null
        ? [.. SafetensorsFolder.WeightFiles(folder), Path.Combine(folder, HfConfig.FileName)]
        : [Path.Combine(folder, LoraFiles.WeightsName), Path.Combine(folder, LoraConfig.FileName)];

    private ModelFolder Hold(string folder)
    {
        if (held?.Path != folder)
        {
            Release();
            held = SelmRun.Load(folder, recipe, run.Started);
        }
        return held!;
    }

    private void Release()
    {
        held?.Dispose();
        held = null;
    }

    private string TextOf(int iteration, int row, Candidate candidate) => candidate.Source switch
    {
        Candidate.DataChosen => Portion(iteration)[row].ChosenResponse,
        Candidate.DataRejected => Portion(iteration)[row].RejectedResponse,
        Candidate.DataSample => Portion(iteration)[row].ReferenceResponse!,
        var draw => texts[(iteration, draw)][row],
    };

    // The record of a pair: the data's own, or with the responses that were kept.
    private PreferenceRecord Record(int iteration, KeptPair pair)
    {
        var record = Portion(iteration)[pair.Row] with { Iteration = iteration };
        if (pair is { Chosen.Source: Candidate.DataChosen, Rejected.Source: Candidate.DataRejected, Ranking: null })
        {
            return record;
        }
        return record.WithResponses(TextOf(iteration, pair.Row, pair.Chosen), TextOf(iteration, pair.Row, pair.Rejected)) with
        {
            ReferenceResponse = pair.Sample is { } y ? TextOf(iteration, pair.Row, y) : null,
            ReferenceRole = pair.Sample?.Source is not { } source ? null
                : source == pair.Chosen.Source ? ReferenceRole.Chosen
                : source == pair.Rejected.Source ? ReferenceRole.Rejected
                : ReferenceRole.Middle,
            Scores = pair.Ranking?.Of(pair.Sample, pair.Ranking.Scores),
            Ranks = pair.Ranking?.Of(pair.Sample, RankedCandidates.FromScores(pair.Ranking.Scores).Ranks),
            CutOff = CutOff(iteration, pair),
            // Of responses that may be gone; they are measured anew.
            Lengths = null,
            PolicyLogps = null,
            ReferenceLogps = null,
            ScoreChosen = null,
            ScoreRejected = null,
        };
    }

    // A drawn response without an end token was cut off; of the data's own its file may say so.
    private PerRole<bool>? CutOff(int iteration, KeptPair pair)
    {
        var own = Portion(iteration)[pair.Row].CutOff;
        bool Is(Candidate candidate) => candidate.Source switch
        {
            Candidate.DataChosen => own?.Chosen ?? false,
            Candidate.DataRejected => own?.Rejected ?? false,
            Candidate.DataSample => own?.Reference ?? false,
            _ => candidate.Ids is not [.., var last] || !EndIds.Contains(last),
        };
        var cut = new PerRole<bool>(Is(pair.Chosen), Is(pair.Rejected), pair.Sample is { } y ? Is(y) : null);
        return cut is { Chosen: false, Rejected: false, Reference: not true } ? null : cut;
    }

    private TrainingExample[] Fill(LoopRound round, bool atBase, LossInputs needs)
    {
        if ((needs & LossInputs.Reference) == 0)
        {
            return round.Examples;
        }
        var reference = Hold(StartOf(atBase ? 0 : round.Iteration));
        var identity = Identity.Of(reference);
        var kept = Path.Combine(options.CacheFolder ?? run.PathOf("cache"), $"reference-logps-{identity[..16]}.bin");
        using var alone = options.CacheFolder is null ? null : WaitingLock.Take($"{kept}.lock", Cancellation); // runs that share it and come second find what the first has computed
        using var numbers = new NumberStore(kept);
        return new ReferenceLogps(numbers, identity, reference.TokenizerHash).Fill(reference.Model, round.Examples, Batch, Progress, needs, Cancellation);
    }

    // The base model's answers are the same in every run that asks it for the same ones: made by whichever comes first, copied by the others.
    private void SharedAnswers(string file, int draw, Action make)
    {
        var name = ContentHash.Combine(
            Identity.Of(Hold(StartOf(0))), recipe.Method, recipe.Seed.ToString(CultureInfo.InvariantCulture), draw.ToString(CultureInfo.InvariantCulture),
            JsonSerializer.Serialize(Settings.Sampling, JsonFormat.Line), JsonSerializer.Serialize(Text.EndIds, JsonFormat.Line),
            ContentHash.OfIds([.. Pairs(0).SelectMany(pair => (int[])[pair.Prompt.Length, .. pair.Prompt])]), ContentHash.Combine([.. Portion(0).Select(record => record.Prompt)]));
        var kept = Path.Combine(options.CacheFolder!, $"answers-{name[..16]}.jsonl");
        using var alone = WaitingLock.Take($"{kept}.lock", Cancellation);
        if (File.Exists(kept))
        {
            Copy(kept, file);
            File.Delete(file + ResumableRows.Partial); // of an earlier start
            return;
        }
        make();
        Copy(file, kept);
    }

    private static void Copy(string from, string to) => AtomicFile.Write(to, stream =>
    {
        using var source = File.OpenRead(from);
        source.CopyTo(stream);
    });

    private static PreferenceRecord Annotate(PreferenceRecord record, TrainingExample example) => record with
    {
        Lengths = new(example.Tokens.Chosen.Response.Length, example.Tokens.Rejected.Response.Length, example.Tokens.Reference?.Response.Length),
        ReferenceLogps = double.IsNaN(example.RefChosen) ? null : new(example.RefChosen, example.RefRejected, double.IsNaN(example.RefSample) ? null : example.RefSample),
    };

    // Optimiser steps of the iterations before, which are finished: the pairs that were dropped are known by now.
    private long StepsBefore(int iteration) => Enumerable.Range(0, iteration).Sum(t =>
    {
        using var summary = JsonDocument.Parse(File.ReadAllBytes(run.PathOf(Name(t), "summary.json")));
        var pairs = summary.RootElement.GetProperty("pairs").GetInt32();
        return (long)TrainerOptions.Of(recipe, t).TotalSteps(pairs - Splits.HeldOutCount(pairs, recipe.EvalFraction));
    });

    private string Relative(string path) => Path.GetRelativePath(run.Root, path).Replace(Path.DirectorySeparatorChar, '/');
}
