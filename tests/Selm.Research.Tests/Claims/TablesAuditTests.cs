using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Tests.Figures;
using Selm.Tests;

namespace Selm.Research.Tests.Claims;

public class TablesAuditTests
{
    private static readonly string folder = Path.Combine(Golden.Root, "data", "paper");
    private static readonly PaperTables paper = PaperTables.Read(folder);
    private static readonly ClaimRules rules = ClaimRules.Read();
    private static readonly ExperimentResult result = TablesAudit.Run(rules, folder);

    private static ClaimRow Claim(string id) => result.Claims.Single(claim => claim.Id == id);

    // The expected numbers were worked out from the printed ones outside of the kit.
    private static void Is(string id, double measured, double low, double high, string verdict)
    {
        var row = Claim(id);
        Assert.Equal((measured, low, high, verdict), (Round(row.Measured), Round(row.Low), Round(row.High), row.Verdict));
        static double Round(double? value) => Math.Round(value!.Value, 2) + 0.0;
    }

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
            Assert.Equal("supported", Claim($"tables-gain-mt-bench-{family}").Verdict);
            Assert.Equal("inside noise", Claim($"tables-selm-over-dpo-{family}").Verdict);
            Assert.Equal("inside noise", Claim($"tables-selm-over-dpo-mt-bench-{family}").Verdict);
        });
        Is("tables-gain-mt-bench-llama3-it", 0.32, 0.02, 0.62, "supported");
        Is("tables-selm-over-dpo-zephyr", 2.06, -1.27, 5.39, "inside noise");
        Is("tables-selm-over-dpo-llama3-it", 1.50, -1.83, 4.83, "inside noise");
        // (1.959964 + 0.841621) * sqrt(2) * 1.2
        Assert.Equal(4.7545, Claim("tables-selm-over-dpo-zephyr").Detectable!.Value, 3);
        Assert.Equal(2.06 - (1.959964 * Math.Sqrt(2) * 1.2), Claim("tables-selm-over-dpo-zephyr").Low!.Value, 5);
        Is("tables-selm-over-dpo-mt-bench-zephyr", 0.15, -0.15, 0.45, "inside noise");
        Is("tables-selm-over-dpo-mt-bench-llama3-it", 0.07, -0.23, 0.37, "inside noise");
    }

    [Fact]
    public void in_figure_2_selm_beats_iterative_dpo_with_the_same_data_for_zephyr_and_nothing_is_sure_with_twice_the_data()
    {
        Is("tables-same-iteration-zephyr", 3.59, 0.14, 7.04, "supported");
        Is("tables-same-iteration-llama3-it", -0.20, -3.65, 3.25, "inside noise");
        Assert.Contains("wins 49.80 % against iterative DPO's iteration 1", Claim("tables-same-iteration-llama3-it").Note, StringComparison.Ordinal);
        Is("tables-pairwise-zephyr", 3.64, 0.20, 7.08, "supported");
        Is("tables-pairwise-llama3-it", 1.79, -1.66, 5.24, "inside noise");
        Is("tables-twice-the-data-zephyr", -0.35, -3.80, 3.10, "inside noise");
        Is("tables-twice-the-data-zephyr-all", 2.32, -1.13, 5.77, "inside noise");
    }

    [Fact]
    public void the_rows_of_figure_2_are_in_order_and_neighbours_lie_inside_noise()
    {
        Is("tables-figure2-order-zephyr", 0.29, -4.47, 5.05, "inside noise");
        Is("tables-figure2-order-llama3-it", 0.05, -4.72, 4.82, "inside noise");
        Assert.Contains("5 of 5 neighbouring rows are in this order", Claim("tables-figure2-order-llama3-it").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void one_printed_cell_of_figure_2_is_not_antisymmetric()
    {
        Assert.Empty(TablesAudit.NotAntisymmetric(paper.Figure2[0]));
        var (row, column, excess) = Assert.Single(TablesAudit.NotAntisymmetric(paper.Figure2[1]));
        Assert.Equal(("SELM Iter 2", "DPO Iter 1", 1.66), (paper.Figure2[1].Models[row], paper.Figure2[1].Models[column], excess));
        Assert.Equal((51.91, 49.75), (paper.Figure2[1].Of("SELM Iter 2", "DPO Iter 1"), paper.Figure2[1].Of("DPO Iter 1", "SELM Iter 2")));
    }

    [Fact]
    public void the_least_step_between_iterations_lies_inside_noise()
    {
        Is("tables-each-iteration-lc", 1.14, -2.19, 4.47, "inside noise");
        Is("tables-each-iteration-raw", 1.55, -1.78, 4.88, "inside noise");
        Is("tables-each-iteration-mt-bench", 0, -0.30, 0.30, "inside noise");
        Is("tables-each-iteration-cards", -2.18, -5.51, 1.15, "inside noise");
        Assert.StartsWith("The least of 6 in units of its error: Zephyr-7B, iteration 3.", Claim("tables-each-iteration-mt-bench").Note, StringComparison.Ordinal);
        Assert.StartsWith("The least of 5 in units of its error: Llama-3-8B-Instruct, iteration 3.", Claim("tables-each-iteration-cards").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void against_other_methods_and_larger_models()
    {
        Is("tables-over-others-lc", 4.41, -0.29, 9.11, "inside noise");
        Is("tables-over-others-mt-bench", 1.07, 0.77, 1.37, "supported");
        Is("tables-best-llama3-it", 6.14, 2.81, 9.47, "supported");
        Is("tables-larger-models", 1.50, -1.83, 4.83, "inside noise");
        Is("tables-larger-models-mt-bench", 0.76, 0.46, 1.06, "supported");
        Is("tables-length", 0.18, -4.52, 4.88, "inside noise");
    }

    [Fact]
    public void table_2_rises_on_most_benchmarks_and_falls_nowhere_beyond_noise()
    {
        Is("tables-benchmarks-most-zephyr", 4.50, 0.53, 8.47, "supported");
        Is("tables-benchmarks-most-llama3-it", 3.50, -0.42, 7.42, "inside noise");
        Assert.Contains("As printed 5 of 6 rise, 4 of them beyond noise; 0 fall beyond noise.", Claim("tables-benchmarks-most-zephyr").Note, StringComparison.Ordinal);
        Is("tables-benchmarks-best-zephyr", 0.30, -1.98, 2.58, "inside noise");
        Is("tables-benchmarks-best-llama3-it", 0.20, -2.09, 2.49, "inside noise");
        Is("tables-alignment-tax-selm", 3.40, -2.15, 8.95, "inside noise");
        Is("tables-alignment-tax-baselines", 4.00, -2.09, 10.09, "inside noise");
        Assert.Contains("The largest fall of 30 changes: GSM8K, Zephyr-7B-DPO to DPO Iter 3 (Zephyr)", Claim("tables-alignment-tax-baselines").Note, StringComparison.Ordinal);
        Assert.Contains("0 of 36 printed scores of SELM are lower", Claim("tables-alignment-tax-selm").Note, StringComparison.Ordinal);
        Assert.Contains("1 of 36 printed scores of iterative DPO are lower", Claim("tables-alignment-tax-baselines").Note, StringComparison.Ordinal);
    }

    [Fact]
    public void every_printed_average_is_the_mean_of_its_columns_within_rounding()
    {
        Assert.All(paper.Table2, row => Assert.True(TablesAudit.IsMeanOfColumns(row)));
        Assert.False(TablesAudit.IsMeanOfColumns(paper.Table2[0] with { Scores = [.. paper.Table2[0].Scores.SkipLast(1), 50.5] }));
    }

    [Fact]
    public void the_summarys_sentence_about_stronger_bases_goes_against_mt_bench_alone()
    {
        Is("tables-stronger-base", -4.49, -9.19, 0.21, "inside noise");
        Is("tables-stronger-base-mt-bench", -1.99, -2.41, -1.57, "contradicted");
        Assert.Contains("where SELM's iterations start, the gains differ by 2.91.", Claim("tables-stronger-base").Note, StringComparison.Ordinal);
        Assert.Contains("where SELM's iterations start, the gains differ by 0.02.", Claim("tables-stronger-base-mt-bench").Note, StringComparison.Ordinal);
        Assert.Equal("inside noise", Claim("tables-over-dpo-various").Verdict);
    }

    [Fact]
    public void only_a_sentence_of_the_summary_is_contradicted() =>
        Assert.All(result.Claims.Where(claim => claim.Verdict == "contradicted"), claim => Assert.Equal(ClaimEdition.Summary, rules[claim.Id].Edition));

    [Fact]
    public void the_errors_of_the_benchmarks_follow_from_their_test_sets()
    {
        Assert.Equal(1.762, TablesAudit.Binomial(50, TablesAudit.Prompts), 3);
        Assert.Equal([1.377, 0.499, 1.461, 1.749, 3.824, 2.236], TablesAudit.Benchmarks.Select(benchmark => Math.Round(TablesAudit.Binomial(50, benchmark.Questions), 3)));
    }

    [Theory]
    [InlineData("tables-audit-waterfall")]
    [InlineData("tables-audit-differences")]
    [InlineData("tables-audit-iterations")]
    [InlineData("tables-audit-figure2")]
    [InlineData("tables-audit-length")]
    [InlineData("tables-audit-others")]
    [InlineData("tables-audit-changes")]
    public void every_figure_equals_its_golden_file(string id) => GoldenFigures.AssertSame(result.Figures.Single(figure => figure.Id == id));

    [Fact]
    public void every_figure_is_legible_and_every_table_renders()
    {
        Assert.Equal((7, 12), (result.Figures.Count, result.Tables.Count));
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
        Assert.All(result.Tables, table => Assert.NotEmpty(TableWriter.PlainText(table)));
        Assert.All(result.Claims, claim => Assert.Equal("paper-numbers", claim.Scale));
        Assert.Equal(rules.All.Where(rule => rule.Experiment == TablesAudit.Name).Select(rule => rule.Id).Order(), result.Claims.Select(claim => claim.Id).Order());
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
