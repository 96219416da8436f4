using System.Globalization;
using Selm.Research.Lab;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Cli;

/// <summary>What <c>--ranker</c> and a recipe's <c>ranker:</c> may name: <c>pairrm:DIR</c>, <c>rm:DIR</c>, <c>oracle:lab</c>, <c>oracle:lab-noisy:SEED</c>.</summary>
internal static class Rankers
{
    public const string Forms = "pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED";

    private const string Noisy = "lab-noisy:";

    /// <summary>Opens a ranker; it is disposable where it holds a model.</summary>
    /// <param name="name">Kind and, after a colon, where it is.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="adapter">A LoRA adapter on the reward model of <c>rm:DIR</c>, or null.</param>
    /// <exception cref="InputException">The name has another form, the ranker takes no adapter, or its files are missing or wrong.</exception>
    public static IRanker Open(string name, torch.Device device, string? adapter = null)
    {
        Check(name);
        var (kind, place) = Parse(name);
        if (adapter is not null && kind != "rm")
        {
            throw new InputException($"The ranker {name} takes no adapter; leave out --adapter, or give a reward model as rm:DIR.");
        }
        return (kind, place) switch
        {
            ("pairrm", not "") => PairRmRanker.Load(place, device: device),
            ("rm", not "") => RewardModel.Load(place, device: device, adapter: adapter),
            ("oracle", "lab") => new LabOracle(LabLanguage.Standard),
            ("oracle", _) when place.StartsWith(Noisy, StringComparison.Ordinal) => new LabOracle(LabLanguage.Standard, Seed(name, place[Noisy.Length..])),
            _ => throw Unknown(name, kind, place),
        };
    }

    /// <summary>Refuses a name that <see cref="Open"/> does not know; asks for no file.</summary>
    /// <param name="name">As for <see cref="Open"/>, or null for none.</param>
    /// <exception cref="InputException">The name has another form.</exception>
    public static void Check(string? name)
    {
        if (name is null)
        {
            return;
        }
        var (kind, place) = Parse(name);
        if (kind == "oracle" && place.StartsWith(Noisy, StringComparison.Ordinal))
        {
            Seed(name, place[Noisy.Length..]);
        }
        else if ((kind, place) is not (("pairrm" or "rm", not "") or ("oracle", "lab")))
        {
            throw Unknown(name, kind, place);
        }
    }

    /// <summary>Who knows the true reward of answers that such a ranker judged; null where nobody does.</summary>
    /// <param name="name">As for <see cref="Open"/>, or null.</param>
    public static LabOracle? TruthBehind(string? name) =>
        name is "oracle:lab" || name?.StartsWith($"oracle:{Noisy}", StringComparison.Ordinal) == true ? new LabOracle(LabLanguage.Standard) : null;

    private static (string Kind, string Place) Parse(string name)
    {
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (name, "") : (name[..colon], name[(colon + 1)..]);
    }

    private static InputException Unknown(string name, string kind, string place) =>
        new($"There is no ranker '{name}'; did you mean '{Nearest(kind, place)}'? ({Forms}.)");

    // The folder stays as it was given; an oracle has no folder, so one of its whole names is offered.
    private static string Nearest(string kind, string place) => NearestName.Of(kind, ["pairrm", "rm", "oracle"]) switch
    {
        "oracle" => $"oracle:{NearestName.Of(place, ["lab", $"{Noisy}SEED"])}",
        var model => $"{model}:{(place.Length > 0 ? place : "DIR")}",
    };

    private static ulong Seed(string name, string digits) => ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
        ? seed
        : throw new InputException($"The ranker '{name}' must end in the seed of its noise, a whole number >= 0; write oracle:{Noisy}7, for example.");
}
