// Lessons run one seed live and lay the recorded seeds beside it. A checkout without data/results has none: then a lesson says
// so in one line and goes on.
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Lessons;

/// <summary>A recorded experiment as lessons show it.</summary>
/// <param name="name">The experiment: table1.</param>
public sealed class Recorded(string name)
{
    /// <summary>The record of data/results, or null where there is none.</summary>
    /// <exception cref="InputException">The record is broken or of another version.</exception>
    public ExperimentRecord? Record { get; } = Read(name);

    /// <summary>When, where and with how many seeds it was recorded, in one sentence; without a record how to make one.</summary>
    public string About => Record is { } record
        ? $"Recorded: {ClaimsTable.About(record)}"
        : $"Nothing is recorded here: data/results/{name}.json is not there, and ./selm reproduce {name} --seeds {ClaimRule.FewestSeeds} --record makes it.";

    /// <summary>A recorded figure with <see cref="About"/> below it, or that sentence alone.</summary>
    /// <param name="id">Its name.</param>
    /// <exception cref="InvalidOperationException">The record has no such figure.</exception>
    public object Figure(string id) => Record is { } record && record.Figures.Single(figure => figure.Id == id) is var figure
        ? ExperimentRecord.AsRecorded(figure, About)
        : About;

    /// <summary>The traces of a recorded panel, marked as recorded, to lay over a live one; none without a record, or where it has no such panel.</summary>
    /// <param name="id">The figure's name.</param>
    /// <param name="title">The panel's heading; null: the figure's last panel.</param>
    public IEnumerable<Trace> Traces(string id, string? title = null) =>
        (Record?.Figures.FirstOrDefault(figure => figure.Id == id)?.Panels.LastOrDefault(panel => title is null || panel.Title == title)?.Traces ?? [])
            .Select(trace => trace with { Origin = Origin.Recorded });

    /// <summary>A recorded table with <see cref="About"/> below it, or that sentence alone.</summary>
    /// <param name="id">Its name.</param>
    /// <exception cref="InvalidOperationException">The record has no such table.</exception>
    public object Table(string id) => Record is { } record && record.Tables.Single(table => table.Id == id) is var table
        ? table with { Notes = [.. table.Notes, About] }
        : About;

    /// <summary>A number of a recorded table with its interval; NaN without a record.</summary>
    /// <param name="table">The table's name.</param>
    /// <param name="column">The heading of its column, without the unit.</param>
    /// <param name="keys">The first cells of its row, as many as tell it from the others.</param>
    /// <exception cref="InvalidOperationException">The record has no such table, column or row.</exception>
    public MeanInterval Value(string table, string column, params IReadOnlyList<Cell> keys)
    {
        if (Record is not { } record)
        {
            return new(double.NaN, double.NaN, double.NaN);
        }
        var found = record.Tables.Single(one => one.Id == table);
        var at = found.Columns.Index().Single(one => one.Item.Name == column).Index;
        var cell = found.Rows.Single(row => row.Take(keys.Count).SequenceEqual(keys))[at];
        return new(cell.Value, cell.Low, cell.High);
    }

    /// <summary>Recorded claims with what was measured, after Holm's correction within their family; none without a record.</summary>
    /// <param name="ids">Their names in data/claims.yaml.</param>
    public IEnumerable<LessonClaim> Claims(params IReadOnlyList<string> ids) =>
        (Record is { } record ? ClaimRules.Read().Table(record.Claims) : []).Where(row => ids.Contains(row.Id) && row.Verdict != "not run")
            .Select(LessonClaims.Row);

    private static ExperimentRecord? Read(string name)
    {
        string path;
        try
        {
            path = KitFolder.Find(Path.Combine("data", "results", $"{name}.json"));
        }
        catch (InputException)
        {
            return null;
        }
        return ExperimentRecord.Read(path);
    }
}
