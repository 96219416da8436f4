using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Numerics;

namespace Selm.Research.Ranking;

/// <summary>
/// The paper's ranker: PairRM compares every two candidates of a prompt in both orders, and
/// <see cref="Comparisons.MaxLogits"/> turns the logits into scores.
/// </summary>
public sealed class PairRmRanker : IRanker, IDisposable
{
    private readonly PairRm model;
    private readonly DebertaTokenizer tokenizer;
    private readonly PairRmPacking packing;
    private readonly string sourceMarker, candidateMarker, separator;

    /// <summary>Joins a model and its tokenizer; the ranker owns the model.</summary>
    /// <exception cref="InputException">The tokenizer lacks a marker of the model's configuration.</exception>
    public PairRmRanker(PairRm model, DebertaTokenizer tokenizer)
    {
        this.model = model;
        this.tokenizer = tokenizer;
        packing = new PairRmPacking(model.Config);
        sourceMarker = tokenizer.TokenOf(model.Config.SourcePrefixId);
        candidateMarker = tokenizer.TokenOf(model.Config.CandPrefixId);
        separator = tokenizer.TokenOf(model.Config.SepTokenId);
    }

    /// <summary>Reads model and tokenizer from one folder.</summary>
    /// <param name="folder">Holds config.json, the weights and spm.model.</param>
    /// <param name="dtype">Element type to compute in; null: float32.</param>
    /// <param name="device">Where to compute; null: the CPU.</param>
    /// <exception cref="InputException">A file, field or tensor is missing or wrong.</exception>
    public static PairRmRanker Load(string folder, TorchSharp.torch.ScalarType? dtype = null, TorchSharp.torch.Device? device = null)
    {
        PairRmConfig.Load(folder); // says first what another kind of folder is
        var tokenizer = DebertaTokenizer.Load(folder);
        var model = PairRm.Load(folder, dtype, device);
        try
        {
            return new PairRmRanker(model, tokenizer);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch) =>
        [.. Compare(batch).Select(matrix => RankedCandidates.FromScores(Comparisons.MaxLogits(matrix)))];

    /// <summary>The matrix of pairwise logits of each request: C[i, j] is candidate i on the left against j on the right.</summary>
    public IReadOnlyList<double[,]> Compare(IReadOnlyList<RankRequest> batch)
    {
        if (batch.Count == 0)
        {
            return [];
        }
        var (sources, candidates) = packing.Cut(
            [.. batch.Select(request => Source(request.Text))],
            [.. batch.Select(request => request.Candidates.Select(Candidate).ToArray())]);
        var pairs = new List<PackedPair>();
        var places = new Dictionary<(int Row, int Left, int Right), int>();
        var same = candidates.Select(FirstEqual).ToArray();
        foreach (var (row, i, j) in OrderedPairs(candidates))
        {
            if (places.TryAdd((row, same[row][i], same[row][j]), pairs.Count))
            {
                pairs.Add(packing.Pack(sources[row], candidates[row][i], candidates[row][j]));
            }
        }
        var logits = model.Compare(pairs);
        var matrices = candidates.Select(row => new double[row.Length, row.Length]).ToArray();
        foreach (var (row, i, j) in OrderedPairs(candidates))
        {
            matrices[row][i, j] = logits[places[(row, same[row][i], same[row][j])]];
        }
        return matrices;
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    /// <summary>The part of a prompt: [CLS] source-marker text [SEP], not yet cut.</summary>
    internal int[] Source(string prompt) => Part(sourceMarker, prompt);

    /// <summary>The part of a response: [CLS] candidate-marker text [SEP], not yet cut.</summary>
    internal int[] Candidate(string response) => Part(candidateMarker, response);

    // A literal [SEP] in a text would end its part, so it becomes a space.
    private int[] Part(string marker, string text) =>
        tokenizer.Encode(marker + text.Replace(separator, " ", StringComparison.Ordinal), addSpecialTokens: true);

    private static IEnumerable<(int Row, int Left, int Right)> OrderedPairs(int[][][] candidates) =>
        from row in Enumerable.Range(0, candidates.Length)
        from i in Enumerable.Range(0, candidates[row].Length)
        from j in Enumerable.Range(0, candidates[row].Length)
        where i != j
        select (row, i, j);

    // Equal candidates are compared once: less work, and their scores tie exactly.
    private static int[] FirstEqual(int[][] candidates) =>
        [.. candidates.Select(candidate => Array.FindIndex(candidates, other => other.AsSpan().SequenceEqual(candidate)))];
}
