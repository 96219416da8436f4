using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>The work of one bench step, in up to two parts that are timed one by one.</summary>
internal abstract class BenchWork : IDisposable
{
    /// <summary>The model of the shape, the same in every run.</summary>
    internal static Llama NewModel(BenchShape shape, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        var model = new Llama(shape.Config(), dtype, device);
        RandomWeights.Fill(model, seed: 1);
        return model;
    }

    /// <summary>Starts the work of a mode.</summary>
    internal static BenchWork Of(BenchMode mode, BenchShape shape, ScalarType dtype = ScalarType.Float32, Device? device = null) => mode switch
    {
        BenchMode.Train => new TrainWork(shape, NewModel(shape, dtype, device)),
        BenchMode.Generate => new GenerateWork(shape, NewModel(shape, dtype, device)),
        _ => new LogprobsWork(shape, NewModel(shape, dtype, device)),
    };

    /// <summary>Tokens that a step counts: those of all its sequences as separate rows, or the new ones.</summary>
    internal static long TokensOf(BenchMode mode, BenchShape shape) => mode switch
    {
        BenchMode.Train => 3L * shape.Batch * (shape.Prompt + shape.Response),
        BenchMode.Generate => (long)shape.Batch * shape.Response,
        _ => (long)shape.Batch * (shape.Prompt + shape.Response),
    };

    /// <summary>Makes the step's data; not timed.</summary>
    internal abstract void Prepare(int step);

    /// <summary>The reference pass, where the mode has one.</summary>
    internal virtual void Reference()
    {
    }

    /// <summary>The step itself.</summary>
    internal abstract void Step();

    public abstract void Dispose();

    /// <summary>Random ids, never a special one (0 and 1 stand for padding and end).</summary>
    internal static int[] Ids(PhiloxStream stream, int count, int vocab)
    {
        var ids = new int[count];
        for (var k = 0; k < count; k++)
        {
            ids[k] = vocab > 2 ? 2 + stream.NextInt(vocab - 2) : stream.NextInt(vocab);
        }
        return ids;
    }

    private sealed class TrainWork : BenchWork
    {
        private readonly BenchShape shape;
        private readonly Llama policy, reference;
        private readonly ParameterUpdate optimizer;
        private readonly SelmLoss loss = new(0.1, 0.005);
        private TrainingExample[] examples = [];

        internal TrainWork(BenchShape shape, Llama model)
        {
            (this.shape, policy) = (shape, model);
            foreach (var parameter in policy.parameters())
            {
                parameter.requires_grad = true;
            }
            reference = LlamaWeights.Clone(policy);
            optimizer = new ParameterUpdate(policy, new OptimizerRecipe());
        }

        internal override void Prepare(int step)
        {
            examples = new TrainingExample[shape.Batch];
            for (var k = 0; k < examples.Length; k++)
            {
                var stream = new PhiloxStream((ulong)step, "bench", k);
                var prompt = Ids(stream, shape.Prompt, shape.Vocab);
                TokenRow Row() => new([.. prompt, .. Ids(stream, shape.Response, shape.Vocab)], prompt.Length);
                var (chosen, rejected) = (Row(), Row());
                var y = k >= shape.Reused ? Row() : k % 2 == 0 ? chosen : rejected;
                examples[k] = new TrainingExample(new TokenTriple(prompt, chosen, rejected, y), RefChosen: 0, RefRejected: 0, RefSample: 0);
            }
        }

        internal override void Reference() => examples = new ReferenceLogps(null, "", "").Fill(reference, examples, shape.Batch);

        internal override void Step()
        {
            PreferenceStep.Backward(policy, loss, examples, examples.Length);
            optimizer.Step(5e-7, maxNorm: 1);
        }

        public override void Dispose()
        {
            optimizer.Dispose();
            policy.Dispose();
            reference.Dispose();
        }
    }

    private sealed class GenerateWork(BenchShape shape, Llama model) : BenchWork
    {
        private int[][] prompts = [];

        internal override void Prepare(int step) =>
            prompts = [.. Enumerable.Range(0, shape.Batch).Select(k => Ids(new PhiloxStream((ulong)step, "bench", k), shape.Prompt, shape.Vocab))];

        // No id ends a response: every step decodes the same number of tokens.
        internal override void Step() => Sampling.ResponseGenerator.Generate(model, prompts, new SamplingOptions(MaxNewTokens: shape.Response), shape.Batch, endIds: []);

        public override void Dispose() => model.Dispose();
    }

    private sealed class LogprobsWork(BenchShape shape, Llama model) : BenchWork
    {
        private SharedRow[] rows = [];

        internal override void Prepare(int step) => rows = [.. Enumerable.Range(0, shape.Batch).Select(k =>
        {
            var stream = new PhiloxStream((ulong)step, "bench", k);
            return new SharedRow(Ids(stream, shape.Prompt, shape.Vocab), [Ids(stream, shape.Response, shape.Vocab)]);
        })];

        internal override void Step() => TokenLogps.Of(model, rows);

        public override void Dispose() => model.Dispose();
    }
}
