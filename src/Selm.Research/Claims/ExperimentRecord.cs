using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Claims;

/// <summary>Where the files of experiments lie.</summary>
/// <param name="Figures">Figures as SVG.</param>
/// <param name="Results">Records, tables, claims and the report.</param>
public sealed record ResultFolders(string Figures, string Results)
{
    /// <summary>figures/ and data/results/ below a folder, as in a checkout.</summary>
    /// <param name="root">The folder; empty for the current one.</param>
    public static ResultFolders Below(string root) => new(Path.Combine(root, "figures"), Path.Combine(root, "data", "results"));

    /// <summary>The record of an experiment.</summary>
    /// <param name="name">The experiment.</param>
    public string RecordOf(string name) => Path.Combine(Results, $"{name}.json");
}

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

    /// <summary>Whether this is a preview: a run beside the recording. Its figures say so.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Preview { get; init; }

    /// <summary>Whether its numbers must stay out of README: a preview, or a run too small to judge anything.</summary>
    [JsonIgnore]
    public bool IsPreview => Preview || Scale == "smoke" || Seeds is > 0 and < ClaimRule.FewestSeeds;

    /// <summary>Reads a record.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is missing, broken or of another version.</exception>
    public static ExperimentRecord Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var format = document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("format", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var version) ? version : 0;
            return format == CurrentFormat
                ? document.RootElement.Deserialize<ExperimentRecord>(JsonFormat.Indented)!
                : throw new InputException($"{path} has format {format} and this kit reads {CurrentFormat}; run its experiment again with selm reproduce.");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} line {e.LineNumber + 1} is no record of an experiment; run it again with selm reproduce.", e);
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException)
        {
            throw new InputException($"{path} is no record of an experiment ({e.Message.Split(" Path:")[0].TrimEnd('.')}); run it again with selm reproduce.", e);
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

    /// <summary>The same with title and caption of every figure marked as a preview.</summary>
    public ExperimentRecord AsPreview()
    {
        string[] sizes = [Scale == "lab" ? "" : $"{Scale} scale", Counted(Seeds, "seed"), Counted(Worlds, "exact world")];
        var size = string.Join(", ", sizes.Where(one => one.Length > 0));
        return this with
        {
            Preview = true,
            Figures = [.. Figures.Select(figure => figure with
            {
                Title = $"Preview{(size.Length > 0 ? $" ({size})" : "")}: {figure.Title}",
                Caption = $"{figure.Caption} A preview, not the recorded run.".Trim(),
            })],
        };
    }

    /// <summary>Writes the record, the figures as SVG and the tables as CSV.</summary>
    /// <param name="folders">Where.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public void Save(ResultFolders folders)
    {
        Draw(folders);
        SaveRecord(folders);
    }

    /// <summary>Writes the record alone.</summary>
    /// <param name="folders">Where.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void SaveRecord(ResultFolders folders) => AtomicFile.WriteJson(folders.RecordOf(Name), this);

    /// <summary>Writes the figures as SVG and the tables as CSV.</summary>
    /// <param name="folders">Where.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public void Draw(ResultFolders folders)
    {
        foreach (var figure in Figures)
        {
            SvgWriter.Save(figure, Path.Combine(folders.Figures, $"{figure.Id}.svg"));
        }
        foreach (var table in Tables)
        {
            TableWriter.SaveCsv(table, Path.Combine(folders.Results, $"{table.Id}.csv"));
        }
    }

    private static string Counted(int count, string what) =>
        count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
