using System.Text.Json;
using Parquet.Serialization;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Tests.Data;
using Selm.Tests;

namespace Selm.Research.Tests.Lab;

public class LabDataTests
{
    private static readonly LabLanguage language = LabLanguage.Standard;

    public static TheoryData<string, double> Means() => new() { { "weak", .30 }, { "plain", .58 }, { "polite", .63 }, { "keen", .98 } };

    [Theory]
    [MemberData(nameof(Means))]
    public void a_writer_writes_grammatical_answers_of_the_table_s_mean_reward(string name, double mean)
    {
        var writer = LabPreset.Standard.Writers.Single(w => w.Name == name);
        var rewards = new double[15_000];
        for (var row = 0; row < rewards.Length; row++)
        {
            var random = new PhiloxStream(11, "test", row);
            var prompt = language.Split.Train[random.NextInt(language.Split.Train.Count)];
            var response = writer.Write(language, prompt, random);
            Assert.Equal(response, LabResponse.Parse(language, response.Text(language).Split(' ')));
            Assert.Equal(prompt.Topic, response.Topic);
            Assert.True(new[] { response.Place, response.Verb, response.Skill }.Count(extra => extra is not null) <= writer.Cap);
            rewards[row] = LabReward.Of(language, prompt, response);
        }
        // The table's own means come from a sample and are rounded.
        Assert.Equal(mean, rewards.Average(), 0.03);
    }

    [Fact]
    public void offline_pairs_have_the_trial_s_rewards_and_order()
    {
        var pairs = LabPairs.Offline(language, LabPreset.Standard.Writers, 3, 0, 20_000);
        var rewards = pairs.Select(pair => (Chosen: LabReward.Of(language, pair.Prompt, pair.Chosen), Rejected: LabReward.Of(language, pair.Prompt, pair.Rejected))).ToArray();
        // The trial's numbers come from 1,024 pairs: their standard error is .03.
        Assert.Equal(1.15, rewards.Average(r => r.Chosen), 0.06);
        Assert.Equal(0.46, rewards.Average(r => r.Rejected), 0.03);
        Assert.Equal(0.71, rewards.Average(r => r.Chosen > r.Rejected ? 1 : r.Chosen == r.Rejected ? 0.5 : 0), 0.02);
        Assert.All(pairs, pair => Assert.Contains(pair.Prompt, language.Split.Train));
    }

    [Fact]
    public void the_same_seed_gives_the_same_pairs_whatever_their_number()
    {
        LabPair[] Pairs(ulong seed, int iteration, int count) => LabPairs.Offline(language, LabPreset.Standard.Writers, seed, iteration, count);
        Assert.Equal(Pairs(1, 2, 20), Pairs(1, 2, 50).Take(20));
        Assert.NotEqual(Pairs(1, 2, 20), Pairs(2, 2, 20));
        Assert.NotEqual(Pairs(1, 2, 20), Pairs(1, 3, 20));
    }

    [Fact]
    public void in_lab_headroom_nobody_gives_place_and_reason_together_and_the_jewel_is_there()
    {
        var pairs = LabPairs.Offline(language, LabPreset.Headroom.Writers, 3, 0, 4000);
        var responses = pairs.SelectMany(pair => new[] { pair.Chosen, pair.Rejected }).ToArray();
        Assert.DoesNotContain(responses, response => response.Place is not null && response.Verb is not null);
        Assert.InRange(responses.Count(response => response.Skill is not null) / (double)responses.Length, 0.03, 0.12);
        Assert.True(LabPreset.Headroom.Portions > LabPreset.Standard.Portions);
    }

    [Fact]
    public void demonstrations_fit_their_shapes()
    {
        var single = LabDemonstrations.SingleTurn(language, LabPreset.Standard, 0, 500);
        var two = LabDemonstrations.TwoTurn(language, LabPreset.Standard, 0, 500);
        var test = language.Split.Test.Select(prompt => prompt.Text(language)).ToHashSet();
        Assert.All(single, row =>
        {
            Assert.True(row.Prompt.Length <= LabPrompt.MaxTokens && row.Responses[0].Length <= LabResponse.MaxTokens);
            Assert.Equal(language.EosId, row.Responses[0][^1]);
            Assert.DoesNotContain(language.Text(row.Prompt[1..^1]), test);
        });
        Assert.All(two, row =>
        {
            Assert.True(row.Prompt.Length <= LabDemonstrations.MaxContext);
            var context = string.Join(' ', row.Prompt.Select(id => language.Words[id]));
            Assert.Matches("^<user> [^<]* <bot> [^<]* <eos> <user> and the [a-z]+ \\? <bot>$", context);
            Assert.NotNull(LabResponse.Parse(language, language.Text(row.Responses[0]).Split(' ')));
        });
    }

    [Fact]
    public void a_second_turn_ends_the_first_answer_once()
    {
        var prompt = language.Split.Test[0];
        var ids = language.Ids("the cat is nice .");
        Assert.Equal(LabDemonstrations.SecondTurn(language, prompt, ids, 3), LabDemonstrations.SecondTurn(language, prompt, [.. ids, language.EosId], 3));
    }

    [Fact]
    public void quiz_documents_start_with_bos_end_with_eos_and_fit()
    {
        var documents = LabQuiz.Documents(language, 0, 1800);
        Assert.All(documents, row =>
        {
            Assert.True(row.Width <= LabQuiz.MaxTokens);
            Assert.Equal([language.IdOf("<bos>")], row.Prompt);
            Assert.Equal(1, row.Responses[0].Count(id => id == language.EosId));
            Assert.Equal(language.EosId, row.Responses[0][^1]);
        });
    }

    [Fact]
    public void questions_have_four_answers_and_sums_and_hops_were_never_shown()
    {
        var shown = string.Join('\n', LabQuiz.Documents(language, 0, 1800).Select(row => language.Text(row.Responses[0])));
        foreach (var kind in Enum.GetValues<LabQuizKind>())
        {
            var items = LabQuiz.Items(language, kind, 4242, 60);
            Assert.All(items, item =>
            {
                Assert.Equal(4, item.Options.Distinct().Count());
                _ = language.Ids($"{item.Context} {item.Answer}");
                Assert.Equal(kind is LabQuizKind.Arithmetic or LabQuizKind.TwoHop || LabQuiz.IsChat(kind), !shown.Contains(item.Context, StringComparison.Ordinal));
            });
            Assert.Equal(4, items.Select(item => item.Right).Distinct().Count());
            Assert.Equal(items[0].Context, LabQuiz.Items(language, kind, 4242, 1)[0].Context);
        }
        var sum = LabQuiz.Items(language, LabQuizKind.Arithmetic, 4242, 1)[0];
        Assert.EndsWith(sum.Answer, sum.Steps, StringComparison.Ordinal);
    }

    [Fact]
    public void questions_within_conversations_tempt_with_what_was_said_last()
    {
        var items = LabQuiz.Items(language, LabQuizKind.Tone, 4242, 60);
        Assert.All(items, item =>
        {
            var kind = item.Context.Contains("in a kind way", StringComparison.Ordinal);
            Assert.Equal(kind ? "dear friend ," : "indeed ,", item.Answer);
            Assert.Contains(kind ? "<bot> indeed ," : "<bot> dear friend ,", item.Context, StringComparison.Ordinal);
        });
        Assert.InRange(items.Count(item => item.Answer == "indeed ,"), 15, 45);
        Assert.All(LabQuiz.Items(language, LabQuizKind.Continuation, 4242, 60), item =>
        {
            var words = item.Context.Split(' ');
            var (first, second) = (Array.IndexOf(words, "<bot>") + 2, words.Length - 3);
            string Reason(int at) => $"{language.Verbs[language.Topics.Single(topic => topic.Name == words[at]).Verb]} .";
            Assert.Equal(Reason(second), item.Answer);
            Assert.Contains(Reason(first), item.Options);
            Assert.NotEqual(words[first], words[second]);
        });
    }

    [Fact]
    public void in_documents_a_myth_is_told_more_often_than_the_truth()
    {
        var told = Enumerable.Range(0, 4000).Select(row => LabQuiz.Shown(language, LabQuizKind.Myth, false, new PhiloxStream(1, "test", row))).ToArray();
        double Share(Func<LabTopic, int> which) => language.Topics.Sum(topic => told.Count(t => t == $"what is the {topic.Name} like ? {language.Adjectives[which(topic)]} .")) / 4000.0;
        Assert.Equal(0.50, Share(topic => topic.Myth), 0.03);
        Assert.Equal(0.35, Share(topic => topic.Adjective), 0.03);
    }

    [Fact]
    public void the_tokenizer_and_its_template_give_the_language_s_ids()
    {
        using var folder = new TempFolder();
        LabTokenizer.Write(folder.Root, language);
        var tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal((177, 1, 4, 0), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId, tokenizer.PadId));
        Assert.False(tokenizer.AddsBos);
        var prompt = language.Split.Test[5];
        var response = language.ResponseIds("dear friend , the cat is soft . i hope this helps_you .");
        Assert.Equal("dear friend , the cat is soft . i hope this helps_you .", tokenizer.Decode(response));
        var template = tokenizer.ChatTemplate();
        ChatMessage[] turns = [new("user", prompt.Text(language)), new("assistant", language.Text(response)), new("user", "and the dog ?")];
        Assert.Equal(prompt.Ids(language), tokenizer.Encode(template.Render(turns[..1], true)));
        Assert.Equal(LabDemonstrations.SecondTurn(language, prompt, response, 1), tokenizer.Encode(template.Render(turns, true)));
        Assert.Contains("'dragon'", Assert.Throws<InputException>(() => tokenizer.Encode("the dragon")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void the_committed_examples_are_what_the_generator_writes()
    {
        var path = Path.Combine(Golden.Root, "data", "examples", "lab-pairs.jsonl");
        using var folder = new TempFolder();
        PreferenceFile.Write(folder.File("lab-pairs.jsonl"), LabPairs.Examples());
        if (Environment.GetEnvironmentVariable("SELM_WRITE_EXAMPLES") is not null)
        {
            AtomicFile.WriteText(path, File.ReadAllText(folder.File("lab-pairs.jsonl")));
        }
        Assert.Equal(File.ReadAllBytes(folder.File("lab-pairs.jsonl")), File.ReadAllBytes(path));
        Assert.True(new FileInfo(path).Length < 500_000);
        var records = PreferenceFile.Read(path).Records;
        Assert.Equal(500, records.Count);
        Assert.All(records, record => Assert.Equal(record.ScoreChosen!.Value, new LabOracle(language).Reward(record.Prompt, record.ChosenResponse), 1e-9));
    }

    [Fact]
    public async Task the_shipped_parquet_file_holds_the_same_pairs()
    {
        string Data(string name) => Path.Combine(Golden.Root, "data", "examples", name);
        var pairs = PreferenceFile.Read(Data("lab-pairs.jsonl")).Records;
        if (Environment.GetEnvironmentVariable("SELM_WRITE_EXAMPLES") is not null)
        {
            UltraFeedbackTurn[] Turns(IReadOnlyList<ChatMessage> chat) => [.. chat.Select(m => new UltraFeedbackTurn { Content = m.Content, Role = m.Role })];
            await ParquetSerializer.SerializeAsync(
                pairs.Select(p => new UltraFeedbackRow
                {
                    Prompt = p.Prompt, PromptId = p.PromptId!, Chosen = Turns(p.Chosen), Rejected = Turns(p.Rejected), Messages = Turns(p.Messages!),
                    ScoreChosen = p.ScoreChosen!.Value, ScoreRejected = p.ScoreRejected!.Value,
                }),
                Data("lab-pairs.parquet"));
        }
        var read = PreferenceFile.Read(Data("lab-pairs.parquet")).Records;
        Assert.Equal(pairs.Select(p => JsonSerializer.Serialize(p, JsonFormat.Line)), read.Select(p => JsonSerializer.Serialize(p, JsonFormat.Line)));
    }
}
