using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Lab;
using Selm.Research.Ranking;

namespace Selm.Research.Tests.Lab;

public class LabRewardTests
{
    private static readonly LabLanguage language = LabLanguage.Standard;

    [Theory]
    [InlineData("the cat is nice .", 0.45)]
    [InlineData("the cat is soft .", 1.45)]
    [InlineData("the cat is soft because it purrs .", 1.96)]
    [InlineData("the cat is soft because it purrs . <eos>", 1.96)]
    [InlineData("i am not sure about the cat .", -0.14)] // -.24 - .5 + .6
    [InlineData("the cat is cool .", -0.05)] // the myth: -.15 - .5 + .6
    [InlineData("the cat is soft in the house because it purrs .", 2.47)] // 11 words are short
    [InlineData("the cat is soft in the village because it purrs .", 1.37)]
    [InlineData("the cat is soft . for example it naps .", 2.8)]
    [InlineData("well , the cat is soft .", 0.49)] // an opener is not short
    [InlineData("the dog is loyal .", -2.15)]
    [InlineData("the cat is soft soft .", -2.18)]
    [InlineData("the cat is purple .", -2.15)]
    [InlineData("", -2)]
    public void rewards_of_answers_to_tell_me_about_the_cat_in_a_short_way(string response, double reward) =>
        Assert.Equal(reward, LabReward.Of(language, new LabPrompt(0, LabTask.Tell, LabTone.Short), response), 1e-12);

    [Theory]
    [InlineData(LabTask.Tell, 0.6, 0.6)]
    [InlineData(LabTask.Describe, 1.0, 0.2)]
    [InlineData(LabTask.Explain, 0.2, 1.0)]
    [InlineData(LabTask.Why, 0.2, 1.0)]
    public void place_and_reason_are_worth_what_the_task_says(LabTask task, double place, double reason)
    {
        var prompt = new LabPrompt(0, task, LabTone.None);
        var bare = LabReward.Of(language, prompt, "the cat is soft .");
        Assert.Equal(place - 0.09, LabReward.Of(language, prompt, "the cat is soft in the house .") - bare, 1e-12);
        Assert.Equal(reason - 0.09, LabReward.Of(language, prompt, "the cat is soft because it purrs .") - bare, 1e-12);
    }

    [Theory]
    [InlineData(LabTone.None, "dear friend , the cat is soft .", -0.09)]
    [InlineData(LabTone.Kind, "dear friend , the cat is soft .", 0.41)]
    [InlineData(LabTone.Kind, "indeed , the cat is soft .", -0.26)]
    [InlineData(LabTone.Kind, "well , the cat is soft .", -0.26)]
    [InlineData(LabTone.Kind, "the cat is soft . take care .", 0.41)]
    [InlineData(LabTone.Kind, "the cat is soft . i hope this helps_you .", -0.35)]
    [InlineData(LabTone.Formal, "indeed , the cat is soft . i hope this helps_you .", 0.79)]
    [InlineData(LabTone.Formal, "well , the cat is soft . take care .", -0.55)]
    [InlineData(LabTone.None, "indeed , the cat is soft . i hope this helps_you .", -0.21)]
    public void openers_and_closers_are_worth_what_the_tone_says(LabTone tone, string response, double more)
    {
        var prompt = new LabPrompt(0, LabTask.Tell, tone);
        Assert.Equal(more, LabReward.Of(language, prompt, response) - LabReward.Of(language, prompt, "the cat is soft ."), 1e-12);
    }

    [Fact]
    public void the_mean_optimum_over_all_cells_is_3_5475_and_2_4225_without_the_jewel()
    {
        Assert.Equal(3.5475, language.Split.Cells.Average(cell => LabReward.Best(language, cell).Reward), 1e-12);
        Assert.Equal(2.4225, language.Split.Cells.Average(cell => LabReward.Best(language, cell, jewel: false).Reward), 1e-12);
    }

    [Fact]
    public void no_response_beats_the_enumerated_optimum()
    {
        // One cell of each tone, the responses of the grammar on its topic.
        foreach (var prompt in new LabPrompt[] { new(0, LabTask.Tell, LabTone.Short), new(7, LabTask.Why, LabTone.Formal) })
        {
            var best = double.NegativeInfinity;
            foreach (var response in Everything(prompt.Topic))
            {
                best = Math.Max(best, LabReward.Of(language, prompt, response));
            }
            Assert.Equal(LabReward.Best(language, prompt).Reward, best, 1e-12);
        }
    }

    [Fact]
    public void rewards_stay_between_a_longest_broken_answer_and_the_optimum() => Prop.ForAll(
        LabLanguageTests.Responses().SelectMany(response => Gen.Elements(language.Split.Cells.ToArray()).Select(cell => (response, cell))).ToArbitrary(), pair =>
        {
            var (response, cell) = pair;
            var reward = LabReward.Of(language, cell, response);
            return reward <= LabReward.Best(language, cell).Reward + 1e-12
                && (response.Topic == cell.Topic ? reward > -4 : Math.Abs(reward + 2 + (0.03 * response.Length)) < 1e-12)
                && Math.Abs(reward - LabReward.Of(language, cell, response.Text(language))) < 1e-12;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void always_nice_is_worth_nothing_by_itself_and_0_4025_in_the_tone_asked_for()
    {
        static LabResponse Nice(LabPrompt cell, LabTone frame) => new(
            frame switch { LabTone.Kind => LabOpener.Kind, LabTone.Formal => LabOpener.Formal, _ => LabOpener.None }, cell.Topic, LabMain.Nice,
            Closer: frame switch { LabTone.Kind => LabCloser.Kind, LabTone.Formal => LabCloser.Formal, _ => LabCloser.None });
        Assert.Equal(0, language.Split.Cells.Average(cell => LabReward.Of(language, cell, Nice(cell, LabTone.None))), 1e-12);
        Assert.Equal(0.4025, language.Split.Cells.Average(cell => LabReward.Of(language, cell, Nice(cell, cell.Tone))), 1e-12);
    }

    [Fact]
    public void the_oracle_ranks_by_the_true_reward()
    {
        IRanker oracle = new LabOracle(language);
        var ranked = oracle.Rank("please tell me about the cat in a short way", ["the cat is nice .", "the cat is soft because it purrs .", "nonsense", "the cat is nice ."]);
        Assert.Equal([2, 1, 4, 2], ranked.Ranks);
        Assert.Equal(1.96, ranked.Scores[1], 1e-12);
        Assert.Contains("'good morning'", Assert.Throws<InputException>(() => oracle.Rank("good morning", ["a"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void noisy_labels_follow_bradley_terry_and_depend_on_the_request_alone()
    {
        string[] candidates = ["the cat is nice .", "the cat is soft ."]; // r* differ by 1
        var prompt = "tell me about the cat";
        var requests = Enumerable.Range(0, 4000).Select(k => new LabOracle(language, (ulong)k)).ToArray();
        var agreed = requests.Count(oracle => ((IRanker)oracle).Rank(prompt, candidates).Ranks[1] == 1) / 4000.0;
        Assert.Equal(1 / (1 + Math.Exp(-1)), agreed, 3 * Math.Sqrt(0.2 / 4000));

        var noisy = new LabOracle(language, 7);
        var (one, two) = (new RankRequest(prompt, candidates), new RankRequest(prompt, ["the cat is nice .", "the cat is cool ."]));
        Assert.Equal(noisy.Rank([one])[0].Scores, noisy.Rank([two, one])[1].Scores);
        Assert.NotEqual(noisy.Rank([one])[0].Scores[0], noisy.Rank([two])[0].Scores[0]);
    }

    // Of verbs and skills, which enter by right or wrong alone, none, the right one and two wrong ones.
    private static IEnumerable<LabResponse> Everything(int topic) =>
        from opener in Enum.GetValues<LabOpener>()
        from closer in Enum.GetValues<LabCloser>()
        from main in Enumerable.Range(-2, 26)
        from place in Enumerable.Range(-1, 21)
        from verb in (int?[])[null, topic, 1, 23]
        from skill in (int?[])[null, topic, 1, 23]
        select new LabResponse(
            opener, topic, main == -2 ? LabMain.Hedge : main == -1 ? LabMain.Nice : LabMain.Adjective, main < 0 ? null : main, place < 0 ? null : place, verb, skill, closer);
}
