using Selm.Research.Claims;

namespace Selm.Research.Tests.Claims;

public class ClaimRulesTests
{
    private static ClaimRule Rule(ClaimKind kind, double d, string id = "id", string family = "") => new()
    {
        Id = id, Where = "", Says = "", Experiment = "", Statistic = "", Rule = kind, Scales = ["lab"], D = d, Family = family, Pilot = "",
    };

    // n differences whose mean is given and whose interval is about as wide as the spread says.
    private static double[] Around(double mean, double spread, int n) => [.. Enumerable.Range(0, n).Select(k => mean + (k % 2 == 0 ? spread : -spread))];

    [Theory]
    [InlineData(0.08, 0.02, 40, "holds here")]
    [InlineData(-0.08, 0.02, 40, "opposite here")]
    [InlineData(0.01, 0.02, 40, "no effect larger than 0.05 here")]
    [InlineData(0.04, 0.2, 40, "cannot tell here")]
    [InlineData(0.08, 0.02, 8, "preview (n = 8)")]
    public void a_directional_verdict_follows_from_the_interval_alone(double mean, double spread, int n, string verdict) =>
        Assert.Equal(verdict, Rule(ClaimKind.Directional, 0.05).Paired(Around(mean, spread, n)).Verdict);

    [Theory]
    [InlineData(0.01, 0.02, "holds here")]
    [InlineData(0.20, 0.02, "opposite here")]
    [InlineData(0.01, 0.50, "cannot tell here")]
    public void an_equivalence_needs_its_interval_inside_the_margin(double mean, double spread, string verdict) =>
        Assert.Equal(verdict, Rule(ClaimKind.Equivalence, 0.05).Paired(Around(mean, spread, 40)).Verdict);

    [Theory]
    [InlineData(1e-16, null, "holds as printed")]
    [InlineData(1e-16, 0.3, "does not hold as printed; holds as repaired")]
    [InlineData(1e-16, 1e-15, "holds as printed")]
    [InlineData(0.3, null, "does not hold")]
    [InlineData(0.3, 0.3, "does not hold")]
    [InlineData(double.NaN, null, "does not hold")]
    public void an_exact_verdict_follows_from_both_residuals(double residual, double? printed, string verdict) =>
        Assert.Equal(verdict, Rule(ClaimKind.Exact, 0).Exact(residual, 1e-12, printed).Verdict);

    [Theory]
    [InlineData(1e-16, "remark of the kit")]
    [InlineData(0.3, "does not hold")]
    [InlineData(double.NaN, "does not hold")]
    public void a_remark_of_the_kit_can_fail(double residual, string verdict) =>
        Assert.Equal(verdict, Rule(ClaimKind.Exact, 0).Remark(residual, 1e-12, "").Verdict);

    [Fact]
    public void an_ordering_needs_every_step_and_shows_the_smallest()
    {
        var rule = Rule(ClaimKind.Ordering, 0);
        var (up, flat, down) = (Around(0.5, 0.1, 20), Around(0, 0.1, 20), Around(-0.5, 0.1, 20));
        Assert.Equal("holds here", rule.Ordered([up, up]).Verdict);
        Assert.Equal("cannot tell here", rule.Ordered([up, flat]).Verdict);
        Assert.Equal(("opposite here", -0.5), (rule.Ordered([up, down]).Verdict, Math.Round(rule.Ordered([up, down]).Measured!.Value, 9)));
    }

    [Fact]
    public void the_interval_of_few_seeds_is_as_wide_as_students()
    {
        double[] three = [-1, 0, 1];
        var row = Rule(ClaimKind.Directional, 0).Paired(three);
        Assert.Equal(-4.3027 / Math.Sqrt(3), row.Low!.Value, 1e-4); // deviation 1, t(2; .975) = 4.3027
        Assert.Equal(1, row.P);
        Assert.Equal((3, "preview (n = 3)"), (row.N, row.Verdict));
    }

    [Fact]
    public void one_seed_has_no_interval_and_no_p_value()
    {
        var row = Rule(ClaimKind.Directional, 0).Paired([0.5]);
        Assert.Equal((1, 0.5, "preview (n = 1)"), (row.N, row.Measured, row.Verdict));
        Assert.True(row is { Low: null, High: null, P: null, Detectable: null });
    }

    [Fact]
    public void one_of_several_steps_must_be_far_beyond_to_be_the_opposite()
    {
        // t = 2.28: beyond t(19; .975) = 2.09 for one step, not beyond t(19; .99167) = 2.63 for the worst of three.
        var (up, down) = (Around(0.5, 0.1, 20), Around(-0.0523, 0.1, 20));
        var rule = Rule(ClaimKind.Ordering, 0);
        Assert.Equal("opposite here", rule.Ordered([down]).Verdict);
        Assert.Equal("cannot tell here", rule.Ordered([up, up, down]).Verdict);
    }

    [Theory]
    [InlineData(ClaimKind.Directional, 0.1, 0.04, "Telling a true effect of d = 0.1 from none with 80 % power takes n = 36.")] // deviation 0.2052, t(35) quantiles 2.030 + 0.852
    [InlineData(ClaimKind.Directional, 0, 0.04, "Telling the measured effect from none, were it the true one, with 80 % power takes n = 209.")]
    [InlineData(ClaimKind.Directional, 0, 0, "No number of seeds tells an effect of 0 from none.")]
    [InlineData(ClaimKind.Directional, 0.5, 0.5, "Telling a true effect of d = 0.5 from none with 80 % power takes n = 4, which is at hand: the measured effect is too near d.")]
    [InlineData(ClaimKind.Equivalence, 0.1, 0.04, "Showing that a true difference of 0 lies within d = 0.1 with 80 % power takes n = 38.")]
    public void where_nothing_can_be_told_the_row_says_how_many_seeds_it_would_take(ClaimKind kind, double d, double mean, string needed)
    {
        var row = Rule(kind, d).Paired(Around(mean, 0.2, 20), "a note");
        Assert.Equal((20, "cannot tell here", needed, "a note"), (row.N, row.Verdict, row.Needed, row.Note));
        Assert.Equal($"{needed} a note", ClaimsTable.Of([row]).Rows[0][^1].Words);
    }

    [Fact]
    public void a_verdict_needs_no_more_seeds() => Assert.Empty(Rule(ClaimKind.Directional, 0.05).Paired(Around(0.08, 0.02, 40)).Needed);

    [Fact]
    public void holm_works_on_students_tails()
    {
        using var folder = new TempYaml(string.Join('\n', Claim("c0", "all"), Claim("c1", "all")));
        var rules = ClaimRules.Read(folder.Path);
        // t(4) = sqrt(8): p = 0.047421, and sqrt(2): p = 0.230200; the normal tail of the first would be 0.0047.
        var table = rules.Table([rules["c0"].Paired([0, 1, 2, 3, 4]), rules["c1"].Paired([-1, 0, 1, 2, 3])]);
        Assert.Equal(2 * 0.047421, table[0].P!.Value, 1e-5);
        Assert.Equal(0.230200, table[1].P!.Value, 1e-5);
    }

    [Fact]
    public void prompts_are_averaged_inside_each_seed()
    {
        var (differences, means) = (new double[12, 2], Around(0.3, 0.1, 12));
        for (var s = 0; s < 12; s++)
        {
            (differences[s, 0], differences[s, 1]) = (means[s] + 8, means[s] - 8); // the seeds nearly agree, the prompts do not
        }
        var (row, alone) = (Rule(ClaimKind.Directional, 0).Paired(differences), Rule(ClaimKind.Directional, 0).Paired(means));
        Assert.Equal(12, row.PerSeed.Count);
        Assert.Equal(alone.Low!.Value, row.Low!.Value, 1e-12);
        Assert.Equal((12, "holds here"), (row.N, row.Verdict));
    }

    [Fact]
    public void a_seed_without_a_number_is_no_verdict()
    {
        var row = Rule(ClaimKind.Directional, 0).Paired([.. Around(1, 0.1, 11), double.NaN]);
        Assert.Equal("cannot tell here", row.Verdict);
        Assert.Contains("1 of 12 seeds have no number", row.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void a_family_is_corrected_together_and_says_so()
    {
        using var folder = new TempYaml(string.Join('\n', Enumerable.Range(0, 20).Select(k => Claim($"c{k}", "all"))));
        var rules = ClaimRules.Read(folder.Path);
        // Each by itself at p about .01: too weak among twenty.
        var weak = Around(0.02, 0.05, 40);
        Assert.Equal("holds here", rules["c0"].Paired(weak).Verdict);
        var table = rules.Table([.. rules.All.Select(rule => rule.Paired(weak))]);
        Assert.All(table, row => Assert.Equal("cannot tell here", row.Verdict));
        // t = 2.4980 = mean / error; (t(n - 1; 1 - 0.025 / 20) + t(n - 1; 0.8)) deviation / sqrt(n) <= 0.02 from n = 100 on.
        Assert.All(table, row => Assert.Equal("Finding the measured effect, were it the true one, at Holm's strictest level 0.05 / 20 with 80 % power takes n = 100.", row.Needed));
        Assert.All(table, row => Assert.StartsWith("By itself \"holds here\", not after Holm's correction for 20 claims.", row.Note, StringComparison.Ordinal));
        Assert.Equal("holds here", rules.Table([rules["c0"].Paired(weak)])[0].Verdict);
        Assert.Equal("not run", rules.Table([])[0].Verdict);
    }

    [Theory]
    [InlineData("rule: directional", "rule: directionl", "line 10")]
    [InlineData("pilot: p", "pilott: p", "pilott")]
    [InlineData("scales: [lab]", "scales: [lap]", "did you mean 'lab'?")]
    [InlineData("rule: directional", "rule: equivalence", "equivalence without a margin")]
    [InlineData("  pilot: p", "", "pilot", true)]
    public void a_broken_file_is_refused_with_its_line_or_claim(string correct, string broken, string told, bool ignoreCase = false)
    {
        using var folder = new TempYaml(Claim("c0", "").Replace(correct, broken, StringComparison.Ordinal));
        var message = Assert.Throws<InputException>(() => ClaimRules.Read(folder.Path)).Message;
        Assert.Contains(folder.Path, message, StringComparison.Ordinal);
        Assert.Contains(told, message, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
    }

    [Fact]
    public void an_unknown_claim_is_refused_with_the_nearest_name()
    {
        Assert.Contains("did you mean 'table1-selm-over-dpo'?", Assert.Throws<InputException>(() => ClaimRules.Read()["table1-selm-over-dpp"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void the_hash_is_of_the_bytes()
    {
        using var one = new TempYaml(Claim("c0", ""));
        using var other = new TempYaml(Claim("c0", "") + "\n");
        Assert.NotEqual(ClaimRules.Read(one.Path).Sha256, ClaimRules.Read(other.Path).Sha256);
        Assert.Matches("^[0-9a-f]{64}$", ClaimRules.Read().Sha256);
    }

    private static string Claim(string id, string family) =>
        $"- id: {id}\n  where: w\n  says: s\n  experiment: e\n  statistic: s\n  rule: directional\n  scales: [lab]\n  family: \"{family}\"\n  pilot: p";

    private sealed class TempYaml : IDisposable
    {
        public TempYaml(string claims) => File.WriteAllText(Path, $"protocol: p\nnot_run:\n  gpu: none\nclaims:\n{claims}\n");

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"claims-{Guid.NewGuid():N}.yaml");

        public void Dispose() => File.Delete(Path);
    }
}
