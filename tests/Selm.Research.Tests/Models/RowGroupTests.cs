using FsCheck;
using FsCheck.Fluent;
using Selm.HuggingFace.Models;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Tests.Models;

public class RowGroupTests
{
    [Fact]
    public void rows_of_one_width_stay_together() => Assert.Equal([.. Enumerable.Range(0, 9)], Assert.Single(RowGroup.Cut([.. Enumerable.Repeat(144, 9)])));

    [Fact]
    public void a_few_wide_rows_do_not_pad_many_narrow_ones()
    {
        var groups = RowGroup.Cut([100, 500, 100, 100, 500, 100, 100, 100]);
        Assert.Equal([[1, 4], [0, 2, 3, 5, 6, 7]], groups);
    }

    [Fact]
    public void every_row_is_in_one_group_and_groups_never_cost_more_than_one_batch() => Prop.ForAll(
        ArbMap.Default.ArbFor<PositiveInt[]>(),
        widths =>
        {
            int[] w = [.. widths.Select(k => k.Get * 13)];
            var groups = RowGroup.Cut(w);
            return groups.SelectMany(g => g).Order().SequenceEqual(Enumerable.Range(0, w.Length))
                && groups.Sum(g => (long)g.Length * g.Max(k => w[k])) <= (w.Length == 0 ? 0 : (long)w.Length * w.Max());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void log_probs_of_a_cut_batch_are_those_of_its_rows_one_by_one()
    {
        using var model = new Llama(new Research.Scale.BenchShape(Vocab: 50, Hidden: 16, Layers: 2, Heads: 2, KvHeads: 1, Ff: 24, Prompt: 60, Response: 700).Config());
        RandomWeights.Fill(model, seed: 3, spread: 0.3);
        int[] Ids(int count, int from) => [.. Enumerable.Range(from, count).Select(k => (k * 17) % 50)];
        SharedRow[] rows = [new(Ids(5, 1), [Ids(4, 2), Ids(9, 3)]), new(Ids(30, 4), [Ids(600, 5)]), new(Ids(6, 6), [Ids(7, 7)]), new(Ids(40, 8), [Ids(1, 9), Ids(650, 10)])];
        Assert.True(RowGroup.Cut([.. rows.Select(r => r.Width)]).Count > 1);
        var (sums, tokens) = TokenLogps.Of(model, rows);
        var alone = rows.SelectMany(row => row.Responses.Select(response => TokenLogps.Of(model, [new SharedRow(row.Prompt, [response])]))).ToArray();
        Assert.All(alone.Zip(sums), pair => Assert.Equal(pair.First.Sums[0], pair.Second, 1e-3));
        Assert.All(alone.SelectMany(a => a.Tokens).Zip(tokens), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.Equal(alone.Sum(a => a.Tokens.Length), tokens.Length);
    }

    [Fact]
    public void responses_without_a_token_have_the_sum_0_and_ask_no_model()
    {
        using var model = new Llama(TinyCheckpoint.Config);
        RandomWeights.Fill(model, seed: 3, spread: 0.3);
        SharedRow none = new([7, 8], [[], []]), some = new([5, 6], [[9, 10, 2], []]);
        var (sums, tokens) = TokenLogps.Of(model, [none, some, none]);
        var (alone, own) = TokenLogps.Of(model, [some]);
        Assert.Equal([0, 0, .. alone, 0, 0], sums);
        Assert.Equal((3, 0.0), (own.Length, alone[1]));
        Assert.Equal(own, tokens);
        Assert.Empty(TokenLogps.Of(null!, [none]).Tokens); // no model is asked
        Assert.Empty(TokenLogps.Of(null!, []).Sums);
    }
}
