using Selm.HuggingFace.Models;

namespace Selm.Research.Scale;

/// <summary>What <c>selm bench</c> times.</summary>
public enum BenchMode
{
    /// <summary>One SELM step: reference pass, staged backward, clipping, AdamW.</summary>
    Train,

    /// <summary>Greedy decoding.</summary>
    Generate,

    /// <summary>Log-probs of given responses.</summary>
    Logprobs,
}

/// <summary>The model and the batch of a bench. The defaults are the lab-bench model: 0.77 M parameters without its embedding.</summary>
/// <param name="Vocab">Tokens of the vocabulary.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="Ff">Width of the feed-forward layer.</param>
/// <param name="Prompt">Tokens of each prompt.</param>
/// <param name="Response">Tokens of each response.</param>
/// <param name="Batch">Examples (train) or rows (generate, logprobs) per step.</param>
/// <param name="Steps">Steps that are timed; medians are reported.</param>
/// <param name="Threads">Threads of libtorch and of its BLAS.</param>
/// <param name="Reuse">Share of examples whose y is the chosen or the rejected response, so that two sequences stand for three.</param>
public sealed record BenchShape(
    int Vocab = 256, int Hidden = 128, int Layers = 4, int Heads = 4, int KvHeads = 2, int Ff = 352,
    int Prompt = 24, int Response = 40, int Batch = 32, int Steps = 20, int Threads = 1, double Reuse = 0)
{
    private const int MostThreads = 256;

    /// <summary>Width of one head; all heads share the residual stream's unless it is given.</summary>
    public int HeadDim
    {
        get => field > 0 ? field : Hidden / Heads;
        init;
    }

    /// <summary>Whether the head is the embedding matrix.</summary>
    public bool Tied { get; init; }

    /// <summary>Examples of a batch whose y is the chosen or the rejected response.</summary>
    public int Reused => (int)Math.Round(Reuse * Batch);

    /// <summary>Parameters of the model.</summary>
    public long Parameters => ((Tied ? 1L : 2L) * Vocab * Hidden) + Hidden + (Layers * ((2L * Hidden) + MatrixElementsPerLayer));

    /// <summary>Elements of one block's matrices: q, k, v, o, gate, up, down.</summary>
    internal long MatrixElementsPerLayer => ((2L * Heads) + (2L * KvHeads)) * HeadDim * Hidden + (3L * Hidden * Ff);

    /// <summary>Refuses shapes that no model has.</summary>
    /// <exception cref="InputException">The sentence names the option.</exception>
    public void Validate()
    {
        (string Name, int Value, int Least)[] counts =
        [
            ("vocab", Vocab, 2), ("hidden", Hidden, 2), ("layers", Layers, 1), ("heads", Heads, 1), ("kv-heads", KvHeads, 1), ("ff", Ff, 1),
            ("prompt", Prompt, 1), ("response", Response, 1), ("batch", Batch, 1), ("steps", Steps, 1), ("threads", Threads, 1),
        ];
        foreach (var (name, value, least) in counts)
        {
            if (value < least)
            {
                throw new InputException($"--{name} is {value}; give a whole number of at least {least}.");
            }
        }
        if (Threads > MostThreads)
        {
            throw new InputException($"--threads is {Threads}; give at most {MostThreads}, best the number of cores.");
        }
        if (Hidden % Heads != 0 || HeadDim % 2 != 0)
        {
            throw new InputException($"--hidden {Hidden} is no even multiple of --heads {Heads}; rotary positions need heads of an even width.");
        }
        if (Heads % KvHeads != 0)
        {
            throw new InputException($"--heads {Heads} is no multiple of --kv-heads {KvHeads}; each key head serves the same number of query heads.");
        }
        if (!(Reuse is >= 0 and <= 1))
        {
            throw new InputException(FormattableString.Invariant($"--reuse is {Reuse}; give a share from 0 to 1."));
        }
    }

    /// <summary>The model's config.json.</summary>
    internal LlamaConfig Config() => new()
    {
        ModelType = "llama",
        VocabSize = Vocab,
        HiddenSize = Hidden,
        IntermediateSize = Ff,
        NumHiddenLayers = Layers,
        NumAttentionHeads = Heads,
        NumKeyValueHeads = KvHeads,
        HeadDim = HeadDim,
        MaxPositionEmbeddings = Prompt + Response,
        TieWordEmbeddings = Tied,
    };
}
