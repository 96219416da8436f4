using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using static TorchSharp.torch;

namespace Selm.Research.Lab;

/// <summary>Trains and measures one cell.</summary>
internal sealed class LabCellRun : IDisposable
{
    /// <summary>Portion that the Llama recipe's base model is trained on; no run has so many iterations.</summary>
    private const int BasePortion = 1_000_000;

    /// <summary>The peak of the last iteration's learning rate as a share of the first one's, as the paper's 1e-7 after 5e-7.</summary>
    private const double LastPeak = 0.2;

    private readonly LabLanguage language;
    private readonly LabSizes sizes;
    private readonly Device? device;
    private readonly LabCellSpec spec;
    private readonly LabCellStages stages;
    private readonly LabPreset preset;
    private readonly RewardModel? ranker;
    private readonly string start;
    private readonly Llama first, policy;
    private readonly LabCellMeasure measure;
    private readonly PreferenceLoop loop;
    private readonly Dictionary<int, LabPair[]> portions = [];
    private readonly HashSet<string> met = new(StringComparer.Ordinal); // responses trained on and answers of earlier policies
    private Llama? explorer;
    private (double Reward, double Jewel) asked;

    /// <summary>Makes what the cell starts from.</summary>
    /// <param name="spec">The cell, without nulls.</param>
    /// <param name="stages">Shared stages.</param>
    /// <param name="models">Base models and ranker of the cell's preset and budget.</param>
    public LabCellRun(LabCellSpec spec, LabCellStages stages, LabModels models)
    {
        (this.spec, this.stages, preset, device) = (spec, stages, LabCells.PresetOf(spec), models.Device);
        sizes = LabSizes.Of(spec.Budget);
        language = sizes.Language;
        start = spec.Recipe == LabRecipe.Zephyr ? models.BaseModel(spec.Seed) : StrongerBase(models.BaseModel(spec.Seed));
        first = LlamaWeights.Load(start, device: device);
        policy = LlamaWeights.Clone(first);
        ranker = spec.Ranker == LabJudge.Model ? RewardModel.Load(models.RewardModelFolder(), device: device, batchSize: 128) : null;
        measure = new LabCellMeasure(language, preset.Writers, first, spec.Beta);
        loop = new PreferenceLoop(Settings(spec), new LoopWorld(Pairs, Score, [language.EosId], spec.Swap ? Explorer : null), first);
    }

    /// <summary>The first policy, measured once for all cells that start from it.</summary>
    public (LabCellEvaluation Evaluation, LabBenchmarkScore[] Benchmarks) Start()
    {
        var made = stages.Get("start", [Path.GetFileName(start), spec.Preset.ToString(), Number(sizes.QuizItems)],
            _ => new StartRecord(measure.Of(first), Benchmarks()));
        met.UnionWith(made.Result.Evaluation.Answers);
        return (made.Result.Evaluation, made.Result.Benchmarks);
    }

    /// <summary>Trains and measures one iteration, after <see cref="Start"/> and the iterations before it.</summary>
    /// <param name="iteration">From 0.</param>
    public LabCellIteration Iterate(int iteration)
    {
        var done = iteration == 0 && SharesFirstIteration ? SharedFirst() : Train(iteration);
        if (spec == spec.Twin && spec.Method == LoopMethod.Selm && iteration < spec.Iterations - 1)
        {
            stages.KeepCheckpoint(spec, iteration, policy);
        }
        return Compared(done);
    }

    /// <summary>Benchmarks of the policy as it is.</summary>
    public LabBenchmarkScore[] Benchmarks() => LabBenchmarks.All(policy, language, sizes.QuizItems);

    // What an iteration's answers are beside what the cell has met, and to its ranker.
    private LabCellIteration Compared(LabCellIteration done)
    {
        met.UnionWith(loop.Responses(done.Iteration).Select(language.Text));
        var answers = done.Evaluation.Answers;
        var novelty = answers.Average(answer => met.Contains(answer) ? 0.0 : 1);
        met.UnionWith(answers);
        return done with
        {
            Novelty = Math.Round(novelty, 6),
            ExternalReward = Math.Round(ranker?.Score([.. language.Split.Test.Zip(answers, (prompt, answer) => (prompt.Text(language), answer))]).Average() ?? done.Evaluation.MeanReward, 6),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        loop.Dispose();
        explorer?.Dispose();
        ranker?.Dispose();
        policy.Dispose();
        first.Dispose();
    }

    private sealed record StartRecord(LabCellEvaluation Evaluation, LabBenchmarkScore[] Benchmarks);

    // A loop that keeps its data must have seen the first portion itself.
    private bool SharesFirstIteration => !spec.KeepData && (spec.Method is LoopMethod.OfflineDpo or LoopMethod.StepwiseDpo
        || (spec.Recipe == LabRecipe.Zephyr && spec.Method is LoopMethod.Selm or LoopMethod.Vpo or LoopMethod.ExplicitReward));

    private LabCellIteration SharedFirst()
    {
        var (folder, done) = stages.Get("dpo", [Path.GetFileName(start), spec.Preset.ToString(), .. Numbers()], temporary =>
        {
            var trained = Train(0);
            LlamaWeights.Save(policy, temporary);
            return trained;
        });
        using var saved = LlamaWeights.Load(folder, device: device);
        LlamaWeights.Copy(saved, policy);
        return done;
    }

    // What a DPO pass over an offline portion depends on, besides its start and its writers.
    private string[] Numbers() =>
    [
        spec.Seed.ToString(CultureInfo.InvariantCulture), Number(spec.Beta), Number(spec.PairsPerIteration!.Value), Number(spec.BatchSize!.Value),
        Number(spec.LearningRate!.Value), Early(spec).ToString(), spec.Iterations == 1 ? $"last {spec.Cycle}" : "not last",
    ];

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private LabCellIteration Train(int iteration)
    {
        asked = (double.NaN, double.NaN);
        using var curve = iteration == spec.Iterations - 1 && spec.CurveSteps is { } steps ? new LabCellCurve(measure, policy, steps) : null;
        var done = Run(loop, policy, iteration, curve);
        return new LabCellIteration(
            iteration, done.YBest, done.YWorst, Math.Round(asked.Reward, 6), asked.Jewel, done.Training.Average(row => row.SigmaNegativeMargin),
            [.. done.Training.Select(row => row.Loss)], measure.Of(policy))
        {
            Curve = curve?.Points(done.Training),
        };
    }

    private static LoopIteration Run(PreferenceLoop loop, Llama policy, int iteration, LabCellCurve? curve = null)
    {
        try
        {
            return loop.Run(policy, iteration, curve);
        }
        catch (DivergenceException e)
        {
            throw new LabCellFailedException(e.Message, e);
        }
    }

    private string StrongerBase(string plain) => stages.Get("llama-base", [Path.GetFileName(plain), .. Numbers()], temporary =>
    {
        using var model = LlamaWeights.Load(plain, device: device);
        using var reference = LlamaWeights.Clone(model);
        var pairs = LabPairs.Offline(language, [preset.Writers[^1], preset.Writers[^1]], spec.Seed, BasePortion, spec.PairsPerIteration!.Value);
        var world = new LoopWorld(_ => [.. pairs.Select(Pair)], (_, _) => [], [language.EosId]);
        var settings = Settings(spec with { Method = LoopMethod.OfflineDpo, Iterations = 4, KeepData = false });
        using var pass = new PreferenceLoop(settings, world, reference);
        Run(pass, model, 0);
        LlamaWeights.Save(model, temporary);
        return new { Kind = "llama-base", spec.Seed };
    }).Folder;

    private static LoopSettings Settings(LabCellSpec spec) => new()
    {
        Method = spec.Method,
        Alpha = spec.Alpha,
        Beta = spec.Beta,
        Iterations = spec.Iterations!.Value,
        FirstIterationIsDpo = spec.Recipe == LabRecipe.Zephyr,
        Sampling = new SamplingOptions(Temperature: spec.Sampled ? 1 : 0, MaxNewTokens: LabResponse.MaxTokens, Seed: spec.Seed),
        UpdateRule = spec.UpdateRule,
        KeepData = spec.KeepData,
        FixedReference = spec.FixedReference,
        Samples = spec.Method == LoopMethod.Sppo ? 4 : 3,
        SppoEta = spec.SppoEta,
        KeptShare = spec.KeptShare ?? LabBaselines.DnoKeptShare,
        LastIterationLrFactor = spec.CurveSteps is null ? LastPeak : 1,
        LearningRates = spec.Cycle == LabCycle.LastDecayed ? [] : [.. Enumerable.Range(0, spec.Iterations.Value).Select(t => spec.LearningRate!.Value * Peak(spec, t))],
        Reward = new RewardOptions { LearningRate = LabSizes.Of(spec.Budget).Ranker.LearningRate },
        Training = Training(spec),
        LastTraining = LastTraining(spec),
    };

    // The peak of the learning rate in an iteration as a share of the first one's.
    private static double Peak(LabCellSpec spec, int iteration) => spec.Cycle == LabCycle.Constant || spec.Iterations == 1
        ? 1
        : 1 - ((1 - LastPeak) * iteration / (spec.Iterations!.Value - 1));

    private static TrainerOptions Training(LabCellSpec spec) => new()
    {
        Optimizer = new OptimizerRecipe { Betas = [0.9, 0.999], WeightDecay = 0 },
        Schedule = new ScheduleRecipe { Kind = Early(spec), WarmupRatio = 0.1 },
        LearningRate = spec.LearningRate!.Value,
        BatchSize = spec.BatchSize!.Value,
        Seed = spec.Seed,
    };

    // A curve's points must not depend on how many follow them: without a schedule of its own its rate is constant.
    private static TrainerOptions LastTraining(LabCellSpec spec)
    {
        var training = Training(spec) with { Epochs = spec.Epochs ?? 1 };
        return spec.CurveSteps is null ? training : training with
        {
            Schedule = spec.Schedule is null ? new ScheduleRecipe { Kind = ScheduleKind.Constant, WarmupRatio = 0 } : training.Schedule,
            LearningRate = spec.CurveLearningRate ?? training.LearningRate,
        };
    }

    // The schedule of the iterations before a curve.
    private static ScheduleKind Early(LabCellSpec spec) => spec.Schedule ?? ScheduleKind.Cosine;

    private LoopPair[] Pairs(int iteration) => [.. Portion(iteration).Select(Pair)];

    private LabPair[] Portion(int iteration)
    {
        if (!portions.TryGetValue(iteration, out var portion))
        {
            portions[iteration] = portion = LabPairs.Offline(language, preset.Writers, spec.Seed, iteration, spec.PairsPerIteration!.Value);
        }
        return portion;
    }

    private LoopPair Pair(LabPair pair) =>
        new(pair.Prompt.Ids(language), language.ResponseIds(pair.Chosen.Text(language)), language.ResponseIds(pair.Rejected.Text(language)));

    // Candidates come in the order of the portion. Noise belongs to (seed, iteration, row), so cells that are compared share it.
    private List<double[]> Score(int iteration, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)> rows)
    {
        var portion = Portion(iteration);
        var texts = rows.Select(row => row.Candidates.Select(language.Text).ToArray()).ToArray();
        var own = texts.Select(candidates => candidates[spec.Method == LoopMethod.Dno ? 1 : 0]).ToArray();
        asked = (own.Select((text, k) => LabReward.Of(language, portion[k].Prompt, text)).Average(),
            own.Select((text, k) => LabCellMeasure.HasJewel(language, portion[k].Prompt, text) ? 1.0 : 0).Average());
        if (ranker is not null)
        {
            var scores = ranker.Score([.. texts.SelectMany((candidates, k) => candidates.Select(text => (portion[k].Prompt.Text(language), text)))]);
            var at = 0;
            return [.. texts.Select(candidates => candidates.Select(_ => scores[at++]).ToArray())];
        }
        return
        [
            .. texts.Select((candidates, k) =>
            {
                var noise = new PhiloxStream(spec.Seed, LabStreams.CellLabels(iteration), k);
                return candidates.Select(text => LabReward.Of(language, portion[k].Prompt, text) + noise.NextGumbel()).ToArray();
            }),
        ];
    }

    // The twin as it is at the start of the iteration.
    private Llama Explorer(int iteration)
    {
        if (iteration == 0)
        {
            return first;
        }
        explorer?.Dispose();
        return explorer = LlamaWeights.Load(stages.Checkpoint(spec.Twin, iteration - 1)!, device: device);
    }
}

/// <summary>A cell's training cannot go on; the study can.</summary>
internal sealed class LabCellFailedException(string message, Exception inner) : Exception(message, inner);
