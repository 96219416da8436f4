using System.Text.Json;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Experiments;

/// <summary>
/// What one run of an experiment came to, as data/results/NAME.json holds it: everything that is needed to redraw its figures
/// and tables and to judge its claims again.
/// </summary>
/// <param name="Format">Version of the file.</param>
/// <param name="Name">The experiment.</param>
/// <param name="Scale">smoke, lab or gpu.</param>
/// <param name="Worlds">Exact worlds; 0 where the experiment needs none.</param>
/// <param name="Seeds">Seeds of a lab cell; 0 where the experiment needs none.</param>
/// <param name="HeadlineSeeds">Seeds of a headline cell; 0 where the experiment needs none.</param>
/// <param name="ClaimsSha256">SHA-256 of the rules that its claims were judged by.</param>
/// <param name="Provenance">Where and when; its wall time is that of all cells together, one after the other.</param>
/// <param name="Claims">Its claims, before Holm's correction.</param>
/// <param name="Tables">Its tables.</param>
/// <param name="Figures">Its figures.</param>
public sealed record ExperimentRecord(
    int Format, string Name, string Scale, int Worlds, int Seeds, int HeadlineSeeds, string ClaimsSha256, Provenance Provenance,
    IReadOnlyList<ClaimRow> Claims, IReadOnlyList<ResultTable> Tables, IReadOnlyList<Figure> Figures)
{
    /// <summary>The version of the files that this kit writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Reads a record.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is missing, broken or of another version.</exception>
    public static ExperimentRecord Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var format = document.RootElement.TryGetProperty("format", out var number) && number.TryGetInt32(out var version) ? version : 0;
            return format == CurrentFormat
                ? document.RootElement.Deserialize<ExperimentRecord>(JsonFormat.Indented)!
                : throw new InputException($"{path} has format {format} and this kit reads {CurrentFormat}; run its experiment again with selm reproduce.");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} line {e.LineNumber + 1} is no record of an experiment; run it again with selm reproduce.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); run its experiment with selm reproduce.", e);
        }
    }

    /// <summary>A figure whose measured values are marked as recorded ones.</summary>
    /// <param name="figure">One of <see cref="Figures"/>.</param>
    /// <param name="note">What its caption says of the recording.</param>
    public static Figure AsRecorded(Figure figure, string note) => figure with
    {
        Caption = $"{figure.Caption} {note}".Trim(),
        Panels = [.. figure.Panels.Select(panel => panel with { Traces = [.. panel.Traces.Select(trace => trace.Origin == Origin.Measured ? trace with { Origin = Origin.Recorded } : trace)] })],
    };

    /// <summary>Writes the record, the figures as SVG and the tables as CSV.</summary>
    /// <param name="root">Folder that holds figures/ and data/results/; empty for the current one.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public void Save(string root)
    {
        Draw(root);
        AtomicFile.WriteJson(Path.Combine(root, "data", "results", $"{Name}.json"), this);
    }

    /// <summary>Writes the figures as SVG and the tables as CSV.</summary>
    /// <param name="root">Folder that holds figures/ and data/results/; empty for the current one.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public void Draw(string root)
    {
        foreach (var figure in Figures)
        {
            SvgWriter.Save(figure, Path.Combine(root, "figures", $"{figure.Id}.svg"));
        }
        foreach (var table in Tables)
        {
            TableWriter.SaveCsv(table, Path.Combine(root, "data", "results", $"{table.Id}.csv"));
        }
    }
}
