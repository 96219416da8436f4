using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Ranking;

public class SelectionTests
{
    // Few values, so that ties are common.
    private static readonly Arbitrary<double[]> Scores =
        Gen.Choose(-2, 2).Select(k => k / 2.0).ArrayOf().Where(scores => scores.Length > 0).ToArbitrary();

    [Theory]
    [InlineData(new[] { 0.3, 0.2, 0.1 }, 0, 2)]
    [InlineData(new[] { 0.1, 0.2, 0.3 }, 2, 0)]
    [InlineData(new[] { 0.2, 0.2, 0.2 }, 0, 0)]
    [InlineData(new[] { 0.2, 0.2, 0.1 }, 0, 2)]
    [InlineData(new[] { 0.3, 0.1, 0.1 }, 0, 1)]
    [InlineData(new[] { double.NegativeInfinity, 0, double.PositiveInfinity, 5 }, 2, 0)]
    public void best_and_worst_are_kept_and_the_first_index_wins_ties(double[] scores, int chosen, int rejected) =>
        Assert.Equal(new SelectedPair(chosen, rejected), Selection.BestWorst(scores));

    [Fact]
    public void best_and_worst_are_the_first_with_the_lowest_and_highest_rank() => Prop.ForAll(Scores, scores =>
    {
        var ranks = RankedCandidates.FromScores(scores).Ranks;
        return Selection.BestWorst(scores) == new SelectedPair(Array.IndexOf(ranks, ranks.Min()), Array.IndexOf(ranks, ranks.Max()));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void rank_one_is_best_and_ties_share_the_lower_rank()
    {
        Assert.Equal([2, 1, 2, 4], RankedCandidates.FromScores([0.5, 0.9, 0.5, -3]).Ranks);
        Assert.Equal([1, 1, 1], RankedCandidates.FromScores([0, 0, 0]).Ranks);
        Assert.Contains("candidate 1 as NaN", Assert.Throws<InputException>(() => RankedCandidates.FromScores([0, double.NaN])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 3.0, 2, 1 }, 0, 2)] // y beats both: it replaces y_w
    [InlineData(new[] { 3.0, 1, 2 }, 0, 2)] // also where the ranker disagrees with the data
    [InlineData(new[] { 0.0, 2, 1 }, 1, 0)] // y loses to both: it replaces y_l
    [InlineData(new[] { 0.0, 1, 2 }, 1, 0)]
    [InlineData(new[] { 1.5, 2, 1 }, 1, 0)] // between them: y_w alone decides
    [InlineData(new[] { 1.5, 1, 2 }, 0, 2)]
    [InlineData(new[] { 1.0, 2, 1 }, 1, 0)] // a tie with y_l is none with y_w
    [InlineData(new[] { 2.0, 2, 1 }, 1, 2)] // a tie with y_w changes nothing
    [InlineData(new[] { 1.0, 1, 1 }, 1, 2)]
    public void replace_compares_y_with_y_w_alone(double[] scores, int chosen, int rejected) =>
        Assert.Equal(new SelectedPair(chosen, rejected), Selection.Replace(scores));

    [Fact]
    public void replace_needs_three_scores() => Assert.Throws<ArgumentException>(() => Selection.Replace([1, 2]));

    [Theory]
    [InlineData(new[] { 3.0, 2, 1 }, UpdateRule.BestWorst, "y", "l", ReferenceRole.Chosen)]
    [InlineData(new[] { 0.0, 1, 2 }, UpdateRule.BestWorst, "l", "y", ReferenceRole.Rejected)]
    [InlineData(new[] { 1.5, 1, 2 }, UpdateRule.BestWorst, "l", "w", ReferenceRole.Middle)]
    [InlineData(new[] { 1.5, 1, 2 }, UpdateRule.Replace, "y", "l", ReferenceRole.Chosen)]
    [InlineData(new[] { 1.5, 1.5, 2 }, UpdateRule.Replace, "w", "l", ReferenceRole.Middle)]
    public void a_record_takes_the_new_pair_and_keeps_y_scores_and_ranks(double[] scores, UpdateRule rule, string chosen, string rejected, ReferenceRole role)
    {
        var record = PreferenceRecord.FromTexts("x", "w", "l") with { PromptId = "7", Lengths = new(1, 2, 3), ReferenceLogps = new(-1, -2, -3) };
        Assert.Equal(["y", "w", "l"], Selection.Request(record, "y").Candidates);
        var updated = Selection.Update(record, "y", RankedCandidates.FromScores(scores), rule);
        Assert.Equal((chosen, rejected, "y", role, "x", "7"), (updated.ChosenResponse, updated.RejectedResponse, updated.ReferenceResponse!, updated.ReferenceRole!.Value, updated.Prompt, updated.PromptId!));
        double Of(string text) => scores["ywl".IndexOf(text, StringComparison.Ordinal)];
        Assert.Equal(new PerRole<double>(Of(chosen), Of(rejected), scores[0]), updated.Scores);
        Assert.Equal(1 + scores.Count(s => s > scores[0]), updated.Ranks!.Reference);
        Assert.Null(updated.Lengths);
        Assert.Null(updated.ReferenceLogps);
    }
}
