using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The PairRM cross-compare model (Jiang et al., "LLM-Blender", arXiv 2306.02561): source and two candidates pass the
/// encoder together, each candidate is scored by a head on [source marker ; candidate marker], and the logit of the
/// pair is the mean over tasks of left score minus right score. It is not antisymmetric: ask for both orders.
/// </summary>
public sealed class PairRm : IDisposable
{
    // Scores of one attention layer that a batch may have, in elements: bounds memory whatever the lengths are.
    private const long MostScores = 1L << 26;

    private readonly DebertaEncoder pretrained_model;
    private readonly WeightReader head;
    private readonly Affine head_layer_1, head_layer_4;

    private PairRm(string folder, ScalarType dtype, Device device)
    {
        Config = PairRmConfig.Load(folder);
        using var weights = SafetensorsFolder.Open(folder);
        long width = Config.Encoder.HiddenSize;
        head = new WeightReader(weights, dtype, device);
        try
        {
            // 0 and 3 are dropout, 2 is tanh.
            head_layer_1 = head.Affine("head_layer.1", width, 2 * width);
            head_layer_4 = head.Affine("head_layer.4", Config.Tasks, width);
            pretrained_model = DebertaEncoder.Load(weights, Config.Encoder, "pretrained_model.", dtype, device);
            RefuseOthers(weights);
        }
        catch
        {
            pretrained_model?.Dispose();
            head.Dispose();
            throw;
        }
    }

    /// <summary>Shape, special ids and length limits.</summary>
    public PairRmConfig Config { get; }

    /// <summary>Reads the model of a folder.</summary>
    /// <param name="folder">Holds config.json and the weights.</param>
    /// <param name="dtype">Element type to compute in; null: float32.</param>
    /// <param name="device">Where to compute; null: the CPU.</param>
    /// <exception cref="InputException">A file, field or tensor is missing or wrong.</exception>
    public static PairRm Load(string folder, ScalarType? dtype = null, Device? device = null) => new(folder, dtype ?? ScalarType.Float32, device ?? CPU);

    /// <summary>The logit of each pair: positive where the left candidate looks better.</summary>
    public double[] Compare(IReadOnlyList<PackedPair> pairs)
    {
        var logits = new double[pairs.Count];
        // Pairs of similar length travel together; equal inputs stay in one place so that they get equal numbers.
        var order = Enumerable.Range(0, pairs.Count).OrderBy(k => pairs[k].Ids.Length).ToArray();
        for (var start = 0; start < order.Length;)
        {
            var count = 1;
            while (start + count < order.Length && Scores(pairs[order[start + count]].Ids.Length, count + 1) <= MostScores)
            {
                count++;
            }
            var batch = order[start..(start + count)];
            var results = Forward([.. batch.Select(k => pairs[k])]);
            for (var k = 0; k < count; k++)
            {
                logits[batch[k]] = results[k];
            }
            start += count;
        }
        return logits;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        pretrained_model.Dispose();
        head.Dispose();
    }

    // position_ids count 0, 1, 2, ... in checkpoints of old versions.
    private void RefuseOthers(SafetensorsFolder weights)
    {
        var other = weights.Names.FirstOrDefault(name => !head.Names.Contains(name) && !pretrained_model.Names.Contains(name) && !name.EndsWith(".position_ids", StringComparison.Ordinal));
        if (other is not null)
        {
            throw new InputException($"{weights.Folder}: the tensor \"{other}\" is not part of the ranker that config.json describes; use the config.json that belongs to these weights.");
        }
    }

    private long Scores(long length, long count) => count * Config.Encoder.NumAttentionHeads * length * length;

    private float[] Forward(PackedPair[] pairs)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var length = pairs.Max(pair => pair.Ids.Length);
        var (ids, mask) = (new long[pairs.Length * length], new long[pairs.Length * length]);
        Array.Fill(ids, Config.Encoder.PadTokenId);
        for (var row = 0; row < pairs.Length; row++)
        {
            var tokens = pairs[row].Ids;
            for (var k = 0; k < tokens.Length; k++)
            {
                (ids[(row * length) + k], mask[(row * length) + k]) = (tokens[k], 1);
            }
        }
        var device = pretrained_model.Device;
        var hidden = pretrained_model
            .Forward(tensor(ids, [pairs.Length, length], device: device), tensor(mask, [pairs.Length, length], device: device))
            .view(pairs.Length * length, -1);
        Tensor At(Func<PackedPair, int> place) =>
            hidden.index_select(0, tensor([.. pairs.Select((pair, row) => ((long)row * length) + place(pair))], device: device));
        var source = At(_ => 1);
        var difference = Score(source, At(pair => pair.LeftAt)) - Score(source, At(pair => pair.RightAt));
        return difference.mean([1L]).to(ScalarType.Float32).cpu().data<float>().ToArray();
    }

    // [pairs, hidden] twice to [pairs, tasks].
    private Tensor Score(Tensor source, Tensor candidate) =>
        head_layer_4.Apply(head_layer_1.Apply(cat([source, candidate], -1)).tanh());
}
