namespace Selm.HuggingFace.Models;

/// <summary>Source, left and right candidate as one input.</summary>
/// <param name="Ids">[CLS] source-marker s [SEP] [CLS] candidate1-marker c1 [SEP] [CLS] candidate2-marker c2 [SEP]; the source marker is at 1.</param>
/// <param name="LeftAt">Where the left candidate's marker is.</param>
/// <param name="RightAt">Where the right candidate's marker is.</param>
public sealed record PackedPair(int[] Ids, int LeftAt, int RightAt);

/// <summary>
/// How PairRM cuts and joins its parts. A part is a tokenised text with its frame: [CLS] marker text [SEP]. Cutting
/// keeps the [SEP].
/// </summary>
public sealed class PairRmPacking(PairRmConfig config)
{
    /// <summary>
    /// Cuts the parts of one batch. Sources are cut to their limit; what the longest source leaves of it is shared by
    /// the two candidates of a pair, so the cut of one row depends on its batch.
    /// </summary>
    /// <param name="sources">One part per row.</param>
    /// <param name="candidates">The parts of each row's candidates.</param>
    public (int[][] Sources, int[][][] Candidates) Cut(IReadOnlyList<int[]> sources, IReadOnlyList<IReadOnlyList<int[]>> candidates)
    {
        var cut = sources.Select(source => Cut(source, config.SourceMaxLength)).ToArray();
        var limit = config.CandidateMaxLength + ((config.SourceMaxLength - cut.Max(source => source.Length)) / 2);
        return (cut, [.. candidates.Select(row => row.Select(candidate => Cut(candidate, limit)).ToArray())]);
    }

    /// <summary>Joins a source and two candidates; the candidates' common marker becomes that of their side.</summary>
    public PackedPair Pack(int[] source, int[] left, int[] right)
    {
        int[] ids = [.. source, .. left, .. right];
        var leftAt = source.Length;
        var rightAt = leftAt + left.Length;
        ids.AsSpan(leftAt, left.Length).Replace(config.CandPrefixId, config.Cand1PrefixId);
        ids.AsSpan(rightAt, right.Length).Replace(config.CandPrefixId, config.Cand2PrefixId);
        return new PackedPair(ids, leftAt + 1, rightAt + 1);
    }

    /// <summary>
    /// Cuts and joins one pair by itself, as the single-pair class published with the Hugging Face checkpoint does: each
    /// candidate may have half of what its own source leaves of the whole length.
    /// </summary>
    public PackedPair PackAlone(int[] source, int[] left, int[] right)
    {
        var cut = Cut(source, config.SourceMaxLength);
        var limit = (config.SourceMaxLength + (2 * config.CandidateMaxLength) - cut.Length) / 2;
        return Pack(cut, Cut(left, limit), Cut(right, limit));
    }

    private int[] Cut(int[] part, int limit) => part.Length <= limit ? part : [.. part.AsSpan(0, limit - 1), config.SepTokenId];
}
