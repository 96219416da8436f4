using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Tests.Models;
using Selm.Research.Tests.Ranking;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Lengths, vocabulary and contexts are held against the model before any work starts.</summary>
public sealed class LimitsTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    private string Out => tiny.File("run");

    [Fact]
    public void a_length_that_the_recipe_sets_beyond_the_context_is_refused_with_key_value_and_cure()
    {
        var model = tiny.Recipe.Base!;
        (Recipe Recipe, string Sentence)[] wrong =
        [
            (tiny.Recipe with { MaxLength = 300 }, $"max_length is 300, but the context of {model} has 256 tokens; write max_length: 256."),
            (tiny.Recipe with { MaxLength = 1024, MaxPromptLength = 256 }, $"max_prompt_length is 256, but the context of {model} has 256 tokens and must also hold a response; write max_prompt_length: 128."),
            (tiny.Recipe with { MaxNewTokens = 256 }, $"max_new_tokens is 256, but the context of {model} has 256 tokens, prompt included; write max_new_tokens: 192."),
        ];
        Assert.All(wrong, w =>
        {
            Assert.Equal(w.Sentence, Assert.Throws<InputException>(() => SelmRun.Open(new(w.Recipe, Out), _ => TinyRun.Oracle())).Message);
            Assert.False(Directory.Exists(Out));
        });
    }

    [Fact]
    public void default_lengths_are_cut_to_the_context_with_a_note_and_no_row_is_longer()
    {
        var question = string.Concat(Enumerable.Repeat("Tell me about salt and bread and the way to the river. ", 12));
        PreferenceFile.Write(tiny.File("long.jsonl"), Enumerable.Range(0, 8).Select(i => PreferenceRecord.FromTexts($"{question} {i}?", question, "No.")));
        Recipe defaults = new();
        var recipe = tiny.Recipe with
        {
            MaxLength = defaults.MaxLength, MaxPromptLength = defaults.MaxPromptLength, MaxNewTokens = defaults.MaxNewTokens, Datasets = [tiny.File("long.jsonl")], Iterations = 1, Portions = 1,
        };
        using (var run = SelmRun.Open(new(recipe, Out), _ => TinyRun.Oracle()))
        {
            Assert.Equal(
                [
                    $"max_length: 256 instead of the default 1024, because the context of {recipe.Base} has 256 tokens.",
                    $"max_prompt_length: 128 instead of the default 512, because the context of {recipe.Base} has 256 tokens and must also hold a response.",
                    $"max_new_tokens: 128 instead of the default 1024, because the context of {recipe.Base} has 256 tokens, prompt included.",
                ],
                run.Notes);
            run.Finish();
        }
        // Prompts are cut to 128, so that a response may have 128.
        Assert.All(PreferenceFile.Read(Path.Combine(Out, "iteration-0", "preferences.jsonl")).Records, record => Assert.InRange(record.Lengths!.Chosen, 1, 128));
        SelmRun.Open(new(recipe, Out, Resume: true), _ => TinyRun.Oracle()).Dispose();
    }

    [Fact]
    public void a_pair_that_the_tokenizer_or_the_ranker_cannot_take_is_named_by_file_and_line_before_the_run()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 });
        using var ranker = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 40 });
        RewardModelTests.WriteRewardModel(ranker, ranker.Place("rm"));
        var pairs = tiny.File("three.jsonl");
        var recipe = tiny.Recipe with { Base = checkpoint.Root, Ranker = $"rm:{ranker.Place("rm")}", Datasets = [pairs], Iterations = 1, Portions = 1 };

        void Refused(PreferenceRecord third, string sentence)
        {
            var good = PreferenceRecord.FromTexts("Hello", "a", "b");
            PreferenceFile.Write(pairs, [good, good, third]);
            using var reward = RewardModel.Load(ranker.Place("rm"));
            var error = Assert.Throws<InputException>(() => SelmRun.Open(new(recipe, Out), _ => reward));
            Assert.StartsWith($"{pairs} line 3: {sentence}", error.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(Out));
        }

        var words = string.Concat(Enumerable.Repeat("salt and bread ", 8));
        Refused(PreferenceRecord.FromTexts(words, "a", "b"), "the prompt has ");
        Refused(PreferenceRecord.FromTexts("Hello", words, "b"), "The chat that ends in \"Hello\" has ");

        using var narrow = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256, VocabSize = 597 });
        recipe = recipe with { Base = narrow.Root };
        Refused(PreferenceRecord.FromTexts("Hello", Rarest(narrow.Root), "b"), $"{narrow.Root}: the tokenizer gives the id 599, but the model's vocabulary has 597 tokens");
    }

    [Fact]
    public void rows_that_the_authors_pipeline_does_not_cut_are_refused_beyond_the_context()
    {
        var record = PreferenceRecord.FromTexts("Hello", "a", "b") with { Place = "pairs.jsonl line 7" };
        TokenRow Row(int length) => new(new int[length], 2);
        var rows = new TokenTriple([1, 2], Row(4), Row(5), Row(65));
        Assert.StartsWith("pairs.jsonl line 7: a row has 65 tokens, but the model's context has 64; ", Assert.Throws<InputException>(() => RecipeLimits.Within(record, rows, 64)).Message, StringComparison.Ordinal);
        Assert.Same(rows, RecipeLimits.Within(record, rows, 65));
    }

    // The text of the tokenizer's last id.
    private static string Rarest(string folder) => Selm.HuggingFace.Tokenizers.Tokenizer.Load(folder).Decode([599]);
}
