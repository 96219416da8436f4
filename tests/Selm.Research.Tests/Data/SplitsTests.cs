using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Data;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

public class SplitsTests
{
    [Theory]
    [InlineData(4, 15283)]
    [InlineData(3, 20378)]
    public void ultrafeedback_is_cut_as_the_authors_cut_it(int portions, int size)
    {
        var parts = Splits.Portions(Enumerable.Range(0, 61135).ToList(), portions);
        Assert.Equal(Enumerable.Repeat(size, portions), parts.Select(part => part.Count));
        Assert.Equal(Enumerable.Range(0, portions * size), parts.SelectMany(part => part));
    }

    [Fact]
    public void fewer_pairs_than_portions_are_refused() =>
        Assert.Contains("2 pairs cannot be cut into 3 portions", Assert.Throws<InputException>(() => Splits.Portions([1, 2], 3)).Message, StringComparison.Ordinal);

    [Fact]
    public void a_shuffle_keeps_every_item_and_depends_on_seed_and_name_only() =>
        Prop.ForAll<int[], ulong>((items, seed) =>
        {
            var one = Splits.Shuffle(items, seed, "a");
            return one.SequenceEqual(Splits.Shuffle(items, seed, "a")) && one.Order().SequenceEqual(items.Order());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void other_seeds_and_names_give_other_orders()
    {
        var items = Enumerable.Range(0, 50).ToList();
        Assert.NotEqual(Splits.Shuffle(items, 1, "a"), Splits.Shuffle(items, 2, "a"));
        Assert.NotEqual(Splits.Shuffle(items, 1, "a"), Splits.Shuffle(items, 1, "b"));
    }

    [Theory]
    [InlineData(100, 0.1, 10)]
    [InlineData(100, 0, 0)]
    [InlineData(5, 0.01, 1)]
    [InlineData(1, 0.5, 0)]
    [InlineData(3, 0.99, 2)]
    public void held_out_items_are_disjoint_from_the_rest_and_leave_something_to_train_on(int count, double fraction, int held)
    {
        var (train, heldOut) = Splits.HoldOut(Enumerable.Range(0, count).ToList(), fraction, 7);
        Assert.Equal(held, heldOut.Count);
        Assert.Equal(Enumerable.Range(0, count), train.Concat(heldOut).Order());
        Assert.Equal(train.Order(), train);
    }

    [Fact]
    public void made_up_pairs_are_the_same_every_time_varied_and_readable_from_their_file()
    {
        using var folder = new TempFolder();
        var pairs = MadeUpPairs.Create();
        PreferenceFile.Write(folder.File("a.jsonl"), pairs);
        PreferenceFile.Write(folder.File("b.jsonl"), MadeUpPairs.Create());
        Assert.Equal(File.ReadAllText(folder.File("a.jsonl")), File.ReadAllText(folder.File("b.jsonl")));
        Assert.Equal(100, PreferenceFile.Read(folder.File("a.jsonl")).Records.Count);
        Assert.True(pairs.Select(pair => pair.Prompt).Distinct().Count() > 40, "the prompts must vary");
        Assert.All(pairs, pair =>
        {
            Assert.True(pair.ScoreChosen > pair.ScoreRejected);
            Assert.NotEqual(pair.ChosenResponse, pair.RejectedResponse);
            Assert.InRange(pair.Prompt.Length + pair.ChosenResponse.Length, 10, 160);
        });
        Assert.NotEqual(pairs[0].Prompt + pairs[1].Prompt + pairs[2].Prompt, string.Concat(MadeUpPairs.Create(3, 43).Select(pair => pair.Prompt)));
        Assert.Equal(pairs[2].ChosenResponse, MadeUpPairs.Create(3)[2].ChosenResponse);
    }
}
