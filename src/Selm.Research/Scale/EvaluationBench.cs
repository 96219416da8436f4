// Two promises of the evaluation that are about time, measured where time belongs: not in a test.
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Scale;

/// <summary>Scoring of multiple-choice questions, three ways by turns; times are medians over steps [ms].</summary>
/// <param name="Shape">The model; its prompt is a question with the solved examples before it, its response an option, its batch the questions of a step.</param>
/// <param name="Options">Options of each question.</param>
/// <param name="Libtorch">The libtorch that computed.</param>
/// <param name="SharedMs">As the kit scores: the context of a question computed once for all its options.</param>
/// <param name="LoopMs">A loop that reads the context again for every option, one at a time.</param>
/// <param name="BatchedLoopMs">The same with as many options in a batch as the kit takes.</param>
public sealed record OptionsBenchReport(BenchShape Shape, int Options, string Libtorch, double SharedMs, double LoopMs, double BatchedLoopMs)
{
    /// <summary>The loop's time over ours.</summary>
    public double Ratio => LoopMs / SharedMs;

    /// <summary>The batched loop's time over ours.</summary>
    public double BatchedRatio => BatchedLoopMs / SharedMs;
}

/// <summary>One length-controlled fit.</summary>
/// <param name="Rows">Judged instructions.</param>
/// <param name="CalibrationRows">Rows of gamed copies.</param>
/// <param name="Steps">Timed fits, of different rows each.</param>
/// <param name="FitMs">Median time of a fit, cross-validation included [ms].</param>
/// <param name="SlowestMs">The slowest [ms].</param>
public sealed record LcFitBenchReport(int Rows, int CalibrationRows, int Steps, double FitMs, double SlowestMs);

/// <summary>Times parts of the evaluation on made-up data.</summary>
public static class EvaluationBench
{
    /// <summary>HellaSwag with ten solved examples: about 800 tokens before four options of about 20.</summary>
    public static BenchShape HellaSwag { get; } = new(Prompt: 800, Response: 20, Batch: 4, Steps: 7);

    /// <summary>The options of a HellaSwag question.</summary>
    public const int HellaSwagOptions = 4;

    private const int Instructions = 805, GamedCopies = 2, WarmUp = 1;

    /// <summary>Scores the same questions with shared contexts and by both loops, step by step in turns.</summary>
    /// <param name="shape">The model and the questions of a step.</param>
    /// <param name="progress">Is told about finished steps.</param>
    /// <exception cref="InputException">The shape has no meaning, or needs more memory than is free.</exception>
    public static OptionsBenchReport Options(BenchShape shape, IProgress<StepProgress>? progress = null)
    {
        shape.Validate();
        BenchMemory.Require(BenchMemory.OfOptions(shape, HellaSwagOptions), shape);
        Libtorch.Threads = shape.Threads;
        using var model = BenchWork.NewModel(shape);
        var (shared, loop, batched) = (new Times(), new Times(), new Times());
        for (var k = -WarmUp; k < shape.Steps; k++)
        {
            var rows = Questions(shape, k + WarmUp);
            SharedRow[] apart = [.. rows.SelectMany(row => row.Responses.Select(option => new SharedRow(row.Prompt, [option])))];
            Action[] ways = [() => MultipleChoice.Logps(model, rows), () => { foreach (var row in apart) { TokenLogps.Of(model, [row]); } }, () => MultipleChoice.Logps(model, apart)];
            foreach (var (times, way) in new[] { shared, loop, batched }.Zip(ways))
            {
                var (wall, cpu) = Times.Of(way);
                if (k >= 0)
                {
                    times.Add(wall, cpu);
                }
            }
            progress?.Report(new StepProgress("bench options", Math.Max(0, k + 1), shape.Steps));
        }
        return new(shape, HellaSwagOptions, torch.__version__, shared.Wall, loop.Wall, batched.Wall);
    }

    /// <summary>Fits a model's 805 judgements beside the rows of two gamed copies, as AlpacaEval 2.0 does.</summary>
    /// <param name="steps">How many fits are timed.</param>
    /// <param name="progress">Is told about finished fits.</param>
    public static LcFitBenchReport LcFit(int steps = 20, IProgress<StepProgress>? progress = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var times = new Times();
        for (var k = -WarmUp; k < steps; k++)
        {
            var (rows, calibration) = Judgements(k + WarmUp);
            var (wall, cpu) = Times.Of(() => LengthControlledWinRate.Fit(rows, calibration));
            if (k >= 0)
            {
                times.Add(wall, cpu);
            }
            progress?.Report(new StepProgress("bench lc-fit", Math.Max(0, k + 1), steps));
        }
        return new(Instructions, Instructions * GamedCopies, steps, times.Wall, times.SlowestWall);
    }

    private static SharedRow[] Questions(BenchShape shape, int step) =>
    [
        .. Enumerable.Range(0, shape.Batch).Select(k =>
        {
            var stream = new PhiloxStream((ulong)step, "bench-options", k);
            return new SharedRow(
                BenchWork.Ids(stream, shape.Prompt, shape.Vocab), [.. Enumerable.Range(0, HellaSwagOptions).Select(_ => BenchWork.Ids(stream, shape.Response, shape.Vocab))]);
        }),
    ];

    // A judge that likes long answers, instructions of several difficulties, and two copies of the baseline, a short and a long one.
    private static (JudgedPair[] Rows, CalibrationRow[] Calibration) Judgements(int step)
    {
        var random = new PhiloxStream((ulong)step, "bench-lc-fit");
        double[] difficulties = [.. Enumerable.Range(0, Instructions).Select(_ => random.NextGaussian())];
        JudgedPair[] rows = [.. difficulties.Select(difficulty =>
        {
            var gap = 600 * random.NextGaussian();
            return new JudgedPair(2000, Math.Max(1, Math.Round(2000 - gap)), difficulty, LogMath.Sigmoid(random.NextGaussian() - Math.Tanh(gap / 600) + (0.3 * difficulty) - 1));
        })];
        CalibrationRow[] calibration = [.. from copy in Enumerable.Range(0, GamedCopies)
                                           from difficulty in difficulties
                                           let gap = (copy == 0 ? 1 : -1) * (0.8 + (0.5 * random.NextGaussian()))
                                           select new CalibrationRow(gap, difficulty, LogMath.Sigmoid((0.5 * random.NextGaussian()) - Math.Tanh(gap)))];
        return (rows, calibration);
    }
}
