using System.Text.Json.Serialization;

namespace Selm.Research.Runs;

/// <summary>
/// The loss of a recipe. What is not given is the method's own loss with that loss's defaults (<c>selm loss --help</c> lists kinds,
/// parameters and defaults); a number that the loss does not take is an error.
/// </summary>
public sealed record LossRecipe
{
    /// <summary>Which loss; null is the method's own.</summary>
    public string? Kind { get; init; }

    /// <summary>beta of (2.3): strength of the KL term.</summary>
    public double? Beta { get; init; }

    /// <summary>alpha of (1.1) and (3.2): strength of optimism (Zephyr 0.001, Llama-3 0.0001).</summary>
    public double? Alpha { get; init; }

    /// <summary>Whether the bonus is alpha x beta x log-ratio, as in (3.2) and the authors' code, or alpha x log-ratio, as Algorithm 1 prints.</summary>
    public AlphaScale AlphaScale { get; init; } = AlphaScale.AlphaBeta;

    /// <summary>Assumed share of swapped labels, in [0, 0.5).</summary>
    public double? LabelSmoothing { get; init; }

    /// <summary>Further numbers by name, such as <c>lambda</c> of dpop; in YAML they are keys of the section like those above.</summary>
    public IReadOnlyDictionary<string, double> More { get; init; } = new Dictionary<string, double>();

    /// <summary>Every number that was given, by its key.</summary>
    [JsonIgnore]
    public IEnumerable<(string Name, double Value)> Given =>
    [
        .. Named("beta", Beta), .. Named("alpha", Alpha), .. Named("label_smoothing", LabelSmoothing),
        .. More.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value)),
    ];

    private static IEnumerable<(string Name, double Value)> Named(string name, double? value) => value is { } number ? [(name, number)] : [];
}
