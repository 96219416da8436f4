using Selm.Research.Algorithm1;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Tests.Lab;
using Figure3 = Selm.Research.Claims.Figure3;

namespace Selm.Research.Tests.Claims;

public sealed class LabFiguresTests(LabCellTests.Folders shared) : IClassFixture<LabCellTests.Folders>
{
    private const int Prompts = 144;
    private static readonly ClaimRules rules = ClaimRules.Read();
    private static readonly LabStudy study = new(LabBudget.Lab, 10, 12) { FirstSeed = 0 };
    private static readonly Lazy<ExperimentResult> exact = new(() => Figure4Exact.Run(rules, 2));

    private static readonly Dictionary<string, (Func<LabStudy, IReadOnlyList<LabCellSpec>> Cells, Func<LabRecords, ExperimentResult> Of)> experiments = new()
    {
        ["figure3"] = (Figure3.Cells, records => Figure3.Of(records, rules)),
        ["figure4"] = (Figure4.Cells, records => Figure4.Of(records, rules, exact.Value)),
        ["figure5-v3"] = (Figure5V3.Cells, records => Figure5V3.Of(records, rules)),
        ["figure5-grid"] = (Figure5Grid.Cells, records => Figure5Grid.Of(records, rules)),
        ["headroom"] = (Headroom.Cells, records => Headroom.Of(records, rules)),
    };

    public static TheoryData<string> Names => [.. experiments.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void every_claim_is_judged_once_and_no_figure_has_a_complaint(string name)
    {
        var result = Made(name);
        Assert.Equal(name, result.Name);
        Assert.Equal(name, result.Tables[0].Id);
        Assert.Equal(rules.All.Where(rule => rule.Experiment == name).Select(rule => rule.Id).Order(), result.Claims.Select(claim => claim.Id).Order());
        Assert.NotEmpty(result.Figures);
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
        Assert.All(result.Tables, table => Assert.All(table.Rows, row => Assert.Equal(table.Columns.Count, row.Count)));
        Assert.Distinct(result.Figures.Select(figure => figure.Id));
        Assert.Distinct(result.Tables.Select(table => table.Id));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void seeds_that_ran_away_are_counted_and_left_out(string name)
    {
        var alpha = name is "figure4" or "figure5-v3" ? LabStudy.Alpha : LabStudy.Large;
        var result = Made(name, spec => (name == "figure3" ? spec.Alpha == 0.3 : Paper(spec) == alpha) && spec.Seed < 3);
        Assert.Contains(result.Tables.SelectMany(table => table.Notes), note => note.Contains(": 3 of 1", StringComparison.Ordinal));
        var (before, after) = (Made(name).Claims, result.Claims);
        var lost = after.Where(claim => claim.Note.Contains("3 of 1", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(lost);
        Assert.All(lost, claim => Assert.Equal(before.Single(other => other.Id == claim.Id).PerSeed.Count - 3, claim.PerSeed.Count));
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void where_every_seed_ran_away_nothing_can_be_told(string name)
    {
        var result = Made(name, spec => spec.Alpha > 0);
        Assert.Contains(result.Claims, claim => claim.Verdict == "cannot tell here" && claim.PerSeed.Count == 0);
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
    }

    [Fact]
    public void figure_3_reads_its_verdicts_off_the_rewards()
    {
        var claims = Made("figure3").Claims;
        Assert.All(claims, claim => Assert.Equal("holds here", claim.Verdict));
        Assert.Equal(0.005, Claim(claims, "figure3-distribution-alpha").Measured!.Value, 1e-9); // 0, .005, .1, .2: the first step is the smallest
        Assert.Equal(10, Claim(claims, "figure3-small-alpha-is-dpo").PerSeed.Count);
        Assert.Equal(12, Claim(claims, "figure3-large-alpha-fails").PerSeed.Count);
        Assert.Equal(0.1, Claim(claims, "figure3-exploration-novelty").Measured!.Value, 1e-9);
        Assert.Equal(4, Claim(claims, "figure3-exploration-forms").Measured!.Value, 1e-9);
        Assert.Equal(0.1, Claim(claims, "figure3-exploration-fades").Measured!.Value, 1e-9); // .35 to .25
        Assert.Equal(0.5, Claim(claims, "figure3-alpha-by-external-reward").Measured!.Value, 1e-9);
    }

    [Fact]
    public void every_alpha_of_figure_3_is_shown_on_both_scales_and_the_far_ones_are_marked()
    {
        var result = Made("figure3");
        var oracle = result.Tables[0].Rows.Where(row => row[0].Words == "oracle").Select(row => (row[1].Words, row[2].Words));
        Assert.Equal([("0", "0"), ("0.0001", "0.000079"), ("0.001", "0.00079"), ("0.01", "0.0079"), ("0.38 (far)", "0.3")], oracle);
        Assert.Equal([5.5, 3.5], result.Figures[0].Panels.Select(panel => panel.Annotations.OfType<Region>().Single().From));
        Assert.Equal("0.001 (0.00084)", result.Figures[0].Panels[0].X.Categories![3]);
    }

    [Fact]
    public void the_bins_of_a_distribution_are_half_open_and_the_outermost_catch_the_rest()
    {
        var shares = Figure3.Histogram([-7, -3, -2.5, 0, 0.49, 9]);
        Assert.Equal(1, shares.Sum(), 1e-12);
        Assert.Equal([2 / 6.0, 1 / 6.0, 2 / 6.0, 1 / 6.0], new[] { shares[0], shares[1], shares[6], shares[^1] });
    }

    [Fact]
    public void the_weights_of_figure_3_cross_where_a_line_meets_its_own_alpha()
    {
        LineTrace Line(params double[] weights) => new("w", Origin.Exact, [0.01, 0.1, 1], weights);
        Assert.Equal(Math.Sqrt(0.1), Figure3.Crossing(Line(1, 0.2, 0.5)), 1e-9); // twice the bonus at 0.1, half of it at 1
        Assert.True(double.IsNaN(Figure3.Crossing(Line(1, 1, 1.01))));
        var margins = Made("figure3").Figures.Single(figure => figure.Id == "figure3-margins");
        var rules = margins.Panels[0].Annotations.OfType<Rule>().ToArray(); // sigma(-margin) is .4, .2, .13, .1 here: .142 over the bonus's iterations
        Assert.Equal(2, rules.Length);
        Assert.All(rules, rule => Assert.InRange(rule.At, 0.1, 0.3));
        Assert.Contains("crossing", margins.Caption, StringComparison.Ordinal);
    }

    [Fact]
    public void headroom_is_drawn_as_small_multiples_on_common_axes()
    {
        var figure = Made("headroom").Figures[0];
        Assert.Equal(["SELM 0.01", "far: 0.1", "DPO, y sampled", "XPO 0.01"], figure.Panels.Select(panel => panel.Title).Where(title => title.Length > 0));
        Assert.All(figure.Panels, panel => Assert.Equal(2, panel.Traces.Count));
        Assert.Equal(2, figure.Panels.Select(panel => panel.Y).Distinct().Count());
    }

    [Fact]
    public void figure_4_takes_the_difference_at_the_named_steps_and_keeps_the_exact_half()
    {
        var result = Made("figure4");
        Assert.Equal([1, 3, 10, 30, 100, 128], Figure4.Cells(study)[0].CurveSteps!);
        Assert.Equal(0.003, Claim(result.Claims, "figure4-lab-chosen-3").Measured!.Value, 1e-9);
        Assert.Equal(0.006, Claim(result.Claims, "figure4-lab-rejected-3").Measured!.Value, 1e-9);
        Assert.Equal(-0.03, Claim(result.Claims, "figure4-lab-chosen-30").Measured!.Value, 1e-9); // an iteration is 32 steps
        Assert.Equal(-0.128, Claim(result.Claims, "figure4-lab-chosen-full").Measured!.Value, 1e-9);
        Assert.Equal("opposite here", Claim(result.Claims, "figure4-lab-rejected-full").Verdict);
        Assert.Equal(0.03, Claim(result.Claims, "figure4-lab-favouring-3").Measured!.Value, 1e-9);
        Assert.Equal(0.3, Claim(result.Claims, "figure4-lab-favouring-30").Measured!.Value, 1e-9);
        Assert.Equal(1.28, Claim(result.Claims, "figure4-reference-samples-fall").Measured!.Value, 1e-9);
        Assert.Equal(exact.Value.Claims, result.Claims.Take(exact.Value.Claims.Count));
        Assert.Equal(["figure4-exact", "figure4-unseen", "figure4-lab", "figure4-sorted", "figure4-far"], result.Figures.Select(figure => figure.Id));
        var usual = result.Figures[2].Panels[0];
        Assert.Equal(3, usual.Annotations.OfType<Region>().Single().To); // .5 - .01 per step: .47 at 3 steps, .40 at 10
    }

    [Fact]
    public void a_claim_that_was_added_later_waits_for_the_next_recording()
    {
        var whole = Made("figure4");
        var before = whole.Claims.Where(claim => claim.Id != "figure4-lab-chosen-30").ToArray();
        var record = new ExperimentRecord(1, "figure4", "lab", 2, 10, 12, "rules of another day", Provenance.Now(0, TimeSpan.Zero, new Dictionary<string, string>()), before, whole.Tables, whole.Figures);

        var judged = JudgedAgain.By(rules, record);

        Assert.Equal(rules.Sha256, judged.ClaimsSha256);
        Assert.Equal(before.Select(claim => (claim.Id, claim.Verdict, claim.P)), judged.Claims.Select(claim => (claim.Id, claim.Verdict, claim.P)));
    }

    [Fact]
    public void prompts_are_sorted_within_a_seed_before_they_are_averaged()
    {
        var line = Figure5V3.Ranked("gap", [[3, 1, 2], [10, 30, 20]]);
        Assert.Equal([5.5, 11, 16.5], line.Y);
        Assert.Equal([100 / 6.0, 50, 500 / 6.0], line.X.Select(x => Math.Round(x, 9)), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void figure_5_of_the_later_edition_adds_chosen_and_rejected()
    {
        var claims = Made("figure5-v3").Claims;
        Assert.Equal(0.25, Claim(claims, "figure5-v3-most-prompts").Measured!.Value, 1e-9); // three prompts of four
        Assert.Equal(0.175 - 0.0875, Claim(claims, "figure5-v3-transition").Measured!.Value, 1e-9);
        Assert.All(claims, claim => Assert.Equal("holds here", claim.Verdict));
    }

    [Fact]
    public void the_grid_is_of_iterative_dpo_alone_and_has_twelve_cells_of_its_own()
    {
        var cells = Figure5Grid.Cells(study).DistinctBy(cell => cell.Hash).ToArray();
        Assert.Equal(12 + 1 + 3, cells.Length); // stepwise DPO and the headline's three belong to other experiments too
        Assert.Equal(13, cells.Count(cell => study.SeedsOf(cell).Count == study.Seeds));
        Assert.Equal(3, cells.Count(cell => cell.Alpha > 0 && cell.Method == LoopMethod.Selm)); // SELM beside the default, its queries, and their swap
        var result = Made("figure5-grid");
        Assert.Equal(["iterations at equal data", "batch size", "learning-rate cycle", "update rule"], result.Figures[0].Panels.Select(panel => panel.X.Title));
        foreach (var id in new[] { "too-many-iterations", "batch-size", "decaying-cycle", "best-worst-over-replace", "online-over-stepwise" })
        {
            Assert.Equal("holds here", Claim(result.Claims, $"figure5-grid-{id}").Verdict);
        }
        Assert.Equal("opposite here", Claim(result.Claims, "figure5-grid-sampling").Verdict);
        Assert.Equal(0, Claim(result.Claims, "figure5-grid-queries").Measured!.Value, 1e-12);
    }

    [Fact]
    public void iterations_of_the_grid_share_the_same_number_of_pairs()
    {
        var dpo = study.IterativeDpo;
        Assert.Equal([2048, 1365, 1024, 683, 512], new[] { 2, 3, 4, 6, 8 }.Select(count => Figure5Grid.PairsPerIteration(dpo, count)));
        var cells = Figure5Grid.Cells(study).Select(cell => cell.Resolved()).Where(cell => cell is { Method: LoopMethod.Selm, BatchSize: 64 });
        Assert.All(cells, cell => Assert.InRange(cell.PairsPerIteration!.Value * cell.Iterations!.Value, 4094, 4098));
    }

    [Fact]
    public void the_best_setting_is_named_by_the_other_seeds_so_that_noise_is_no_effect()
    {
        Assert.Equal([-1, -1], Figure5Grid.ByOthers([[1, 0], [0, 1]]));
        Assert.All(Figure5Grid.ByOthers([[1, 0, 0.5], [2, 1, 1.5], [3, 2, 2.5]]), effect => Assert.Equal(1, effect, 1e-12));
        Assert.Equal([0.5], Figure5Grid.ByOthers([[0.5, 0]]));
    }

    [Fact]
    public void the_first_jewel_is_counted_from_one_and_censored_after_the_last_iteration()
    {
        var claims = Made("headroom").Claims;
        Assert.Equal(9 - 4, Claim(claims, "headroom-first-jewel").Measured);
        Assert.Equal(4 - 3, Claim(claims, "headroom-sampling").Measured);
        Assert.Equal(0.3, Claim(claims, "headroom-jewel-use").Measured!.Value, 1e-9);
        Assert.All(Headroom.Cells(study), cell => Assert.Equal((LabWorldPreset.Headroom, LabJudge.Oracle, 8), (cell.Preset, cell.Ranker, cell.Iterations)));
    }

    [Fact]
    public void cells_that_were_really_run_make_figure_4()
    {
        var smoke = new LabStudy(LabBudget.Smoke, 1, 1) { FirstSeed = 100 };
        var results = Figure4.Cells(smoke).SelectMany(smoke.Each).Select(cell => LabCells.Run(cell, shared.Models, shared.Cache));
        var result = Figure4.Of(new LabRecords(smoke, results), rules, exact.Value);
        Assert.Equal([1, 3, 10, 16], Figure4.Cells(smoke)[0].CurveSteps!);
        Assert.All(result.Claims.Skip(exact.Value.Claims.Count), claim => Assert.Equal("preview (n = 1)", claim.Verdict));
        Assert.All(result.Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
    }

    private static ClaimRow Claim(IEnumerable<ClaimRow> claims, string id) => claims.Single(claim => claim.Id == id);

    private static ExperimentResult Made(string name, Predicate<LabCellSpec>? ranAway = null)
    {
        var (cells, of) = experiments[name];
        var results = cells(study).SelectMany(study.Each).Select(spec => ranAway?.Invoke(spec) == true
            ? new LabCellResult(spec.Resolved(), null, [], [], [], "The loss is not a number at step 7.")
            : Result(spec.Resolved()));
        return of(new LabRecords(study, results));
    }

    private static LabCellResult Result(LabCellSpec spec) => new(
        spec, Evaluation(spec, -1), [],
        [.. Enumerable.Range(0, spec.Iterations!.Value).Select(k => new LabCellIteration(k, 0.6, 0.1, 1, 0.02, 0.4 / (1 + k), [0.6], Evaluation(spec, k))
        {
            Novelty = 0.3 - (0.05 * k) + (spec.Alpha > 0 ? 0.1 : 0),
            ExternalReward = Paper(spec) == LabStudy.Alpha ? 1.5 : 1,
            Curve = spec.CurveSteps is { } counts && k == spec.Iterations - 1 ? [.. counts.Select(count => Point(spec, count))] : null,
        })],
        [], null);

    private static LabCellEvaluation Evaluation(LabCellSpec spec, int k)
    {
        double[] rewards = [.. Enumerable.Range(0, Prompts).Select(p => (0.02 * (p % 50) * (k == 1 ? 1.5 : 1)) + (0.3 * Math.Min(k, 3)) + (0.03 * (spec.Seed % 7)) + (k < 1 ? 0 : Effect(spec, k)))];
        double[] quantiles = [.. new[] { .05, .25, .5, .75, .95 }.Select(q => rewards.Order().ElementAt((int)(q * Prompts)))];
        var jewel = spec.Sampled ? 0.06 : spec.Alpha > 0 ? 0.05 : 0;
        var found = spec.Sampled ? 2 : 3;
        var made = new LabCellEvaluation(
            rewards.Average(), quantiles, 1, 0, 0.5, 0.5, 9, k < found ? 0 : k == spec.Iterations - 1 ? 6 * jewel : jewel, 5, 4, rewards, [], k < 0 ? null : Implicit(spec, k));
        return made with { Spread = 20 + (spec.Alpha > 0 ? 4 : 0), ExactWinRate = LabMeasures.ExactWinRates(made).Average() };
    }

    // The alpha on the paper's scale; that of a far one is not on its grid.
    private static double Paper(LabCellSpec spec) =>
        LabAlpha.Grid.FirstOrDefault(alpha => spec.Recipe == LabRecipe.Zephyr && LabAlpha.Lab(alpha, spec.Ranker) == spec.Alpha, spec.Alpha);

    // The large alpha is ahead after iteration 2 and behind in the end.
    private static double Effect(LabCellSpec spec, int k) =>
        (Paper(spec) switch { 0 => 0, LabStudy.Small => 0.005, LabStudy.Alpha => 0.1, LabStudy.Large => k == 2 ? 0.2 : 0.02, 0.3 => -1, _ => 0 })
        - (spec.Iterations == 8 || spec.BatchSize == 128 || spec.Cycle == LabCycle.Constant ? 0.3 : 0)
        - (spec.Method == LoopMethod.StepwiseDpo || spec.UpdateRule == UpdateRule.Replace ? 0.4 : 0);

    // For SELM 0.01 and 0.001: chosen plus rejected is .2 for three prompts of four, else -.1; in iteration 3 half of it.
    private static LabImplicitRewards Implicit(LabCellSpec spec, int k)
    {
        double Gap(int p) => spec.Alpha == 0 ? 0 : (p % 4 == 0 ? -0.1 : 0.2) / (k == 3 ? 2 : 1);
        var chosen = Enumerable.Range(0, Prompts).Select(p => (0.001 * p) + Gap(p) + (spec.Alpha > 0 ? 0.5 : 0)).ToArray();
        return new(chosen, [.. chosen.Select((_, p) => (0.002 * p) - (spec.Alpha > 0 ? 0.5 : 0))], new double[Prompts]);
    }

    private static LabCurvePoint Point(LabCellSpec spec, int count)
    {
        var slope = spec.Alpha == 0 ? 0 : count < 30 ? 0.001 : -0.001;
        double[] Part(double all) => [.. Enumerable.Range(0, Prompts).Select(p => all + (0.01 * p))];
        return new(count, Math.Max(0.1, 0.5 - (0.01 * count)), 1, new(Part(slope * count), Part(2 * slope * count), [.. Enumerable.Repeat(-0.01 * count, Prompts)]))
        {
            Favour = new(0.01 * count * (spec.Alpha > 0 ? 2 : 1), -1),
        };
    }
}
