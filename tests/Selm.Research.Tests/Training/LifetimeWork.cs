using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Scale;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Tests.Training;

/// <summary>Everything that a run does with tensors, on a model of the lab's size; the same numbers every time.</summary>
internal sealed class LifetimeWork : IDisposable
{
    private const int Batch = 4;
    private static readonly BenchShape shape = new(Batch: Batch);
    private readonly Llama policy = BenchWork.NewModel(shape);
    private readonly Llama reference = BenchWork.NewModel(shape);
    private readonly ParameterUpdate update;
    private readonly SelmLoss loss = new(0.1, 0.005);
    private readonly List<byte> numbers = [];

    public LifetimeWork()
    {
        foreach (var parameter in policy.parameters())
        {
            parameter.requires_grad = true;
        }
        update = new ParameterUpdate(policy, new OptimizerRecipe { LearningRate = 1e-3 });
    }

    /// <summary>Tensors that live as long as this: weights, AdamW's two moments, and cosines and sines of both models.</summary>
    public int Owned => (3 * policy.parameters().Count()) + reference.parameters().Count() + 4;

    /// <summary>Does all of it on fresh weights.</summary>
    /// <returns>A hash of every number that came out: losses, norms, weights, answers and log-probs.</returns>
    public static string Round()
    {
        using var work = new LifetimeWork();
        work.Train(0);
        work.Train(1);
        work.Generate();
        work.Score();
        work.Evaluate();
        using (var scope = torch.NewDisposeScope())
        {
            foreach (var (_, tensor) in work.update.State())
            {
                work.Keep(tensor.detach().data<float>().ToArray());
            }
        }
        return Convert.ToHexString(SHA256.HashData(CollectionsMarshal.AsSpan(work.numbers)));
    }

    /// <summary>A step of SELM: reference log-probs, staged backward, clipping, AdamW.</summary>
    public void Train(int step)
    {
        var examples = new ReferenceLogps(null, "", "").Fill(reference, Examples(step), Batch);
        var (losses, _) = PreferenceStep.Backward(policy, loss, examples, Batch);
        Keep([.. losses.Select(result => result.Loss), update.Step(1e-3, maxNorm: 1)]);
    }

    /// <summary>Answers at temperature 1.</summary>
    public void Generate()
    {
        foreach (var answer in ResponseGenerator.Generate(policy, Prompts(2), new SamplingOptions(Temperature: 1, MaxNewTokens: shape.Response), Batch, endIds: []))
        {
            Keep(answer.OutputIds);
            Keep(answer.TokenLogps);
        }
    }

    /// <summary>Log-probs of given responses.</summary>
    public void Score() => Keep(TokenLogps.Of(policy, Rows(3)).Tokens);

    /// <summary>The held-out loss, and the options of multiple-choice questions.</summary>
    public void Evaluate()
    {
        Keep([PreferenceStep.Evaluate(policy, loss, Examples(4), Batch).Loss]);
        foreach (var options in MultipleChoice.Logps(policy, Rows(5)))
        {
            Keep(options);
        }
    }

    public void Dispose()
    {
        update.Dispose();
        policy.Dispose();
        reference.Dispose();
    }

    private static int[] Ids(int step, int row, int part, int count) =>
        BenchWork.Ids(new PhiloxStream((ulong)step, "lifetime", (row * 4) + part), count, shape.Vocab);

    private static int[][] Prompts(int step) => [.. Enumerable.Range(0, Batch).Select(row => Ids(step, row, 0, shape.Prompt))];

    private static SharedRow[] Rows(int step) => [.. Prompts(step).Select((prompt, row) => new SharedRow(prompt, [Ids(step, row, 1, shape.Response), Ids(step, row, 2, 7)]))];

    private static TrainingExample[] Examples(int step) => [.. Prompts(step).Select((prompt, row) =>
    {
        TokenRow Answer(int part) => new([.. prompt, .. Ids(step, row, part, shape.Response - part)], prompt.Length);
        return new TrainingExample(new TokenTriple(prompt, Answer(1), Answer(2), Answer(3)), RefChosen: 0, RefRejected: 0, RefSample: 0);
    })];

    private void Keep<T>(T[] values)
        where T : struct => numbers.AddRange(MemoryMarshal.AsBytes(values.AsSpan()));
}
