using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Lab;

public class LabLanguageTests
{
    private static readonly LabLanguage language = LabLanguage.Standard;

    [Fact]
    public void the_language_has_177_words_384_cells_and_1152_prompts()
    {
        Assert.Equal(177, language.Words.Count);
        Assert.Equal(177, language.Words.Distinct().Count());
        Assert.Equal(["<pad>", "<bos>", "<user>", "<bot>", "<eos>", "<vs>", ","], language.Words.Take(7));
        Assert.Equal(["eight", "nine"], language.Words.TakeLast(2));
        Assert.Equal(384, language.Split.Cells.Count);
        Assert.Equal((936, 72, 144), (language.Split.Train.Count, language.Split.Validation.Count, language.Split.Test.Count));
        var all = language.Split.Train.Concat(language.Split.Validation).Concat(language.Split.Test).ToArray();
        Assert.Equal(1152, all.Distinct().Count());
        Assert.Equal(LabPrompt.MaxTokens, all.Max(prompt => prompt.Ids(language).Length));
    }

    [Fact]
    public void prefixes_of_a_cell_stay_in_one_part_of_the_split()
    {
        static HashSet<LabPrompt> Cells(IEnumerable<LabPrompt> prompts) => [.. prompts.Select(prompt => prompt with { Prefix = LabPrefix.None })];
        var (train, validation, test) = (Cells(language.Split.Train), Cells(language.Split.Validation), Cells(language.Split.Test));
        Assert.Equal((312, 24, 48), (train.Count, validation.Count, test.Count));
        Assert.False(train.Overlaps(test) || train.Overlaps(validation) || test.Overlaps(validation));
    }

    [Fact]
    public void the_split_is_the_recorded_one() => Assert.Equal(
        ["describe the rose in a short way"],
        language.Split.Test.Take(1).Select(prompt => prompt.Text(language)));

    [Fact]
    public void facts_of_topics_are_those_of_the_table()
    {
        var star = language.Topics.Single(topic => topic.Name == "star");
        Assert.Equal(
            ("far", "grand", "sky", "guides", "blinks"),
            (language.Adjectives[star.Adjective], language.Adjectives[star.Myth], language.Places[star.Place], language.Verbs[star.Verb], language.Skills[star.Skill]));
        Assert.DoesNotContain("village", language.Topics.Select(topic => language.Places[topic.Place]));
        Assert.Equal(19, language.Topics.Select(topic => topic.Place).Distinct().Count());
    }

    [Fact]
    public void every_prompt_is_read_back_with_and_without_markers()
    {
        foreach (var prompt in language.Split.Train.Concat(language.Split.Test))
        {
            var text = prompt.Text(language);
            Assert.Equal(prompt, LabPrompt.Parse(language, text));
            Assert.Equal(prompt, LabPrompt.Parse(language, $"<user> {text} <bot>"));
            Assert.Equal($"<user> {text} <bot>", language.Text(prompt.Ids(language)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("tell me about")]
    [InlineData("tell me about the cat please")]
    [InlineData("please tell me about the village")]
    [InlineData("describe the cat in a loud way")]
    [InlineData("What is 2 + 2?")]
    public void other_text_is_no_prompt(string text)
    {
        Assert.Null(LabPrompt.Parse(language, text));
        Assert.Contains("no prompt of the lab language", Assert.Throws<InputException>(() => LabPrompt.Read(language, text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void parsing_is_the_inverse_of_writing() => Prop.ForAll(Responses().ToArbitrary(), response =>
    {
        var words = response.Text(language).Split(' ');
        return words.Length == response.Length && words.Length < LabResponse.MaxTokens && LabResponse.Parse(language, words) == response;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("the cat is soft")]
    [InlineData("the cat is .")]
    [InlineData("cat is soft .")]
    [InlineData("the cat is soft . .")]
    [InlineData("the cat is soft in the .")]
    [InlineData("the cat is soft because it purrs in the house .")]
    [InlineData("the cat is soft . for example it purrs .")]
    [InlineData("the cat is soft . for example it naps")]
    [InlineData("well , indeed , the cat is soft .")]
    [InlineData("i am not sure about the cat is nice .")]
    [InlineData("the house is nice .")]
    [InlineData("the cat is soft . take care . take care .")]
    public void what_the_grammar_does_not_write_is_not_read(string text) => Assert.Null(LabResponse.Parse(language, text.Split(' ')));

    [Fact]
    public void a_longest_response_fills_its_28_tokens()
    {
        var longest = new LabResponse(LabOpener.Kind, 0, LabMain.Hedge, Place: 0, Verb: 0, Skill: 0, Closer: LabCloser.Formal);
        Assert.Equal(LabResponse.MaxTokens, language.ResponseIds(longest.Text(language)).Length);
    }

    [Fact]
    public void an_enlarged_language_keeps_the_rules_and_multiplies_the_facts()
    {
        var large = LabLanguage.Enlarged(10);
        Assert.Equal((240, 240, 240, 24), (large.Topics.Count, large.Skills.Count, large.Verbs.Count, large.Adjectives.Count));
        Assert.Equal(177 + (9 * 72), large.Words.Count);
        Assert.Equal(large.Words.Count, large.Words.Distinct().Count());
        Assert.Equal((3840 / 8 * 3, 3840 / 16 * 3), (large.Split.Test.Count, large.Split.Validation.Count));
        var prompt = large.Split.Test[0];
        Assert.Equal(prompt, LabPrompt.Parse(large, prompt.Text(large)));
        Assert.NotNull(LabResponse.Parse(large, LabWriter.Keen.Write(large, prompt, new PhiloxStream(1, "test")).Text(large).Split(' ')));
        Assert.Same(language, LabLanguage.Enlarged(1));
    }

    [Fact]
    public void a_word_outside_the_language_is_refused_by_name() =>
        Assert.Contains("'dragon'", Assert.Throws<InputException>(() => language.Ids("the dragon is nice .")).Message, StringComparison.Ordinal);

    internal static Gen<LabResponse> Responses() =>
        from opener in Gen.Elements(Enum.GetValues<LabOpener>())
        from topic in Gen.Choose(0, 23)
        from main in Gen.Elements(Enum.GetValues<LabMain>())
        from adjective in Gen.Choose(0, 23)
        from place in Gen.Choose(-10, 19)
        from verb in Gen.Choose(-12, 23)
        from skill in Gen.Choose(-12, 23)
        from closer in Gen.Elements(Enum.GetValues<LabCloser>())
        select new LabResponse(opener, topic, main, main == LabMain.Adjective ? adjective : null, Some(place), Some(verb), Some(skill), closer);

    private static int? Some(int index) => index < 0 ? null : index;
}
