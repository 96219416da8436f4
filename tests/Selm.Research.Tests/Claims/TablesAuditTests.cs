using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Tests.Figures;
using Selm.Tests;

namespace Selm.Research.Tests.Claims;

public class TablesAuditTests
{
    private static readonly string folder = Path.Combine(Golden.Root, "data", "paper");
    private static readonly PaperTables paper = PaperTables.Read(folder);
    private static readonly ExperimentResult result = TablesAudit.Run(ClaimRules.Read(), folder);

    private static ClaimRow Claim(string id) => result.Claims.Single(claim => claim.Id == id);

    [Fact]
    public void the_gains_of_table_1_are_these_sums()
    {
        Assert.Equal([8.01, 7.40, 6.78, 2.06, 24.25], TablesAudit.Waterfall(paper, "zephyr").Select(step => step.Value));
        Assert.Equal([22.92, 10.25, 1.50, 34.67], TablesAudit.Waterfall(paper, "llama3-it").Select(step => step.Value));
        Assert.Equal((16.24, 11.75), (Claim("tables-gain-zephyr").Measured, Claim("tables-gain-llama3-it").Measured));
        Assert.StartsWith("16.24 = 7.40 + 6.78 + 2.06;", Claim("tables-gain-zephyr").Note, StringComparison.Ordinal);
        Assert.StartsWith("11.75 = 10.25 + 1.50;", Claim("tables-gain-llama3-it").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void the_whole_gain_is_beyond_noise_and_the_part_of_the_bonus_is_not()
    {
        Assert.All(new[] { "zephyr", "llama3-it" }, family =>
        {
            Assert.Equal("supported", Claim($"tables-gain-{family}").Verdict);
            Assert.Equal("inside noise", Claim($"tables-selm-over-dpo-{family}").Verdict);
            Assert.Equal("inside noise", Claim($"tables-selm-over-dpo-mt-bench-{family}").Verdict);
        });
        Assert.Equal((2.06, 1.50), (Claim("tables-selm-over-dpo-zephyr").Measured, Claim("tables-selm-over-dpo-llama3-it").Measured));
        Assert.Equal((0.15, 0.07), (Claim("tables-selm-over-dpo-mt-bench-zephyr").Measured, Claim("tables-selm-over-dpo-mt-bench-llama3-it").Measured));
        // (1.959964 + 0.841621) * sqrt(2) * 1.2
        Assert.Equal(4.7545, Claim("tables-selm-over-dpo-zephyr").Detectable!.Value, 3);
        Assert.Equal(2.06 - (1.959964 * Math.Sqrt(2) * 1.2), Claim("tables-selm-over-dpo-zephyr").Low!.Value, 5);
    }

    [Fact]
    public void selm_with_half_the_data_does_not_beat_iterative_dpo()
    {
        Assert.Equal((49.65, 52.32), (paper.Figure2[0].Of("SELM Iter 1", "DPO Iter 2"), paper.Figure2[0].Of("SELM Iter 1", "DPO Iter 3")));
        var claim = Claim("tables-twice-the-data-zephyr");
        Assert.Equal((-0.35, "inside noise"), (claim.Measured!.Value, claim.Verdict));
        Assert.Contains("49.65 % against DPO iteration 2 and 52.32 %", claim.Note, StringComparison.Ordinal);
        Assert.Equal((-3.82, "contradicted by the table"), (Claim("tables-twice-the-data-llama3-it").Measured!.Value, Claim("tables-twice-the-data-llama3-it").Verdict));
    }

    [Fact]
    public void one_printed_cell_of_figure_2_is_not_antisymmetric()
    {
        Assert.Empty(TablesAudit.NotAntisymmetric(paper.Figure2[0]));
        var (row, column, excess) = Assert.Single(TablesAudit.NotAntisymmetric(paper.Figure2[1]));
        Assert.Equal(("SELM Iter 2", "DPO Iter 1", 1.66), (paper.Figure2[1].Models[row], paper.Figure2[1].Models[column], excess));
        Assert.Equal((51.91, 49.75), (paper.Figure2[1].Of("SELM Iter 2", "DPO Iter 1"), paper.Figure2[1].Of("DPO Iter 1", "SELM Iter 2")));
        Assert.Equal("DPO Iter 1 against SELM Iter 2 is 49.75, the other way round 51.91.", Claim("tables-antisymmetry-llama3-it").Note);
    }

    [Fact]
    public void iterations_do_not_always_improve()
    {
        Assert.Equal((1.14, "inside noise"), (Claim("tables-each-iteration-table1").Measured!.Value, Claim("tables-each-iteration-table1").Verdict));
        Assert.Equal((-2.18, "contradicted by the table"), (Claim("tables-each-iteration-cards").Measured!.Value, Claim("tables-each-iteration-cards").Verdict));
        Assert.Equal((0.0, "contradicted by the table"), (Claim("tables-each-iteration-mt-bench").Measured!.Value, Claim("tables-each-iteration-mt-bench").Verdict));
        Assert.Contains("7.53, 7.61, 7.61", Claim("tables-each-iteration-mt-bench").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void the_stronger_base_gains_less()
    {
        Assert.Equal((-4.49, "contradicted by the table"), (Claim("tables-stronger-base").Measured!.Value, Claim("tables-stronger-base").Verdict));
        Assert.Contains("z = -1.87", Claim("tables-stronger-base").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void two_reports_of_one_checkpoint_differ_as_much_as_the_methods() =>
        Assert.Equal((2.12, "inside noise"), (Claim("tables-cards").Measured!.Value, Claim("tables-cards").Verdict));

    [Theory]
    [InlineData(2, 1, "supported")]
    [InlineData(1.9, 1, "inside noise")]
    [InlineData(-1.9, 1, "inside noise")]
    [InlineData(-2, 1, "contradicted by the table")]
    public void a_verdict_needs_two_standard_errors(double difference, double error, string verdict) => Assert.Equal(verdict, TablesAudit.Verdict(difference, error));

    [Fact]
    public void one_counterexample_contradicts_a_claim_about_all()
    {
        Assert.Equal("contradicted by the table", TablesAudit.VerdictForAll([5, 0, 5], 1));
        Assert.Equal("supported", TablesAudit.VerdictForAll([5, 3], 1));
        Assert.Equal("inside noise", TablesAudit.VerdictForAll([5, 1], 1));
    }

    [Theory]
    [InlineData("tables-audit-waterfall")]
    [InlineData("tables-audit-differences")]
    [InlineData("tables-audit-iterations")]
    [InlineData("tables-audit-figure2")]
    public void every_figure_equals_its_golden_file(string id) => GoldenFigures.AssertSame(result.Figures.Single(figure => figure.Id == id));

    [Fact]
    public void every_figure_is_legible_and_every_table_renders()
    {
        Assert.Equal((4, 6), (result.Figures.Count, result.Tables.Count));
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
        Assert.All(result.Tables, table => Assert.NotEmpty(TableWriter.PlainText(table)));
        Assert.All(result.Claims, claim => Assert.Equal("paper-numbers", claim.Scale));
        Assert.Distinct(result.Claims.Select(claim => claim.Id));
    }

    [Fact]
    public void the_numbers_come_from_the_files()
    {
        using var copy = new TempFolder();
        foreach (var file in Directory.GetFiles(folder, "*.csv"))
        {
            File.Copy(file, copy.File(Path.GetFileName(file)));
        }
        File.WriteAllText(copy.File("table1.csv"), File.ReadAllText(copy.File("table1.csv")).Replace("24.25", "25.25", StringComparison.Ordinal));
        Assert.Equal(17.24, TablesAudit.Run(ClaimRules.Read(), copy.File(".")).Claims.Single(claim => claim.Id == "tables-gain-zephyr").Measured);
        File.WriteAllText(copy.File("model_cards.csv"), File.ReadAllText(copy.File("model_cards.csv")).Replace("23.40", "n/a", StringComparison.Ordinal));
        Assert.Contains("model_cards.csv line 4: 'n/a' in column lc_win_rate is not a number", Assert.Throws<InputException>(() => TablesAudit.Run(ClaimRules.Read(), copy.File("."))).Message, StringComparison.Ordinal);
        File.Delete(copy.File("table1.csv"));
        Assert.Contains("table1.csv cannot be read", Assert.Throws<InputException>(() => TablesAudit.Run(ClaimRules.Read(), copy.File("."))).Message, StringComparison.Ordinal);
    }
}
