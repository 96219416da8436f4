using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>Which tokens a sliding window of w lets a token see; published versions differ (see SlidingWindow of Mistral).</summary>
public enum WindowConvention
{
    /// <summary>w tokens, itself included (j &gt; i - w): current versions.</summary>
    Exclusive,

    /// <summary>w + 1 tokens, itself included (j &gt;= i - w): transformers 4.34 and 4.38 to 4.40.</summary>
    Inclusive,
}

/// <summary>
/// One block of the decoder. Queries, keys and values are one matrix, gate and up another (Phi-3 stores them so, for
/// Llama and Mistral they are joined on loading and parted on saving): one product instead of three and of two.
/// </summary>
public sealed class LlamaBlock : nn.Module
{
    internal readonly Parameter input_layernorm; // [hidden]
    internal readonly Parameter qkv_proj; // [(heads + 2 kvHeads) * headDim, hidden]
    internal readonly Parameter? qkv_bias;
    internal readonly Parameter? q_norm; // [headDim], on each head of q before rotation
    internal readonly Parameter? k_norm; // [headDim]
    internal readonly Parameter o_proj; // [hidden, heads * headDim]
    internal readonly Parameter? o_bias;
    internal readonly Parameter post_attention_layernorm; // [hidden]
    internal readonly Parameter gate_up_proj; // [2 * intermediate, hidden]
    internal readonly Parameter down_proj; // [hidden, intermediate]

    internal LlamaBlock(string name, LlamaConfig config, ScalarType dtype, Device device)
        : base(name)
    {
        int hidden = config.HiddenSize, mixed = config.NumAttentionHeads * config.HeadDim, packed = (config.NumAttentionHeads + (2 * config.NumKeyValueHeads)) * config.HeadDim;
        Parameter Room(params long[] shape) => Llama.Room(shape, dtype, device);
        input_layernorm = Room(hidden);
        qkv_proj = Room(packed, hidden);
        qkv_bias = config.QkvBias ? Room(packed) : null;
        q_norm = config.HeadNorms ? Room(config.HeadDim) : null;
        k_norm = config.HeadNorms ? Room(config.HeadDim) : null;
        o_proj = Room(hidden, mixed);
        o_bias = config.AttentionBias ? Room(hidden) : null;
        post_attention_layernorm = Room(hidden);
        gate_up_proj = Room(2 * config.IntermediateSize, hidden);
        down_proj = Room(hidden, config.IntermediateSize);
        RegisterComponents();
    }

    /// <summary>x + attention(norm(x)), then x + mlp(norm(x)); <paramref name="attend"/> mixes tokens.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="eps">Of the norms.</param>
    /// <param name="attend">From packed queries, keys, values [tokens, ..] to mixed values [tokens, heads * headDim].</param>
    /// <param name="keep">Tokens whose result is wanted, [kept], int64; null: all.</param>
    /// <param name="packed">The block's matrices in panels, where many calls read them.</param>
    /// <param name="lora">What an adapter adds, or null.</param>
    internal Tensor Run(Tensor x, double eps, Func<Tensor, Tensor> attend, Tensor? keep = null, PackedBlock? packed = null, LoraBlock? lora = null)
    {
        using var scope = NewDisposeScope();
        var qkv = lora?.Qkv is { } delta ? WithLora(x, input_layernorm, qkv_proj, eps, packed?.Qkv, delta) : Fast.NormLinear(x, input_layernorm, qkv_proj, eps, packed?.Qkv);
        if (qkv_bias is not null)
        {
            qkv = qkv.Plus(qkv_bias);
        }
        if (q_norm is not null)
        {
            qkv = Fast.HeadNorms(qkv, q_norm, k_norm!, o_proj.size(1), eps);
        }
        var mixed = attend(qkv);
        if (keep is not null)
        {
            (x, mixed) = (Fast.Rows(x, keep), Fast.Rows(mixed, keep));
        }
        x = lora?.Output is { } output ? Fast.LoraLinear(mixed, o_proj, output, packed?.Output, residual: x) : Fast.LinearAdd(x, mixed, o_proj, packed?.Output);
        if (o_bias is not null)
        {
            x = x.Plus(o_bias);
        }
        x = lora is { GateUp: null, Down: null } or null
            ? Fast.Mlp(x, post_attention_layernorm, gate_up_proj, down_proj, eps, packed?.GateUp, packed?.Down)
            : FeedForward(x, eps, packed, lora);
        return x.MoveToOuterDisposeScope();
    }

    // The feed-forward half in its steps, because an adapter stands between them.
    private Tensor FeedForward(Tensor x, double eps, PackedBlock? packed, LoraBlock lora)
    {
        var wide = lora.GateUp is { } first
            ? WithLora(x, post_attention_layernorm, gate_up_proj, eps, packed?.GateUp, first)
            : Fast.NormLinear(x, post_attention_layernorm, gate_up_proj, eps, packed?.GateUp);
        var activation = Fast.Gate(wide);
        return lora.Down is { } second ? Fast.LoraLinear(activation, down_proj, second, packed?.Down, residual: x) : Fast.LinearAdd(x, activation, down_proj, packed?.Down);
    }

    private static Tensor WithLora(Tensor x, Tensor norm, Tensor weight, double eps, PackedWeights? packed, LoraDelta delta)
    {
        var normed = Fast.RmsNorm(x, norm, eps);
        return Fast.LoraLinear(normed, weight, delta, packed);
    }
}

/// <summary>
/// A Llama, Mistral, Phi-3 or Qwen decoder: token ids to hidden states to logits, over whole rows with gradients
/// (<see cref="Hidden"/>) or token by token against a cache (<see cref="Step"/>).
/// </summary>
public sealed class Llama : nn.Module
{
    internal readonly Parameter embed_tokens; // [vocabulary, hidden]
    internal readonly ModuleList<LlamaBlock> layers;
    internal readonly Parameter norm; // [hidden]
    internal readonly Parameter? lm_head; // [vocabulary, hidden]; null where the embedding serves
    private RotaryTable rope;

    /// <summary>Makes a decoder with zero weights; <see cref="LlamaWeights"/> fills them from files or at random.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="dtype">Element type of the weights and of the arithmetic.</param>
    /// <param name="device">Where it lives.</param>
    /// <param name="window">How a sliding window is counted, where the config has one.</param>
    public Llama(LlamaConfig config, ScalarType dtype = ScalarType.Float32, Device? device = null, WindowConvention window = WindowConvention.Exclusive)
        : base("llama")
    {
        Config = config;
        Dtype = dtype;
        Device = device ?? CPU;
        Convention = window;
        Window = config.SlidingWindow is { } w ? (window == WindowConvention.Inclusive ? w + 1 : w) : 0;
        embed_tokens = Room([config.VocabSize, config.HiddenSize], dtype, Device);
        layers = new([.. Enumerable.Range(0, config.NumHiddenLayers).Select(k => new LlamaBlock($"layers.{k}", config, dtype, Device))]);
        norm = Room([config.HiddenSize], dtype, Device);
        lm_head = config.TieWordEmbeddings ? null : Room([config.VocabSize, config.HiddenSize], dtype, Device);
        rope = new(config, Math.Min(config.MaxPositionEmbeddings, 512), Device);
        RegisterComponents();
    }

    /// <summary>The shape of the model.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Element type of the weights.</summary>
    public ScalarType Dtype { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>How the sliding window is counted.</summary>
    public WindowConvention Convention { get; }

    /// <summary>A token sees this many tokens, itself included; 0 means all before it.</summary>
    public int Window { get; }

    /// <summary>The matrix that turns hidden states into logits, [vocabulary, hidden].</summary>
    internal Parameter Head => Active?.Head ?? lm_head ?? embed_tokens;

    /// <summary>The adapter, or null.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>Whether the adapter counts; without it the model is its base, so that it can be its own reference.</summary>
    public bool AdapterOn { get; set; } = true;

    /// <summary>What training changes: the adapter's parameters where there is one, else all.</summary>
    internal IReadOnlyList<Parameter> Trained => Adapter?.Parameters ?? [.. parameters()];

    /// <summary>The matrix of the embeddings, [vocabulary, hidden]; where it is also the head's, <see cref="Head"/> is the same object.</summary>
    internal Parameter Embedding => Active?.Embedding ?? embed_tokens;

    /// <summary>The parameters of a block, or behind the last one those of the norm: with an adapter its own.</summary>
    /// <param name="stage">Number of the block, or <see cref="Depth"/>.</param>
    internal IEnumerable<Parameter> ParametersOf(int stage) => stage == Depth ? [norm]
        : Active is { } adapter ? adapter.Layers[stage].All.SelectMany(delta => new[] { delta.A, delta.B })
        : layers[stage].parameters();

    private LoraAdapter? Active => AdapterOn ? Adapter : null;

    /// <summary>Puts an adapter on; from now on it alone has gradients, and the model owns it.</summary>
    /// <param name="adapter">Made for this model.</param>
    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public void Attach(LoraAdapter adapter)
    {
        if (Adapter is not null)
        {
            throw new InvalidOperationException("the model has an adapter already");
        }
        Freeze(true);
        Adapter = adapter;
    }

    /// <summary>Adds the adapter to the weights, W + scaling * B A, and takes it off.</summary>
    public void Merge()
    {
        if (Adapter is not { } adapter)
        {
            return;
        }
        using (NewDisposeScope())
        using (no_grad())
        {
            foreach (var (block, lora) in layers.Zip(adapter.Layers))
            {
                foreach (var (weight, delta) in new[] { (block.qkv_proj, lora.Qkv), (block.o_proj, lora.Output), (block.gate_up_proj, lora.GateUp), (block.down_proj, lora.Down) })
                {
                    foreach (var (part, a, b) in delta?.Split(parameter => parameter) ?? [])
                    {
                        var rows = weight.narrow(0, part.At, part.Width);
                        var product = Fast.Linear(b!.to_type(ScalarType.Float32), a!.to_type(ScalarType.Float32).t().contiguous());
                        rows.copy_(rows.to_type(ScalarType.Float32).Plus(product.Times(delta!.Scaling)));
                    }
                }
            }
            foreach (var (weight, copy) in new[] { (lm_head, adapter.Head), (embed_tokens, adapter.Embedding) })
            {
                if (copy is not null)
                {
                    weight!.copy_(copy);
                }
            }
        }
        Adapter = null;
        adapter.Dispose();
        Freeze(false);
    }

    /// <summary>Id that fills padding; nobody reads what the model makes of it. Published pad ids may lie outside the vocabulary.</summary>
    internal int PadId => Config.PadTokenId is { } id && id < Config.VocabSize ? id : 0;

    /// <summary>Number of blocks.</summary>
    public int Depth => Config.NumHiddenLayers;

    /// <summary>Lays rows out for this model: its window, its padding, its device.</summary>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    public AttentionPlan Plan(IReadOnlyList<SharedRow> rows) => AttentionPlan.Of(rows, Window, PadId, Device);

    /// <summary>Lays rows out for scoring their responses: without the last token of each, which predicts nothing.</summary>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    public AttentionPlan ScoringPlan(IReadOnlyList<SharedRow> rows) =>
        Plan([.. rows.Select(row => row with { Responses = [.. row.Responses.Select(response => response[..Math.Max(0, response.Length - 1)])] })]);

    /// <summary>Embeddings of all tokens.</summary>
    /// <param name="plan">The batch.</param>
    /// <returns>[rows * width, hidden].</returns>
    public Tensor Embed(AttentionPlan plan) => Rows(plan.Ids);

    /// <summary>One block over whole rows.</summary>
    /// <param name="layer">Which.</param>
    /// <param name="x">[rows * width, hidden].</param>
    /// <param name="plan">The batch.</param>
    /// <param name="keep">Which of the rows * width tokens to return, [kept], int64; null: all.</param>
    /// <returns>[rows * width, hidden], or [kept, hidden].</returns>
    public Tensor Block(int layer, Tensor x, AttentionPlan plan, Tensor? keep = null)
    {
        var table = RopeFor(plan.LastPosition + 1);
        return layers[layer].Run(
            x, Config.RmsNormEps,
            qkv => Fast.Attention(qkv.view(plan.Rows, plan.Width, -1), table, plan, Config).view(plan.Rows * plan.Width, -1), keep, lora: Active?.Layers[layer]);
    }

    /// <summary>The norm after the last block.</summary>
    /// <param name="x">[.., hidden].</param>
    public Tensor FinalNorm(Tensor x) => Fast.RmsNorm(x, norm, Config.RmsNormEps);

    /// <summary>Hidden states after the final norm, with gradients where they are enabled.</summary>
    /// <param name="plan">The batch.</param>
    /// <param name="keep">Tokens whose states are wanted, [kept], int64, such as those that predict a response; the last block computes no others. Null: all.</param>
    /// <returns>[rows * width, hidden], or [kept, hidden].</returns>
    public Tensor Hidden(AttentionPlan plan, Tensor? keep = null)
    {
        using var scope = NewDisposeScope();
        var x = Embed(plan);
        for (var layer = 0; layer < Depth; layer++)
        {
            x = Block(layer, x, plan, layer == Depth - 1 ? keep : null);
        }
        return FinalNorm(x).MoveToOuterDisposeScope();
    }

    /// <summary>Scores of every token of the vocabulary.</summary>
    /// <param name="hidden">[.., hidden] after the final norm.</param>
    /// <param name="cache">Where the states come from a step against a cache: it holds the head as products read it.</param>
    /// <returns>[.., vocabulary].</returns>
    public Tensor Logits(Tensor hidden, KvCache? cache = null) => Fast.Linear(hidden, Head, cache?.Packed?.Head);

    /// <summary>Reads new tokens against a cache and extends it. No gradient.</summary>
    /// <param name="ids">[rows, new tokens], int64.</param>
    /// <param name="positions">[rows, new tokens], int64; those of padding do not matter.</param>
    /// <param name="lastPosition">The largest of <paramref name="positions"/>.</param>
    /// <param name="cache">What was read before.</param>
    /// <returns>Hidden states of the last new token after the final norm, [rows, hidden].</returns>
    public Tensor Step(Tensor ids, Tensor positions, int lastPosition, KvCache cache)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var table = RopeFor(lastPosition + 1);
        long rows = ids.size(0), count = ids.size(1);
        var x = Rows(ids);
        for (var layer = 0; layer < Depth; layer++)
        {
            x = layers[layer].Run(x, Config.RmsNormEps, qkv =>
                Fast.CachedAttention(qkv.view(rows, count, -1), table, positions, cache, layer, Config, Window).view(rows * count, -1), packed: cache.Packed?.Blocks[layer], lora: Active?.Layers[layer]);
        }
        cache.Length += (int)count;
        var last = count == 1 ? x : x.view(rows, count, -1).select(1, count - 1);
        return FinalNorm(last).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            rope.Dispose();
            Adapter?.Dispose();
        }
        base.Dispose(disposing);
    }

    // The model owns its parameters, whatever dispose scope it was made in.
    internal static Parameter Room(long[] shape, ScalarType dtype, Device device)
    {
        var parameter = new Parameter(zeros(shape, dtype, device));
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    private Tensor Rows(Tensor ids) => Fast.Rows(Embedding, ids.reshape(-1));

    private void Freeze(bool frozen)
    {
        foreach (var parameter in parameters())
        {
            parameter.requires_grad = !frozen;
        }
    }

    // The table grows to what is asked for: a config may promise 131,072 positions.
    private RotaryTable RopeFor(int positions)
    {
        if (positions > rope.Count)
        {
            rope.Dispose();
            rope = new RotaryTable(Config, Math.Max(positions, 2 * rope.Count), Device);
        }
        return rope;
    }
}
