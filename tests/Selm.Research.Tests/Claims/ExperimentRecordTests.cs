using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Claims;

public class ExperimentRecordTests
{
    [Fact]
    public void a_record_that_was_written_and_read_draws_the_same_figures_and_tables()
    {
        var rules = ClaimRules.Read();
        var result = TablesAudit.Run(rules, KitFolder.Find(Path.Combine("data", "paper")));
        var figure1 = Research.Claims.Figure1.Run(rules, 3);
        Figure[] figures = [.. result.Figures, .. figure1.Figures, .. Theorem31Check.Run(rules, 2).Figures];
        ResultTable[] tables = [.. result.Tables, .. figure1.Tables];
        var file = Path.Combine(Path.GetTempPath(), $"record-{Guid.NewGuid():N}.json");
        try
        {
            AtomicFile.WriteJson(file, new ExperimentRecord(
                ExperimentRecord.CurrentFormat, "x", "lab", 3, 0, 0, rules.Sha256, Provenance.Now(0, TimeSpan.FromSeconds(1), new Dictionary<string, string>()), result.Claims, tables, figures));
            var read = ExperimentRecord.Read(file);
            Assert.Equal(figures.Select(SvgWriter.Write), read.Figures.Select(SvgWriter.Write));
            Assert.Equal(tables.Select(TableWriter.Html), read.Tables.Select(TableWriter.Html));
            Assert.Equal(JsonSerializer.Serialize(result.Claims), JsonSerializer.Serialize(read.Claims));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void every_kind_of_cell_survives()
    {
        Cell[] cells = ["words", Cell.Empty, 1.5, double.NaN, Cell.PlusMinus(1, 0.25), Cell.Interval(1, -1, 3), Cell.Range(0, double.PositiveInfinity)];
        var read = JsonSerializer.Deserialize<Cell[]>(JsonSerializer.Serialize(cells, JsonFormat.Line), JsonFormat.Line)!;
        Assert.Equal(cells.Select(cell => cell.Format("0.00")), read.Select(cell => cell.Format("0.00")));
    }

    [Fact]
    public void recorded_results_belong_to_the_rules_of_this_checkout()
    {
        var rules = ClaimRules.Read();
        var folder = Path.GetDirectoryName(KitFolder.Find(Path.Combine("data", "claims.yaml")))!;
        var results = Path.Combine(folder, "results");
        foreach (var file in Directory.Exists(results) ? Directory.GetFiles(results, "*.json") : [])
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            Assert.True(rules.Sha256 == document.RootElement.GetProperty("claims_sha256").GetString(), $"{file} was judged by other rules than data/claims.yaml has now");
        }
    }
}
