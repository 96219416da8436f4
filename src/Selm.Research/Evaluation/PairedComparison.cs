// Two results of one benchmark, item by item: what is their difference worth, and what difference could have been seen at all?
using System.Globalization;
using System.Text.Json;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>The paired difference of two results, in the unit of their scores.</summary>
/// <param name="First">The name of the first result.</param>
/// <param name="Second">The name of the second.</param>
/// <param name="Prompts">Items that both have a score for in every run.</param>
/// <param name="Runs">Runs of each item.</param>
/// <param name="Difference">Mean of first minus second over prompts, its runs averaged inside each, with its 95 % interval by <see cref="PairedEstimate"/>.</param>
/// <param name="P">Two-sided p-value of a mean difference of 0, by the same t.</param>
/// <param name="Sign">The sign test over prompts.</param>
/// <param name="Detectable">The smallest true difference that so many prompts find in 80 of 100 cases at the 5 % level.</param>
/// <param name="PromptsForOne">How many prompts would find a difference of one unit.</param>
public sealed record PairedComparison(
    string First, string Second, int Prompts, int Runs, MeanInterval Difference, double P, SignTestResult Sign, double Detectable, double PromptsForOne)
{
    /// <summary><see cref="P"/> after Holm's correction over all comparisons of a table; the plain one where there is only one.</summary>
    public double AdjustedP { get; init; } = P;

    /// <summary>The p-value of the sign test after the same correction.</summary>
    public double AdjustedSignP { get; init; } = Sign.P;

    /// <summary>Items of one result that the other lacks or that have no score; above 0 the comparison is over a part.</summary>
    public int LeftOut { get; init; }

    /// <summary>The comparison in words.</summary>
    public string Verdict
    {
        get
        {
            string N(double value) => Math.Abs(value).ToString("0.00", CultureInfo.InvariantCulture);
            var interval = string.Create(CultureInfo.InvariantCulture, $"[{Difference.Low:0.00}, {Difference.High:0.00}]");
            string Chance(double p) => p < 0.001 ? "p < 0.001" : string.Create(CultureInfo.InvariantCulture, $"p = {p:0.000}");
            var told = $"{interval}, {Chance(AdjustedP)}{(AdjustedP > P ? " after Holm's correction" : "")}";
            var found = AdjustedP >= 0.05 ? $"{First} and {Second} cannot be told apart: the difference of {Difference.Mean.ToString("0.00", CultureInfo.InvariantCulture)} has the interval {told}"
                : $"{First} is {(Difference.Mean > 0 ? "better" : "worse")} than {Second} by {N(Difference.Mean)} {told}";
            var sign = $"{First} wins on {Sign.Wins} prompts and loses on {Sign.Losses} (sign test {Chance(AdjustedSignP)})";
            var power = double.IsFinite(PromptsForOne) && Detectable > 0
                ? $"{Prompts} prompts find a true difference of {N(Detectable)} in 80 of 100 cases" + (Detectable > 1 ? $", so they cannot resolve 1 point; that takes {PromptsForOne.ToString("N0", CultureInfo.InvariantCulture)} prompts" : "")
                : "all prompts differ by the same amount";
            return $"{found}; {sign}; {power}.";
        }
    }

    /// <summary>Reads items: {id, score, run} rows of selm evaluate, or a public annotation list, whose preferences become points from 0 to 100.</summary>
    /// <exception cref="InputException">The file is missing or broken, or an item is there twice.</exception>
    public static IReadOnlyList<ScoredItem> ReadItems(string path) => ReadItems(path, out _);

    /// <summary>The same with the name of the baseline, where the file is an annotation list that gives one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="baseline">The baseline's name, or null.</param>
    /// <exception cref="InputException">The file is missing or broken, or an item is there twice.</exception>
    public static IReadOnlyList<ScoredItem> ReadItems(string path, out string? baseline)
    {
        baseline = null;
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || Jsonl.Read(path).Select(row => row.Has("preference")).FirstOrDefault())
        {
            var annotations = AlpacaAnnotations.Read(path);
            baseline = annotations.Baseline;
            return [.. annotations.Rows.Select((row, i) => new ScoredItem($"{row.Instruction ?? i}", 100 * row.Preference))];
        }
        var seen = new Dictionary<(string, int), int>();
        var items = new List<ScoredItem>();
        foreach (var row in Jsonl.Read(path))
        {
            var id = row.Field("id") is { ValueKind: JsonValueKind.Number } number ? number.GetRawText() : row.Text("id");
            var item = new ScoredItem(id, row.NumberOrNull("score"), row.WholeNumberOrNull("run") ?? 0);
            items.Add(seen.TryAdd((item.Id, item.Run), row.Line)
                ? item
                : throw row.Error($"item {item.Id} of line {seen[(item.Id, item.Run)]} is there again; keep one score of each item and run"));
        }
        return items.Count > 0 ? items : throw new InputException($"{path} has no items; give the .items.jsonl that selm evaluate --out wrote.");
    }

    /// <summary>Compares two results over the items they share.</summary>
    /// <param name="first">Name and items of one.</param>
    /// <param name="second">Name and items of the other.</param>
    /// <exception cref="InputException">They share fewer than two scored items.</exception>
    public static PairedComparison Of((string Name, IReadOnlyList<ScoredItem> Items) first, (string Name, IReadOnlyList<ScoredItem> Items) second)
    {
        var (one, other) = (ByPrompt(first), ByPrompt(second));
        var runs = Math.Min(one.Values.Max(scores => scores.Count), other.Values.Max(scores => scores.Count));
        string[] shared = [.. one.Keys.Where(id => other.ContainsKey(id) && one[id].Count >= runs && other[id].Count >= runs)];
        if (shared.Length < 2)
        {
            throw new InputException($"{first.Name} and {second.Name} share {shared.Length} scored items, too few for a comparison; give two results of one benchmark.");
        }
        double[] perPrompt = [.. shared.Select(id => Enumerable.Range(0, runs).Average(run => one[id][run] - other[id][run]))];
        var found = PairedEstimate.Of(perPrompt);
        return new(first.Name, second.Name, shared.Length, runs, found.Interval(), found.P(), Statistics.SignTest(perPrompt), found.Detectable, found.Needed(1))
        {
            LeftOut = first.Items.Select(item => item.Id).Union(second.Items.Select(item => item.Id)).Count() - shared.Length,
        };
    }

    /// <summary>One result against several, the tests corrected together.</summary>
    /// <param name="first">Name and items of one.</param>
    /// <param name="others">Name and items of each other.</param>
    /// <exception cref="InputException">Two share fewer than two scored items.</exception>
    public static IReadOnlyList<PairedComparison> Of(
        (string Name, IReadOnlyList<ScoredItem> Items) first, IReadOnlyList<(string Name, IReadOnlyList<ScoredItem> Items)> others)
    {
        PairedComparison[] all = [.. others.Select(other => Of(first, other))];
        var means = Statistics.Holm([.. all.Select(comparison => comparison.P)]);
        var signs = Statistics.Holm([.. all.Select(comparison => comparison.Sign.P)]);
        return [.. all.Select((comparison, k) => comparison with { AdjustedP = means[k], AdjustedSignP = signs[k] })];
    }

    private static Dictionary<string, List<double>> ByPrompt((string Name, IReadOnlyList<ScoredItem> Items) result)
    {
        var found = result.Items.Where(item => item.Score is not null).OrderBy(item => item.Run).GroupBy(item => item.Id).ToDictionary(group => group.Key, group => group.Select(item => item.Score!.Value).ToList());
        return found.Count > 0 ? found : throw new InputException($"No item of {result.Name} has a score; run its benchmark again.");
    }
}
