using System.Globalization;
using System.Text;
using System.Text.Json;
using Selm.Research;
using Selm.Research.Experiments;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>Claims table, report and README numbers from finished experiments, of this run or recorded.</summary>
internal static class Redrawing
{
    private const string Begin = "<!-- results: written by ./selm reproduce --redraw -->", End = "<!-- end of results -->";

    private static readonly string[] shown =
    [
        "derivation", "derivation-erratum-2", "theorem31", "tables-selm-over-dpo-zephyr", "tables-stronger-base", "exploration-selm-0.03", "exploration-selm-0.3",
        "table1-selm-over-start", "table1-selm-over-dpo", "figure3-large-alpha-fails-oracle", "figure4-lab-chosen-3", "figure4-lab-chosen-full",
    ];

    /// <summary>Writes the claims table and the report of a run; a table of more experiments than this run had is left alone.</summary>
    /// <param name="root">Holds data/results; empty for the current folder.</param>
    /// <param name="rules">What judged the claims.</param>
    /// <param name="records">The experiments.</param>
    /// <returns>All claims.</returns>
    public static IReadOnlyList<ClaimRow> Write(string root, ClaimRules rules, IReadOnlyList<ExperimentRecord> records)
    {
        var rows = rules.Table([.. records.SelectMany(record => record.Claims)]);
        var results = Path.Combine(root, "data", "results");
        if (ExperimentsIn(Path.Combine(results, "claims.json")) > records.Count)
        {
            Console.Error.WriteLine($"{Path.Combine(results, "claims.md")} and report.html hold more experiments and stay as they are.");
            return rows;
        }
        ClaimsTable.Save(rows, rules, results);
        ClaimsTable.Page(rows, records, name => $"{name}: {Experiment.Named(name).Question}").Save(Path.Combine(results, "report.html"));
        return rows;
    }

    /// <summary>Draws figures, tables, claims, report and README's numbers again from data/results; figures say when they were recorded.</summary>
    /// <param name="root">Holds figures/, data/results and README.md; empty for the current folder.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <returns>All claims.</returns>
    /// <exception cref="InputException">A record is broken, of another version, or judged by other rules.</exception>
    public static IReadOnlyList<ClaimRow> Of(string root, ClaimRules rules)
    {
        var results = Path.Combine(root, "data", "results");
        var files = Experiment.All.Select(experiment => Path.Combine(results, $"{experiment.Name}.json")).Where(File.Exists).ToArray();
        ExperimentRecord[] records = files.Length > 0
            ? [.. files.Select(file => Judged(file, rules))]
            : throw new InputException($"{results} holds no recorded experiment; run selm reproduce first.");
        foreach (var record in records)
        {
            (record with { Figures = [.. record.Figures.Select(figure => Stamped(figure, record))] }).Draw(root);
        }
        var rows = Write(root, rules, records);
        var readme = Path.Combine(root, "README.md");
        if (File.Exists(readme) && File.ReadAllText(readme) is var text && text.Contains(Begin, StringComparison.Ordinal))
        {
            AtomicFile.WriteText(readme, WithResults(text, rows, records));
        }
        return rows;
    }

    /// <summary>README's text with the numbers of these results between its marks.</summary>
    internal static string WithResults(string readme, IReadOnlyList<ClaimRow> rows, IReadOnlyList<ExperimentRecord> records)
    {
        var (from, to) = (readme.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, readme.IndexOf(End, StringComparison.Ordinal));
        return to < from
            ? throw new InputException($"README.md has the mark '{Begin}' but not '{End}' after it; add it.")
            : $"{readme[..from]}\n\n{Block(rows, records)}\n{readme[to..]}";
    }

    private static string Block(IReadOnlyList<ClaimRow> rows, IReadOnlyList<ExperimentRecord> records)
    {
        var text = new StringBuilder();
        var lab = records.Where(record => record.Seeds > 0).ToArray();
        var about = (lab.Length > 0 ? lab : records)[0];
        text.Append(CultureInfo.InvariantCulture, $"Recorded {about.Provenance.Utc:yyyy-MM-dd} on {about.Provenance.Cpu}: {records.Max(record => record.Worlds)} exact worlds");
        text.Append(lab.Length > 0 ? string.Create(CultureInfo.InvariantCulture, $", {lab[0].HeadlineSeeds} seeds of the headline runs and {lab[0].Seeds} of the others.\n\n") : ".\n\n");
        text.Append("| claim | paper says | scale | measured | 95 % interval | verdict |\n|---|---|---|---|---|---|\n");
        foreach (var row in shown.SelectMany(id => rows.Where(row => row.Id == id && row.Verdict != "not run")))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Id} | {row.Says} | {row.Scale} | {ClaimsTable.Measured(row)} | {ClaimsTable.Interval(row)} | {row.Verdict} |\n");
        }
        var counts = rows.CountBy(row => row.Verdict.StartsWith("no effect", StringComparison.Ordinal) ? "no effect larger than d here" : row.Verdict).OrderByDescending(pair => pair.Value);
        text.Append(CultureInfo.InvariantCulture, $"\nAll {rows.Count} verdicts: {string.Join(", ", counts.Select(pair => $"{pair.Value} {pair.Key}"))}. The whole table is [data/results/claims.md](data/results/claims.md).\n");
        return text.ToString();
    }

    private static ExperimentRecord Judged(string file, ClaimRules rules)
    {
        var record = ExperimentRecord.Read(file);
        return record.ClaimsSha256 == rules.Sha256
            ? record
            : throw new InputException($"{file} was judged by other rules than data/claims.yaml has now; run its experiment again with selm reproduce {record.Name}.");
    }

    private static Figure Stamped(Figure figure, ExperimentRecord record) =>
        ExperimentRecord.AsRecorded(figure, string.Create(CultureInfo.InvariantCulture, $"Redrawn from the recording of {record.Provenance.Utc:yyyy-MM-dd}."));

    private static int ExperimentsIn(string claims)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(claims));
            return document.RootElement.GetProperty("claims").EnumerateArray()
                .Where(row => row.GetProperty("verdict").GetString() != "not run").Select(row => row.GetProperty("experiment").GetString()).Distinct().Count();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return 0;
        }
    }
}
