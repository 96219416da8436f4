using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
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
    private readonly LazyRanker ranker;
    private readonly ModelFolder? start; // the base model of a new run, loaded to check it

    internal OpenRun(
        RunOptions options, RunFolder folder, IReadOnlyList<IReadOnlyList<PreferenceRecord>> portions, IReadOnlyList<TrainingPlan> plan, LazyRanker ranker, ModelFolder? start)
    {
        (this.options, recipe, this.folder, this.portions, Plan, this.ranker, this.start) = (options, options.Recipe, folder, portions, plan, ranker, start);
    }

    /// <summary>What each iteration trains.</summary>
    public IReadOnlyList<TrainingPlan> Plan { get; }

    /// <summary>Does what is not done yet.</summary>
    /// <param name="progress">Is told about rows and steps.</param>
    /// <param name="cancellation">Stops between batches; the run can be continued.</param>
    /// <returns>Answers before and after, also in answers.jsonl.</returns>
    /// <exception cref="InputException">A file of the run was changed, the training ran away or moved nothing, or the disk is full.</exception>
    public IReadOnlyList<BeforeAfter> Finish(IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var policyFolder = recipe.Base!;
        long firstStep = 0;
        for (var number = 0; number < recipe.Iterations; number++)
        {
            var referenceFolder = recipe.Reference == ReferencePolicy.Moves && recipe.Method != "dpo" ? policyFolder : recipe.Base!;
            var iteration = new Iteration(recipe, folder, Plan[number], referenceFolder, SelmRun.PortionOf(recipe, portions, number));
            if (!iteration.IsTrained)
            {
                using var reference = number == 0 && start is not null ? start : SelmRun.Load(referenceFolder, recipe);
                Train(iteration, policyFolder, reference, firstStep, progress, cancellation);
            }
            firstStep += Plan[number].Steps;
            policyFolder = iteration.ModelFolderPath;
        }
        LinkResult(policyFolder);
        return Compare(policyFolder, progress, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        start?.Dispose();
        ranker.Dispose();
        folder.Dispose();
    }

    private void Train(
        Iteration iteration, string policyFolder, ModelFolder reference, long firstStep, IProgress<StepProgress>? progress, CancellationToken cancellation)
    {
        using (var store = new NumberStore(Path.Combine(options.CacheFolder ?? folder.PathOf("cache"), $"reference-logps-{reference.WeightHash[..16]}.bin")))
        {
            var cache = new ReferenceLogps(store, CacheName(reference, recipe), reference.TokenizerHash);
            iteration.Prefer(recipe.Ranker is null ? null : ranker.Value, cache, reference, progress, cancellation);
        }
        // Where the reference moves, the policy starts as its copy; where it stays, as the last iteration left it.
        using var other = policyFolder == reference.Path ? null : SelmRun.Load(policyFolder, recipe);
        iteration.Train((other ?? reference).Model, reference, iteration.Examples(reference), firstStep, progress, cancellation);
    }

    // Everything but the tokens that the last bits of a reference log-prob depend on; another machine fills entries of its own.
    private static string CacheName(ModelFolder reference, Recipe recipe) => ContentHash.Combine(
    [
        reference.WeightHash, recipe.Precision.ToString(), Provenance.KitVersion,
        .. MachineFacts.Now(recipe.Device).OrderBy(fact => fact.Key, StringComparer.Ordinal).SelectMany(fact => new[] { fact.Key, fact.Value }),
    ]);

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
            var (before, after) = (Greedy(recipe.Base!), Greedy(policyFolder));
            var judge = recipe.Ranker is null ? null : ranker.Value;
            Jsonl.Write(folder.PathOf("answers.jsonl"), shown.Select((record, k) =>
            {
                var request = RankRequest.Of(record, [before[k], after[k]]);
                var scores = judge?.Rank(request).Scores;
                return new BeforeAfter(request.Text, before[k], after[k], scores?[0], scores?[1]);
            }));

            string[] Greedy(string of)
            {
                using var model = SelmRun.Load(of, recipe);
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
internal sealed class LazyRanker(Func<IRanker> open) : IDisposable
{
    private IRanker? ranker;

    internal IRanker Value => ranker ??= open();

    public void Dispose() => (ranker as IDisposable)?.Dispose();
}
