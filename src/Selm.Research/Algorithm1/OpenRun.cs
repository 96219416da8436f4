using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>A run that has been checked and whose folder is open; it holds the folder's lock until it is disposed.</summary>
public sealed class OpenRun : IDisposable
{
    private const int Answers = 5;

    private readonly RunOptions options;
    private readonly Recipe recipe;
    private readonly RunFolder folder;
    private readonly IReadOnlyList<IReadOnlyList<PreferenceRecord>> portions;
    private readonly IReadOnlyList<IReadOnlyList<LoopPair>>? encoded; // the portions as token ids, in a new run
    private readonly LazyRanker ranker;
    private ModelFolder? start; // the base model of a new run, loaded to check it

    internal OpenRun(
        RunOptions options, RunFolder folder, IReadOnlyList<IReadOnlyList<PreferenceRecord>> portions, IReadOnlyList<IReadOnlyList<LoopPair>>? encoded,
        IReadOnlyList<TrainingPlan> plan, LazyRanker ranker, ModelFolder? start)
    {
        (this.options, recipe, this.folder, this.portions, this.encoded, Plan, this.ranker, this.start) = (options, options.Recipe, folder, portions, encoded, plan, ranker, start);
    }

    /// <summary>What each iteration trains, unless the ranker finds prompts whose candidates all tie.</summary>
    public IReadOnlyList<TrainingPlan> Plan { get; }

    /// <summary>Sentences about numbers of the recipe that the model's context made smaller, and about pairs of equal responses.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Does what is not done yet.</summary>
    /// <param name="progress">Is told about rows and steps.</param>
    /// <param name="cancellation">Stops between batches; the run can be continued.</param>
    /// <returns>Answers before and after, also in answers.jsonl.</returns>
    /// <exception cref="InputException">A file of the run was changed, the training moved nothing, or the disk is full.</exception>
    /// <exception cref="DivergenceException">The training ran away.</exception>
    public IReadOnlyList<BeforeAfter> Finish(IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using (var store = new RunStore(options, folder, portions, encoded, ranker, start) { Progress = progress, Cancellation = cancellation })
        {
            start = null;
            using var loop = new PreferenceLoop(store.Settings, store);
            for (var t = 0; t < recipe.Iterations; t++)
            {
                if (!store.IsTrained(t))
                {
                    store.Current = t;
                    loop.Run(t);
                }
            }
            LinkResult(store.ModelPath(recipe.Iterations - 1));
        }
        return Compare(Path.Combine(folder.Root, $"iteration-{recipe.Iterations - 1}", "model"), progress, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        start?.Dispose();
        ranker.Dispose();
        folder.Dispose();
    }

    private void LinkResult(string policyFolder)
    {
        var link = folder.PathOf(SelmRun.ResultName);
        if (!Directory.Exists(link))
        {
            Directory.CreateSymbolicLink(link, Path.GetRelativePath(folder.Root, policyFolder));
        }
    }

    private IReadOnlyList<BeforeAfter> Compare(string policyFolder, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        folder.Stage("answers", ["answers.jsonl"], () =>
        {
            var shown = portions[0].Take(Answers).ToArray();
            var (before, after) = (Greedy(SelmRun.StartOf(recipe)), Greedy(policyFolder));
            var judge = recipe.Ranker is null ? null : ranker.Value;
            Jsonl.Write(folder.PathOf("answers.jsonl"), shown.Select((record, k) =>
            {
                var request = RankRequest.Of(record, [before[k], after[k]]);
                var scores = judge?.Rank(request).Scores;
                return new BeforeAfter(request.Text, before[k], after[k], scores?[0], scores?[1]);
            }));

            string[] Greedy(string of)
            {
                using var model = SelmRun.Load(of, recipe, folder.Started);
                var prompts = shown.Select(r => model.Encoding.Prompt(r.PromptMessages, new(recipe.MaxLength, recipe.MaxPromptLength))).ToArray();
                var outputs = Sampling.ResponseGenerator.Generate(model.Model, prompts, new SamplingOptions(MaxNewTokens: recipe.MaxNewTokens), endIds: model.EndIds, progress: progress, cancellation: cancellation);
                return [.. outputs.Select(o => model.Text(o.OutputIds))];
            }
        });
        return [.. Jsonl.Read(folder.PathOf("answers.jsonl")).Select(row =>
            new BeforeAfter(row.Text("prompt"), row.Text("before"), row.Text("after"), row.NumberOrNull("score_before"), row.NumberOrNull("score_after")))];
    }
}

/// <summary>A ranker that is opened when it is asked first.</summary>
/// <param name="open">Opens it.</param>
/// <param name="started">The day of the run's start, for a ranker whose chat template asks for the date.</param>
internal sealed class LazyRanker(Func<IRanker> open, DateOnly started) : IDisposable
{
    private IRanker? ranker;

    internal IRanker Value
    {
        get
        {
            if (ranker is null)
            {
                ranker = open();
                (ranker as RewardModel)?.Now = started.ToDateTime(TimeOnly.MinValue);
            }
            return ranker;
        }
    }

    public void Dispose() => (ranker as IDisposable)?.Dispose();
}
