using System.Globalization;
using CsvHelper;
using Selm.Research.Data;

namespace Selm.Research.Claims;

/// <summary>A row of Table 1 or of the model cards.</summary>
/// <param name="Model">As printed.</param>
/// <param name="Family">zephyr, llama3-it or other.</param>
/// <param name="Method">SFT, base, DPO, iterative DPO, SELM, or a method that only Table 1 lists.</param>
/// <param name="Iteration">Of iterative methods, from 1; null otherwise.</param>
/// <param name="LcWinRate">AlpacaEval 2.0 length-controlled win rate, in percent.</param>
/// <param name="MtBench">MT-Bench score, 1 to 10.</param>
public sealed record PaperScore(string Model, string Family, string Method, int? Iteration, double LcWinRate, double MtBench)
{
    /// <summary>AlpacaEval 2.0 win rate without length control, in percent; NaN in model cards.</summary>
    public double WinRate { get; init; } = double.NaN;

    /// <summary>Mean length of the answers to AlpacaEval 2.0, in characters; NaN in model cards.</summary>
    public double Length { get; init; } = double.NaN;

    /// <summary>MT-Bench score of the first turn; NaN where it is not printed.</summary>
    public double Turn1 { get; init; } = double.NaN;

    /// <summary>MT-Bench score of the second turn; NaN where it is not printed.</summary>
    public double Turn2 { get; init; } = double.NaN;
}

/// <summary>A half of Figure 2: length-controlled win rates of row against column, in percent, as printed.</summary>
/// <param name="Family">zephyr or llama3-it.</param>
/// <param name="Models">The models, in one order for rows and columns.</param>
/// <param name="WinRates">[row][column].</param>
public sealed record PairwiseWinRates(string Family, IReadOnlyList<string> Models, IReadOnlyList<IReadOnlyList<double>> WinRates)
{
    /// <summary>The printed win rate of one model against another, in percent.</summary>
    /// <exception cref="InputException">A model is not in the figure.</exception>
    public double Of(string model, string against) => WinRates[Place(model)][Place(against)];

    private int Place(string model)
    {
        var place = Models.ToList().IndexOf(model);
        return place >= 0 ? place : throw new InputException($"the win rates of {Family} have no model '{model}'; they have {string.Join(", ", Models)}.");
    }
}

/// <summary>A row of Table 2: accuracies in percent, EQ-Bench its own score.</summary>
/// <param name="Model">As printed.</param>
/// <param name="Scores">GSM8K, HellaSwag, ARC, TruthfulQA, EQ-Bench, OpenBookQA and their average, in the order of the table.</param>
public sealed record PaperBenchmarks(string Model, IReadOnlyList<double> Scores)
{
    /// <summary>The printed average of the six benchmarks.</summary>
    public double Average => Scores[^1];
}

/// <summary>The numbers the paper and its model cards print, read from data/paper.</summary>
/// <param name="Table1">Table 1.</param>
/// <param name="Table2">Table 2.</param>
/// <param name="ModelCards">The model cards of the released checkpoints.</param>
/// <param name="Figure2">Both halves of Figure 2: Zephyr, then Llama-3.</param>
public sealed record PaperTables(
    IReadOnlyList<PaperScore> Table1, IReadOnlyList<PaperBenchmarks> Table2, IReadOnlyList<PaperScore> ModelCards, IReadOnlyList<PairwiseWinRates> Figure2)
{
    /// <summary>Reads the files of data/paper.</summary>
    /// <param name="folder">The folder with table1.csv, table2.csv, model_cards.csv, figure2_zephyr.csv and figure2_llama3.csv.</param>
    /// <exception cref="InputException">A file is missing, broken, or has a cell that is not a number.</exception>
    public static PaperTables Read(string folder) => new(
        Scores(Path.Combine(folder, "table1.csv"), cards: false),
        ReadBenchmarks(Path.Combine(folder, "table2.csv")),
        Scores(Path.Combine(folder, "model_cards.csv"), cards: true),
        [Pairwise(Path.Combine(folder, "figure2_zephyr.csv"), "zephyr"), Pairwise(Path.Combine(folder, "figure2_llama3.csv"), "llama3-it")]);

    /// <summary>The row of Table 1 for a method.</summary>
    /// <exception cref="InputException">There is no such row.</exception>
    public PaperScore Printed(string family, string method, int? iteration = null) => Find(Table1, "table1.csv", family, method, iteration);

    /// <summary>The row of Table 1 for a model.</summary>
    /// <param name="model">As printed.</param>
    /// <exception cref="InputException">There is no such row.</exception>
    public PaperScore Row(string model) => Table1.FirstOrDefault(row => row.Model == model) ?? throw Missing("table1.csv", model);

    /// <summary>The row of Table 2 for a model.</summary>
    /// <param name="model">As printed.</param>
    /// <exception cref="InputException">There is no such row.</exception>
    public PaperBenchmarks Benchmarks(string model) => Table2.FirstOrDefault(row => row.Model == model) ?? throw Missing("table2.csv", model);

    /// <summary>The model card of a method's checkpoint.</summary>
    /// <exception cref="InputException">There is no such card.</exception>
    public PaperScore Card(string family, string method, int? iteration = null) => Find(ModelCards, "model_cards.csv", family, method, iteration);

    private static InputException Missing(string file, string model) => new($"{file} has no row for the model '{model}'; restore data/paper.");

    private static PaperScore Find(IReadOnlyList<PaperScore> rows, string file, string family, string method, int? iteration) =>
        rows.FirstOrDefault(row => row.Family == family && row.Method == method && row.Iteration == iteration)
        ?? throw new InputException($"{file} has no row for family {family}, method {method}, iteration {iteration?.ToString(CultureInfo.InvariantCulture) ?? "none"}; restore data/paper.");

    private static List<PaperScore> Scores(string path, bool cards)
    {
        var scores = new List<PaperScore>();
        using var csv = PreferenceCsv.Open(path);
        while (PreferenceCsv.Next(path, csv))
        {
            scores.Add(new(
                csv.GetString("model"), csv.GetString("family"), csv.GetString("method"),
                csv.GetString("iteration").Length == 0 ? null : (int)Number(path, csv, "iteration"), Number(path, csv, "lc_win_rate"), Number(path, csv, "mt_bench"))
            {
                WinRate = cards ? double.NaN : Number(path, csv, "win_rate"),
                Length = cards ? double.NaN : Number(path, csv, "avg_length"),
                Turn1 = cards ? double.NaN : Optional(path, csv, "mt_bench_turn1"),
                Turn2 = cards ? double.NaN : Optional(path, csv, "mt_bench_turn2"),
            });
        }
        return scores;
    }

    private static List<PaperBenchmarks> ReadBenchmarks(string path)
    {
        var rows = new List<PaperBenchmarks>();
        using var csv = PreferenceCsv.Open(path);
        while (PreferenceCsv.Next(path, csv))
        {
            rows.Add(new(csv.GetString("model"), [.. csv.Headers.Skip(1).Select(column => Number(path, csv, column))]));
        }
        return rows;
    }

    private static PairwiseWinRates Pairwise(string path, string family)
    {
        var (models, rates) = (new List<string>(), new List<double[]>());
        using var csv = PreferenceCsv.Open(path);
        while (PreferenceCsv.Next(path, csv))
        {
            models.Add(csv.GetString(0));
            rates.Add([.. csv.Headers.Skip(1).Select(column => Number(path, csv, column))]);
        }
        return rates.Count > 0 && rates[0].Length == rates.Count
            ? new(family, models, rates)
            : throw new InputException($"{path} has {models.Count} rows for {csv.Headers.Count - 1} columns of win rates; every model needs one of each.");
    }

    // Not every row of Table 1 has its turns printed.
    private static double Optional(string path, CsvReader csv, string column) => csv.GetString(column).Length > 0 ? Number(path, csv, column) : double.NaN;

    private static double Number(string path, CsvReader csv, string column) =>
        double.TryParse(csv.GetString(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new InputException($"{path} line {csv.LineNumber}: '{csv.GetString(column)}' in column {column} is not a number; correct the cell.");
}
