// Algorithm 1 and its siblings as one loop over token ids. The lab and the lessons keep it in memory, selm run in a
// folder (RunStore); both are this loop. A method is: who answers, what is ranked, what is kept (Siblings.cs), whether
// the reference moves, and the loss (LoopSettings). Line numbers are those of the printed Algorithm 1.
using Selm.HuggingFace.Models;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>What one iteration did.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Training">One row per optimiser step.</param>
/// <param name="YBest">Share of prompts whose y ranked best; NaN where no y was ranked.</param>
/// <param name="YWorst">Share of prompts whose y ranked worst; NaN where no y was ranked.</param>
public sealed record LoopIteration(int Iteration, IReadOnlyList<TrainingRow> Training, double YBest, double YWorst)
{
    /// <summary>Prompts that gave no pair, because all their candidates tied.</summary>
    public int Dropped { get; init; }
}

/// <summary>Runs one method. Derived in lesson 09, used from lesson 11 on.</summary>
public sealed class PreferenceLoop : IDisposable
{
    private readonly LoopSettings settings;
    private readonly ILoopStore store;
    private readonly Siblings siblings;
    private readonly Dictionary<int, (KeptPair[] Pairs, int Dropped)> kept = []; // by iteration

    /// <summary>A loop in memory; the caller owns the models and looks at the policy after every iteration.</summary>
    /// <param name="settings">The method and its numbers.</param>
    /// <param name="world">Pairs and scores.</param>
    /// <param name="initial">pi_0: the start, and the reference where it stays fixed.</param>
    public PreferenceLoop(LoopSettings settings, LoopWorld world, Llama initial)
        : this(settings, new MemoryStore(world, initial))
    {
    }

    internal PreferenceLoop(LoopSettings settings, ILoopStore store) => (this.settings, this.store, siblings) = (settings, store, new Siblings(settings));

    /// <summary>Trains one iteration in place.</summary>
    /// <param name="policy">pi_t; becomes pi_{t+1}.</param>
    /// <param name="iteration">t, from 0.</param>
    /// <param name="progress">Is told about every optimiser step of the policy when it is done.</param>
    /// <exception cref="DivergenceException">The loss ran away to a number that is not finite.</exception>
    public LoopIteration Run(Llama policy, int iteration, IProgress<StepProgress>? progress = null)
    {
        var memory = (MemoryStore)store;
        (memory.Policy, memory.Progress) = (policy, progress);
        return Run(iteration);
    }

    // 1: for iteration t = 1, 2, ..., T do
    internal LoopIteration Run(int iteration)
    {
        // 2: set D_t as the t-th portion of D and generate y ~ pi_ref(. | x) for each prompt x in D_t;
        // 3: rank {y, y_w, y_l} and update D_t to contain the best (chosen) and worst (rejected) responses;
        var round = Round(iteration);

        // 4: train the policy on D_t with the optimism term, and let pi_ref be the trained policy.
        var loss = settings.LossOf(iteration);
        var examples = store.WithReference(round, settings.StaysAtBase, loss.Needs, settings.BatchSize);
        var rows = store.Train(iteration, examples, loss, settings.TrainingOf(iteration));
        return new LoopIteration(iteration, rows, round.YBest, round.YWorst) { Dropped = round.Dropped };
    }

    // 5: end for

    /// <summary>The responses that an iteration's own pairs are made of: chosen, rejected, and y where the method has one.</summary>
    /// <param name="iteration">From 0; one that was run, or that asks nobody.</param>
    internal IEnumerable<int[]> Responses(int iteration) =>
        Keep(iteration).Pairs.SelectMany(pair => pair.Sample is { } y ? new[] { pair.Chosen.Ids, pair.Rejected.Ids, y.Ids } : [pair.Chosen.Ids, pair.Rejected.Ids]);

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();

    // Lines 2 and 3 of an iteration: made once, or read again from what the store keeps.
    private (KeptPair[] Pairs, int Dropped) Keep(int iteration)
    {
        if (!kept.TryGetValue(iteration, out var made))
        {
            var pairs = store.Pairs(iteration);
            var answers = siblings.Draws(iteration).Select((draw, k) => Answer(iteration, k, draw, pairs)).ToArray();
            var candidates = siblings.Candidates(iteration, pairs, answers);
            var scores = candidates.Count > 0 ? store.Scores(iteration, candidates) : [];
            kept[iteration] = made = siblings.Keep(iteration, pairs, answers, candidates, scores);
        }
        return made;
    }

    // Draws are keyed by iteration, draw and row: independent streams, the same for every method and alpha. A store that asks
    // for some rows at a time has the model's matrices packed once.
    private IReadOnlyList<Answer> Answer(int iteration, int number, Draw draw, IReadOnlyList<LoopPair> pairs)
    {
        PackedLlama? packed = null;
        try
        {
            return store.Answers(iteration, number, pairs.Count, (at, count) =>
            {
                var model = draw.Who switch { Who.Asked => store.Asked(iteration), Who.Base => store.Initial, _ => settings.StaysAtBase ? store.Initial : store.Policy };
                packed ??= PackedLlama.Of(model);
                var seed = (settings.Sampling.Seed * 1_000_003) + ((ulong)iteration * 101) + (ulong)number;
                return ResponseGenerator.Generate(
                    model, packed, [.. pairs.Skip(at).Take(count).Select(p => p.Prompt)], (draw.ByChance ? siblings.Chance : settings.Sampling) with { Seed = seed },
                    settings.BatchSize, store.EndIds, firstRow: at);
            });
        }
        finally
        {
            packed?.Dispose();
        }
    }

    private LoopRound Round(int iteration)
    {
        int[] used = settings.Keeps ? [.. Enumerable.Range(0, iteration).Where(t => store.Remembers || kept.ContainsKey(t)), iteration] : [iteration];
        (int Iteration, KeptPair Pair)[] pairs = [.. used.SelectMany(t => Keep(t).Pairs.Select(pair => (t, pair)))];
        TrainingExample[] examples = [.. pairs.Select(p => Example(p.Iteration, p.Pair))];
        if (settings.Method == LoopMethod.ExplicitReward && !settings.IsPlain(iteration))
        {
            examples = WithTargets(iteration, pairs, examples);
        }
        var (own, dropped) = Keep(iteration);
        var (best, worst) = siblings.Shares(iteration, own, store.Pairs(iteration).Count);
        return new LoopRound(iteration, pairs, examples, best, worst, dropped);
    }

    // The sampling forward has told log pi_t(y), the reference's where the reference is pi_t itself; but a y that was cut is
    // another sequence, and where data is kept the reference of earlier pairs has moved.
    private TrainingExample Example(int iteration, KeptPair pair)
    {
        var rows = store.Rows(iteration, pair, settings.MaxLength);
        var told = settings is { SamplingTellsLogps: true, StaysAtBase: false, KeepData: false } && store.AsksPolicy
            && pair.Sample is { } y && rows.Reference!.Response.SequenceEqual(y.Ids);
        return new TrainingExample(rows, RefSample: told ? pair.SampleLogp : double.NaN) { OwnLoss = pair.OwnLoss };
    }

    // An explicit reward is fitted to the pairs, then each example brings its margin as what the policy is to learn.
    private TrainingExample[] WithTargets(int iteration, (int, KeptPair Pair)[] pairs, TrainingExample[] examples)
    {
        var margins = store.Margins(iteration, trainer => ExplicitReward.Fit(trainer, settings, examples, [.. pairs.Select(p => p.Pair.Other)], iteration));
        return [.. examples.Zip(margins, (e, margin) => e.WithoutReference() with { OwnLoss = new RewardDistillationLoss(settings.Beta, margin) })];
    }
}
