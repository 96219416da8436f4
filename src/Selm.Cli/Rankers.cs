using Selm.Research;
using Selm.Research.Ranking;

namespace Selm.Cli;

/// <summary>What <c>--ranker</c> and a recipe's <c>ranker:</c> may name.</summary>
internal static class Rankers
{
    public const string Forms = "pairrm:DIR, rm:DIR or oracle:lab";

    /// <summary>Opens a ranker by its name.</summary>
    /// <exception cref="InputException">The name has another form, or the ranker's files are missing or wrong.</exception>
    public static IRanker Open(string name)
    {
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        var (kind, place) = colon < 0 ? (name, "") : (name[..colon], name[(colon + 1)..]);
        return (kind, place) switch
        {
            ("pairrm", not "") => PairRmRanker.Load(place),
            ("rm", not "") => new RewardModelRanker(RewardModel.Load(place).Score),
            ("oracle", "lab") => throw new InputException("oracle:lab is the lab world's true reward; it comes with the lab experiments and is not in this version: use pairrm:DIR or rm:DIR."),
            _ => throw new InputException($"'{name}' is not a ranker; give {Forms}."),
        };
    }
}
