// Memory of the moments of an iteration, in bytes, counted from the shapes; StagedBackward, ParameterUpdate and the two ways
// of computing a layer (the kit's kernels for float32 on the CPU, TorchSharp's operators elsewhere) say what is held. A token
// is a place of a row: a prompt stands once before its responses.
using System.Text.Json.Serialization;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>What is held at one moment [bytes].</summary>
/// <param name="Moment">Its name.</param>
/// <param name="Weights">The decoder, with the optimiser's float32 copy and the ranker's weights where they are there.</param>
/// <param name="Gradient">Gradients and their sums.</param>
/// <param name="Moments">The optimiser's.</param>
/// <param name="Activations">What a pass keeps of its tokens.</param>
/// <param name="Logits">A chunk of logits with its products.</param>
/// <param name="Cache">Keys and values of decoding.</param>
/// <param name="Working">Copies and products of single operators, and what the process takes before it has a model.</param>
public sealed record PlannedMemory(
    string Moment, double Weights, double Gradient = 0, double Moments = 0, double Activations = 0, double Logits = 0, double Cache = 0, double Working = 0)
{
    /// <summary>The names of the parts, in the order of a stacked bar.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["weights", "gradient", "moments", "activations", "logits", "cache", "working"];

    /// <summary>The sum.</summary>
    public double Total => Values.Sum();

    /// <summary>The parts in the order of <see cref="Parts"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<double> Values => [Weights, Gradient, Moments, Activations, Logits, Cache, Working];
}

/// <summary>The memory of a recipe on a kind of device.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="model">Its decoder.</param>
/// <param name="kernels">Whether the kit's kernels compute: float32 on the CPU.</param>
/// <param name="constant">What the process takes on the device before it has a model [bytes].</param>
/// <param name="ranker">The ranker's weights on the device [bytes]; it stays open beside the policy.</param>
/// <param name="onHost">Whether the device is the host itself.</param>
internal sealed class StepMemory(Recipe recipe, PlanModel model, bool kernels, double constant, double ranker = 0, bool onHost = true)
{
    private const double Float = 4;
    private const double ComposedChunk = 16 << 20; // logits of a chunk, Fast.Chunks
    private const double Grown = 9.0 / 8; // Scratch takes an eighth more than it is asked for

    private readonly StateBytes state = StateBytes.Of(recipe);
    private readonly double all = model.Parameters, adapter = model.AdapterWeights(recipe);

    private double Hidden => model.Config.HiddenSize;

    private double Ff => model.Config.IntermediateSize;

    private double Layers => model.Config.NumHiddenLayers;

    private double Vocab => model.Config.VocabSize;

    private double Element => state.Weight;

    private bool Whole => adapter == 0; // all weights are trained

    private double Trained => Whole ? all : adapter;

    // On the CPU the host is the device.
    private double Moments => (state.Moments + (onHost ? state.HostMoments : 0)) * Trained;

    private double Frozen => Element * (Whole ? 0 : all);

    private double Policy => Frozen + ((state.Weight + state.Master) * Trained) + ranker;

    // Weights of the largest stage whose gradient is handed over at a time: the embedding, the head or a block.
    private double Largest => Whole ? Math.Max(model.Embedding, model.PerBlock) : adapter / Layers;

    // The largest product of a backward pass that waits beside the sum that it is added to.
    private double Handed => kernels ? Float * (Whole ? Math.Max(model.Embedding, model.FeedForward) : 0) : 0;

    /// <summary>The moments of a training step, the peak among them.</summary>
    /// <param name="rows">Pairs of a micro-batch.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="response">Tokens of a response.</param>
    /// <param name="responses">Responses of a pair: two, or three with a y.</param>
    internal PlannedMemory[] Training(int rows, int prompt, int response, int responses)
    {
        var width = prompt + (responses * (response - 1.0));
        var (tokens, targets) = (rows * width, rows * (responses * (double)response));
        var (kept, inside) = Kept(tokens, rows * width * width);
        var micro = state.Micro * (state.ByStage ? Largest : Trained);
        var before = new PlannedMemory("", Policy, 0, Moments, 0, 0, 0, constant + Scratch(tokens, targets));
        return
        [
            before with { Moment = "forward", Gradient = recipe.GradientAccumulation > 1 ? state.Sum * Trained : 0, Activations = kept + States(targets), Logits = Logits(targets) },
            before with
            {
                Moment = "backward",
                Gradient = (state.Sum > 0 && (state.Micro == 0 || recipe.GradientAccumulation > 1 || state.ByStage) ? state.Sum * Trained : 0) + micro,
                Activations = inside, Working = before.Working + Handed + (state.Sum == 0 ? Updating : 0),
            },
            before with { Moment = "update", Gradient = state.Sum * Trained, Working = before.Working + Updating },
        ];
    }

    /// <summary>Decoding: the policy, a cache of keys and values, the logits of a step.</summary>
    /// <param name="rows">Rows decoded together.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="fresh">New tokens.</param>
    internal PlannedMemory Sampling(int rows, int prompt, int fresh)
    {
        double cache = 2.0 * rows * (prompt + fresh) * model.Config.NumKeyValueHeads * model.Config.HeadDim * Element;
        var packed = kernels ? Float * (all - (model.Config.TieWordEmbeddings ? 0 : model.Embedding)) : 0; // a copy of all products' weights in panels
        var repeated = kernels ? 0 : cache * model.Config.NumAttentionHeads / model.Config.NumKeyValueHeads; // of one layer
        return new("sampling", Resting, Activations: Passing(rows * (double)prompt), Logits: rows * Vocab * (Element + (3 * Float)), Cache: cache * Layers, Working: constant + packed + repeated);
    }

    /// <summary>Log-probs of the reference: one pass without a graph.</summary>
    /// <param name="rows">Pairs of a batch.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="response">Tokens of a response.</param>
    /// <param name="responses">Responses of a pair.</param>
    internal PlannedMemory Reference(int rows, int prompt, int response, int responses)
    {
        var width = prompt + (responses * (response - 1.0));
        var targets = rows * (responses * (double)response);
        return new("reference", Resting, Activations: Passing(rows * width) + States(targets), Logits: Logits(targets, backward: false), Working: constant + Scratch(rows * width, targets));
    }

    /// <summary>Ranking: the policy stays where it is, and the ranker passes its rows.</summary>
    /// <param name="activations">Of the ranker's pass.</param>
    internal PlannedMemory Ranking(double activations) => new("ranking", Resting, Activations: activations, Working: constant);

    private double Resting => (Element * (all + adapter)) + ranker;

    // What a backward pass finds of its tokens (all blocks, or block inputs), and what the widest block adds while it works.
    private (double Kept, double Inside) Kept(double tokens, double squares)
    {
        var block = (tokens * PerToken) + (kernels ? 0 : Element * squares); // attention's mask as numbers, one per layer
        var twins = kernels ? Twins(tokens) * Layers : 0;
        var moving = tokens * (kernels ? Float * ((3 * Hidden) + model.Packed + model.Mixed) : Element * ((4 * Hidden) + (3 * Ff)));
        var shared = kernels ? tokens * 32 : (tokens * 32) + squares; // ids, positions, ranges; the mask
        return recipe.ActivationCheckpointing
            ? ((tokens * Element * Hidden * (Layers + 1)) + Passing(tokens) + shared, (tokens * Element * Hidden) + block + twins + moving + shared)
            : ((block * Layers) + twins + (tokens * Element * Hidden) + moving + shared, moving + shared);
    }

    // TorchSharp keeps an empty tensor beside each output of a kernel, until the runtime's collector comes by: also those of blocks
    // whose graph is gone. Large ones are pages that nobody touches; small ones lie in the heap, whose pages an earlier pass has touched.
    // Those of an adapter's feed-forward products were measured to stay untouched too.
    private double Twins(double tokens)
    {
        const double own = 32 << 20; // blocks from here on have pages of their own (Libtorch.cs)
        double[] outputs = [model.Packed, model.Mixed, Hidden, Hidden, .. Whole ? [] : new[] { Hidden, Hidden }];
        return outputs.Select(columns => Float * tokens * columns).Where(bytes => bytes < own).Sum();
    }

    // Bytes that one block keeps of a token. Kernels: its input, q k v, mixed values, the sum, gate and up. Operators: per norm
    // a float32 copy, the normed rows and, where the norm's weight is trained, what it multiplies; q, k and v repeated for all
    // heads and their mix; gate, up, silu and product.
    private double PerToken => kernels
        ? Float * ((2 * Hidden) + model.Packed + model.Mixed + (2 * Ff) + model.Config.NumAttentionHeads + 2 + (Whole ? 0 : LoraKernels))
        : (2 * Float * Hidden) + (Element * (((Whole ? 4 : 2) * Hidden) + (4 * model.Mixed) + (4 * Ff) + (Whole ? 0 : 7.0 * (recipe.Adapter?.Rank ?? 16))));

    // An adapter's layers are single steps: both norms' results, the product after the gate and x A' are kept too.
    private double LoraKernels => (2 * Hidden) + Ff + (7.0 * (recipe.Adapter?.Rank ?? 16));

    // A pass without a graph: two states, and the widest layer's products.
    private double Passing(double tokens) => tokens * (kernels ? Float * ((3 * Hidden) + model.Packed + model.Mixed) : Element * ((3 * Hidden) + Math.Max(4 * Ff, model.Packed + (4 * model.Mixed))) + (2 * Float * Hidden));

    private double States(double targets) => Element * targets * Hidden * 2;

    private double Logits(double targets, bool backward = true)
    {
        if (kernels)
        {
            return Float * Math.Min(targets, ChunkRows) * Vocab * Grown;
        }
        return (Math.Min(ComposedChunk, targets * Vocab) * (Element + (3 * Float))) + (backward && Whole ? 2 * Element * model.Embedding : 0);
    }

    private double ChunkRows => Math.Max(Math.Max(64, (2 << 20) / Vocab), Math.Min(256, (16 << 20) / Vocab));

    // Weights in panels and chunks of rows, which the kernels keep once they have them.
    private double Scratch(double tokens, double targets)
    {
        if (!kernels)
        {
            return 0;
        }
        var rows = Math.Min(256, tokens);
        var head = model.Embedding <= 16 << 20 || targets > 4 * ChunkRows ? model.Embedding : 0;
        return Float * Grown * ((Whole ? 5 : 2) / 3.0 * model.FeedForward + head + (rows * ((3 * Hidden) + (3 * Ff))) + (1 << 20));
    }

    // Copies of the update. Operators: three of the largest parameter; a step that rounds stochastically or fetches its moments
    // works on pieces of 2^24 weights, in some 110 bytes each on a GPU, and on the CPU holds a piece of 2^22 for the norm.
    private double Updating
    {
        get
        {
            const double piece = 1 << 24;
            var optimizer = recipe.Optimizer;
            var (pieces, most) = (!optimizer.MasterWeights || optimizer.Moments == Precision.Bf16 || optimizer.MomentsOn == MomentsPlace.Host, Math.Min(piece, Trained));
            return kernels ? 0 : !pieces ? 3 * Float * (Whole ? Math.Max(model.Embedding, 2 * model.FeedForward / 3) : 0) : onHost ? Float * Math.Min(1 << 22, most) : 110 * most;
        }
    }
}
