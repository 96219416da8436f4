using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Claims;

/// <summary>How a <see cref="ClaimRow"/> shows itself: as a table of one claim.</summary>
public sealed class ClaimFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<ClaimRow>("text/html", row => TableWriter.Html(ClaimsTable.Of([row]) with { Title = "", Notes = [] })),
        new DisplayFormatter<ClaimRow>("text/plain", row => $"{row.Id} ({row.Scale}): {ClaimsTable.Measured(row)} {ClaimsTable.Interval(row)} {row.Verdict}"),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

/// <summary>The claims of a run as a table, as files and as one page. Derived in lesson 10.</summary>
public static class ClaimsTable
{
    /// <summary>The table of claims whose rule was committed before its seeds ran.</summary>
    public const string Predicted = "predicted";

    /// <summary>The table of claims whose result was seen before the rule was written.</summary>
    public const string AfterTheFact = "rules after the fact";

    /// <summary>The table of equations.</summary>
    public const string Mathematics = "mathematics";

    /// <summary>The table of sentences that only a machine-written summary of the paper has.</summary>
    public const string OfSummary = "sentences of the summary";

    private const string Id = "claims";

    /// <summary>The tables of claims, each with what its rows have in common, in the order of a page.</summary>
    public static IReadOnlyDictionary<string, string> Groups { get; } = new OrderedDictionary<string, string>
    {
        [Predicted] = "The rule was committed before the seeds or worlds that it judges were run. What earlier seeds had shown by then is in data/claims.yaml as pilot.",
        [AfterTheFact] = "The numbers were known when the rule was written: the paper's printed tables, and what was looked at first.",
        [Mathematics] = "Equations, held to rounding: residuals instead of intervals.",
        [OfSummary] = "Sentences of a machine-written summary of the paper that the paper itself does not have.",
    };

    /// <summary>The verdict first, then what was claimed and measured, with interval and detectable difference.</summary>
    /// <param name="rows">Judged claims; those that were not run are only counted in a note.</param>
    public static ResultTable Of(IReadOnlyList<ClaimRow> rows)
    {
        var notRun = rows.Where(row => row.Verdict == "not run").GroupBy(row => (row.Scale, row.Note)).ToArray();
        return new(
            Id, "Claims of the paper and what was measured",
            [new("verdict"), new("claim"), new("paper says"), new("scale"), new("n"), new("measured"), new("95 % interval"), new("d"), new("detectable"), new("what was measured"), new("where"), new("note")],
            [
                .. rows.Where(row => row.Verdict != "not run").Select(row => (IReadOnlyList<Cell>)
                [
                    row.Verdict, row.Id, row.Says, row.Scale, row.N?.ToString(CultureInfo.InvariantCulture) ?? "", Measured(row), Interval(row), row.D == 0 ? "" : Shown.Plain(row.D),
                    row.Detectable is { } detectable ? Number(detectable, sign: false) : "", row.Statistic, row.Where, $"{row.Needed} {row.Note}".Trim(),
                ]),
            ])
        {
            Notes =
            [
                "Positive is the claimed direction. Verdicts follow from data/claims.yaml; d is the smallest effect of interest, \"detectable\" the true effect that n seeds, worlds or prompts find with 80 % chance.",
                .. notRun.Select(group => $"Not run at scale {group.Key.Scale}, {group.Key.Note}: {string.Join(", ", group.Select(row => row.Id))}."),
            ],
        };
    }

    /// <summary>One table per group that has rows.</summary>
    /// <param name="rows">Rows as <see cref="ClaimRules.Table"/> gives them.</param>
    public static IReadOnlyList<ResultTable> ByGroup(IReadOnlyList<ClaimRow> rows) =>
    [
        .. from kind in Groups
           let own = rows.Where(row => row.Group == kind.Key).ToArray()
           where own.Length > 0
           let table = Of(own)
           select table with { Id = $"{Id}-{kind.Key.Replace(' ', '-')}", Title = $"Claims: {kind.Key}", Notes = [kind.Value, .. table.Notes] },
    ];

    /// <summary>Writes claims.json, claims.csv and claims.md.</summary>
    /// <param name="rows">All rows, those that were not run included.</param>
    /// <param name="rules">What judged them.</param>
    /// <param name="folder">Where the results lie.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public static void Save(IReadOnlyList<ClaimRow> rows, ClaimRules rules, string folder)
    {
        AtomicFile.WriteJson(Path.Combine(folder, $"{Id}.json"), new { ClaimsSha256 = rules.Sha256, RulesCommitted = rules.Committed, Claims = rows });
        TableWriter.SaveCsv(Of(rows), Path.Combine(folder, $"{Id}.csv"));
        AtomicFile.WriteText(Path.Combine(folder, $"{Id}.md"), string.Join('\n', ByGroup(rows).Select(TableWriter.Markdown)));
    }

    /// <summary>One page with the claims, then all tables and figures.</summary>
    /// <param name="rows">All claims.</param>
    /// <param name="records">The experiments, in the order of the page.</param>
    /// <param name="headings">From an experiment's name to its heading.</param>
    public static Report Page(IReadOnlyList<ClaimRow> rows, IReadOnlyList<ExperimentRecord> records, Func<string, string> headings) => new(
        $"{(records.Any(record => record.IsPreview) ? "Preview, not the recorded run. " : "")}SELM: what the paper claims and what was measured",
        DateOnly.FromDateTime(records.Max(record => record.Provenance.Utc)),
        [
            new ReportSection("Claims", "No 7B or 8B model was run for this page: what is called lab was measured with exact worlds and with models of 0.1 M parameters, which neither confirm nor refute a 7B result.")
            {
                Tables = ByGroup(rows),
            },
            .. records.Select(record => new ReportSection(headings(record.Name), About(record)) { Figures = record.Figures, Tables = record.Tables }),
        ]);

    /// <summary>When, where and how much, in one sentence.</summary>
    /// <param name="record">A recorded experiment.</param>
    public static string About(ExperimentRecord record)
    {
        var worlds = record.Worlds > 0 ? $" {record.Worlds} exact worlds," : "";
        var seeds = record.Seeds > 0 ? $" {record.Seeds} seeds per cell, {record.HeadlineSeeds} for headline cells," : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"Scale {record.Scale},{worlds}{seeds} {record.Provenance.Utc:yyyy-MM-dd}, {record.Provenance.Cpu}, {Duration(record.Provenance.WallSeconds)}.");
    }

    /// <summary>A statistic as people read it.</summary>
    public static string Measured(ClaimRow row) => row.Measured is not { } value ? "" : row.Scale == "exact" ? Shown.Residual(value) : Number(value, sign: true);

    /// <summary>Its interval as people read it.</summary>
    public static string Interval(ClaimRow row) => row.Low is { } low && row.High is { } high ? $"[{Number(low, sign: true)}, {Number(high, sign: true)}]" : "";

    private static string Number(double value, bool sign)
    {
        var digits = Math.Abs(value) switch { 0 => "0", < 0.0005 => "0.0e-0", < 0.01 => "0.0000", _ => "0.000" };
        return value.ToString(sign ? $"+{digits};-{digits};0" : digits, CultureInfo.InvariantCulture);
    }

    private static string Duration(double seconds) => seconds < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s of one core")
        : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0} min of one core");
}
