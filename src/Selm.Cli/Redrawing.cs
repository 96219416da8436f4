using System.Globalization;
using System.Text;
using Selm.HuggingFace.Files;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>Claims table, report and README numbers from finished experiments, of this run or recorded.</summary>
internal static class Redrawing
{
    private const string Begin = "<!-- results: written by ./selm reproduce --redraw -->", End = "<!-- end of results -->";

    // Of each table the rows that README shows.
    private static readonly string[] shown =
    [
        "table1-selm-over-start", "table1-selm-over-dpo", "table1-online-over-offline", "figure3-large-alpha-fails", "exploration-selm-0.03", "exploration-selm-0.3", "figure4-lab-chosen-30",
        "tables-gain-zephyr", "tables-same-iteration-zephyr", "tables-selm-over-dpo-zephyr", "tables-twice-the-data-zephyr", "derivation", "derivation-erratum-2", "theorem31-display", "tables-stronger-base",
    ];

    /// <summary>Writes claims table and report of everything that lies in a folder of results: this run and earlier ones of its kind.</summary>
    /// <param name="folders">Where the results lie.</param>
    /// <param name="rules">What judged the claims.</param>
    /// <param name="records">The experiments of this run.</param>
    /// <returns>The claims of this run.</returns>
    public static IReadOnlyList<ClaimRow> Write(ResultFolders folders, ClaimRules rules, IReadOnlyList<ExperimentRecord> records)
    {
        ExperimentRecord[] all = [.. Experiment.All
            .Select(experiment => records.FirstOrDefault(record => record.Name == experiment.Name) ?? Earlier(folders.RecordOf(experiment.Name), records[0])).OfType<ExperimentRecord>()];
        WritePages(folders, rules, all);
        return rules.Table([.. records.SelectMany(record => record.Claims)]);
    }

    /// <summary>
    /// Judges the recording again where data/claims.yaml has changed, then draws figures, tables, claims, report and README's
    /// numbers from it; figures say when they were recorded. README's numbers are never those of a preview.
    /// </summary>
    /// <param name="root">Holds figures/, data/results and README.md; empty for the current folder.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <returns>All claims.</returns>
    /// <exception cref="InputException">A record is broken, of another version, or lacks what today's rules need.</exception>
    public static IReadOnlyList<ClaimRow> Of(string root, ClaimRules rules)
    {
        var folders = ResultFolders.Below(root);
        var files = Experiment.All.Select(experiment => folders.RecordOf(experiment.Name)).Where(File.Exists).ToArray();
        ExperimentRecord[] records = files.Length > 0
            ? [.. files.Select(file => Judged(file, rules, folders))]
            : throw new InputException($"{folders.Results} holds no recorded experiment; run selm reproduce --record first.");
        foreach (var record in records)
        {
            (record with { Figures = [.. record.Figures.Select(figure => Stamped(figure, record))] }).Draw(folders);
        }
        var rows = WritePages(folders, rules, records);
        var readme = Path.Combine(root, "README.md");
        if (File.Exists(readme) && File.ReadAllText(readme) is var text && text.Contains(Begin, StringComparison.Ordinal))
        {
            if (Array.Find(records, record => record.IsPreview) is { } preview)
            {
                Console.Error.WriteLine($"{readme} stays as it is: {folders.RecordOf(preview.Name)} is a preview and no recording.");
            }
            else
            {
                AtomicFile.WriteText(readme, WithResults(text, rows, records));
            }
        }
        return rows;
    }

    private static IReadOnlyList<ClaimRow> WritePages(ResultFolders folders, ClaimRules rules, IReadOnlyList<ExperimentRecord> records)
    {
        var rows = rules.Table([.. records.SelectMany(record => record.Claims)]);
        ClaimsTable.Save(rows, rules, folders.Results);
        ClaimsTable.Page(rows, records, name => $"{name}: {Experiment.Named(name).Question}").Save(Path.Combine(folders.Results, "report.html"));
        return rows;
    }

    // Experiments that an earlier, narrower run left in the folder; null where they would not fit this one.
    private static ExperimentRecord? Earlier(string file, ExperimentRecord now)
    {
        if (!File.Exists(file))
        {
            return null;
        }
        try
        {
            if (ExperimentRecord.Read(file) is var record && (record.Scale, record.ClaimsSha256, record.Preview) == (now.Scale, now.ClaimsSha256, now.Preview))
            {
                return record;
            }
        }
        catch (InputException)
        {
            // Of another version: said below.
        }
        Console.Error.WriteLine($"{file} was made at another scale or by another version; it is not in claims.md and report.html.");
        return null;
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
        var first = (lab.Length > 0 ? lab : records)[0];
        text.Append(CultureInfo.InvariantCulture, $"Recorded {first.Provenance.Utc:yyyy-MM-dd} on {first.Provenance.Cpu}: {records.Max(record => record.Worlds)} exact worlds");
        text.Append(lab.Length > 0 ? string.Create(CultureInfo.InvariantCulture, $", {lab[0].HeadlineSeeds} seeds of the headline runs and {lab[0].Seeds} of the others.\n\n") : ".\n\n");
        foreach (var (group, about) in ClaimsTable.Groups)
        {
            text.Append(CultureInfo.InvariantCulture, $"**{Capital(group)}.** {about}\n\n");
            text.Append("| claim | paper says | what was measured | scale | measured | 95 % interval | verdict |\n|---|---|---|---|---|---|---|\n");
            foreach (var row in rows.Where(row => row.Group == group && shown.Contains(row.Id) && row.Verdict != "not run"))
            {
                text.Append(CultureInfo.InvariantCulture, $"| {row.Id} | {row.Says} | {row.Statistic} | {row.Scale} | {ClaimsTable.Measured(row)} | {ClaimsTable.Interval(row)} | {row.Verdict} |\n");
            }
            text.Append('\n');
        }
        var counts = rows.CountBy(row => row.Verdict.StartsWith("no effect", StringComparison.Ordinal) ? "no effect larger than d here" : row.Verdict).OrderByDescending(pair => pair.Value);
        text.Append(CultureInfo.InvariantCulture, $"All {rows.Count} verdicts: {string.Join(", ", counts.Select(pair => $"{pair.Value} {pair.Key}"))}. The whole table is [data/results/claims.md](data/results/claims.md).\n");
        return text.ToString();
    }

    private static string Capital(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}";

    private static ExperimentRecord Judged(string file, ClaimRules rules, ResultFolders folders)
    {
        var record = ExperimentRecord.Read(file);
        var judged = JudgedAgain.By(rules.At(record.Scale == "gpu" ? "gpu" : "lab", onlyPreview: false), record);
        if (judged != record)
        {
            judged.SaveRecord(folders);
        }
        return judged;
    }

    private static Figure Stamped(Figure figure, ExperimentRecord record) => ExperimentRecord.AsRecorded(
        figure, string.Create(CultureInfo.InvariantCulture, $"Redrawn from the {(record.IsPreview ? "preview" : "recording")} of {record.Provenance.Utc:yyyy-MM-dd}."));
}
