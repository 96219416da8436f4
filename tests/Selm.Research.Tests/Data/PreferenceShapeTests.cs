using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

/// <summary>The shapes that TRL, OpenRLHF and others write give the record of UltraFeedback's.</summary>
public class PreferenceShapeTests
{
    private const string User = """{"role":"user","content":"q"}""";
    private const string Good = """{"role":"assistant","content":"yes"}""";
    private const string Bad = """{"role":"assistant","content":"no"}""";

    [Theory]
    [InlineData($$"""{"prompt":"q","chosen":[{{User}},{{Good}}],"rejected":[{{User}},{{Bad}}]}""", "UltraFeedback")]
    [InlineData($$"""{"chosen":[{{User}},{{Good}}],"rejected":[{{User}},{{Bad}}]}""", "no prompt, answers as whole chats")]
    [InlineData($$"""{"prompt":[{{User}}],"chosen":[{{Good}}],"rejected":[{{Bad}}]}""", "prompt as messages, answers as the assistant's turns")]
    [InlineData($$"""{"prompt":[{{User}}],"chosen":[{{User}},{{Good}}],"rejected":[{{User}},{{Bad}}]}""", "prompt as messages, answers as whole chats")]
    [InlineData($$"""{"prompt":[{{User}}],"chosen":"yes","rejected":"no"}""", "prompt as messages, answers as text")]
    [InlineData($$"""{"prompt":"q","chosen":[{{Good}}],"rejected":[{{Bad}}]}""", "prompt as text, answers as the assistant's turns")]
    [InlineData("""{"prompt":"q","chosen":"yes","rejected":"no"}""", "prompt as text, answers as text")]
    [InlineData("""{"chosen":"\n\nHuman: q\n\nAssistant: yes","rejected":"\n\nHuman: q\n\nAssistant: no"}""", "HH: transcripts of Human and Assistant")]
    [InlineData("""{"prompt":"\n\nHuman: q\n\nAssistant:","chosen":" yes","rejected":" no"}""", "HH: transcripts of Human and Assistant")]
    [InlineData("""{"system":"","question":"q","chosen":"yes","rejected":"no"}""", "Orca: question and system as text")]
    [InlineData("""{"input":"q","chosen":"yes","rejected":"no"}""", "Orca: input as text")]
    [InlineData("""{"instruction":"q","output_1":"no","output_2":"yes","preference":1.9}""", "judged")]
    public void every_shape_gives_the_same_record(string row, string shape)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", row);
        var record = Assert.Single(PreferenceFile.Read(path).Records);
        Assert.Equal("q", record.Prompt);
        Assert.Equal([new ChatMessage("user", "q"), new ChatMessage("assistant", "yes")], record.Chosen);
        Assert.Equal([new ChatMessage("user", "q"), new ChatMessage("assistant", "no")], record.Rejected);
        Assert.StartsWith(shape, Assert.Single(DataInspection.Of(path).Shapes).Key, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"system":"s","question":"q","chosen":"yes","rejected":"no"}""")]
    [InlineData("""{"system":"s","input":"q","chosen":"yes","rejected":"no"}""")]
    [InlineData("""{"system":"s","prompt":"q","chosen":"yes","rejected":"no"}""")]
    public void the_system_text_of_a_row_is_the_first_turn_of_both_chats(string row)
    {
        using var folder = new TempFolder();
        var record = Assert.Single(PreferenceFile.Read(folder.Write("f.jsonl", row)).Records);
        Assert.Equal([new ChatMessage("system", "s"), new ChatMessage("user", "q")], record.PromptMessages);
        Assert.Equal(("q", "yes", "no"), (record.Prompt, record.ChosenResponse, record.RejectedResponse));
        Assert.Equal(record.PromptMessages, record.Rejected.Take(2));
    }

    [Fact]
    public void a_transcript_keeps_all_its_turns_and_their_inner_lines()
    {
        using var folder = new TempFolder();
        const string before = @"\n\nHuman: q\n\nAssistant: A Human: no.\n\nTwo.\n\nHuman: q2";
        var record = Assert.Single(PreferenceFile.Read(folder.Write("f.jsonl", $$"""{"chosen":"{{before}}\n\nAssistant: yes","rejected":"{{before}}\n\nAssistant: no"}""")).Records);
        Assert.Equal([("user", "q"), ("assistant", "A Human: no.\n\nTwo."), ("user", "q2"), ("assistant", "yes")], record.Chosen.Select(turn => (turn.Role, turn.Content)));
        Assert.Equal("no", record.RejectedResponse);
    }

    [Fact]
    public void a_longer_prompt_keeps_all_its_turns()
    {
        using var folder = new TempFolder();
        const string prompt = $$"""{"role":"system","content":"s"},{{User}},{{Good}},{"role":"user","content":"q2"}""";
        var path = folder.Write("f.jsonl", $$"""
            {"prompt":[{{prompt}}],"chosen":[{{Good}}],"rejected":[{{Bad}}]}
            {"prompt":[{{prompt}}],"chosen":[{{prompt}},{{Good}}],"rejected":"no"}
            """);
        Assert.All(PreferenceFile.Read(path).Records, record =>
        {
            Assert.Equal(["s", "q", "yes", "q2"], record.PromptMessages.Select(turn => turn.Content));
            Assert.Equal(("q", "yes", "no"), (record.Prompt, record.ChosenResponse, record.RejectedResponse));
        });
    }

    [Theory]
    [InlineData($$"""{"prompt":[{"role":"user","content":"other"}],"chosen":[{{User}},{{Good}}],"rejected":[{{User}},{{Bad}}]}""", "\"chosen\" begins with other turns than \"prompt\"")]
    [InlineData($$"""{"prompt":[{{User}}],"chosen":[{{Good}}],"rejected":[{"role":"user","content":"x"},{{Bad}}]}""", "\"rejected\" begins with other turns than \"prompt\"")]
    [InlineData($$"""{"prompt":[],"chosen":[{{Good}}],"rejected":[{{Bad}}]}""", "\"chosen\" must hold at least a prompt")]
    [InlineData($$"""{"prompt":[{{User}}],"chosen":[{{Good}},{{User}}],"rejected":[{{Bad}}]}""", "end in a turn of the assistant")]
    [InlineData("""{"chosen":"\n\nHuman: q\n\nAssistant: yes","rejected":"\n\nHuman: other\n\nAssistant: no"}""", "differ before the last turn")]
    [InlineData("""{"chosen":"\n\nHuman: q","rejected":"\n\nHuman: q\n\nAssistant: no"}""", "\"chosen\" must begin with Human: and end in a turn of Assistant:")]
    [InlineData("""{"prompt":"q","chosen":"yes","rejected":null}""", "\"rejected\" is null; write the answer or delete that line")]
    [InlineData($$"""{"prompt":"q","chosen":null,"rejected":[{{Bad}}]}""", "\"chosen\" is null")]
    [InlineData($$"""{"chosen":[{{User}},{"role":"assistant","content":null}],"rejected":[{{User}},{{Bad}}]}""", "the content of message 1 of \"chosen\" is null")]
    [InlineData($$"""{"chosen":[{"role":"user","content":[{"type":"text","text":"q"}]},{{Good}}],"rejected":[{{User}},{{Bad}}]}""", "the field \"content\" must be text")]
    public void what_does_not_fit_together_is_told(string row, string sentence)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", row);
        var message = Assert.Throws<InputException>(() => PreferenceFile.Read(path)).Message;
        Assert.StartsWith($"{path} line 1: ", message, StringComparison.Ordinal);
        Assert.Contains(sentence, message, StringComparison.Ordinal);
    }

    [Fact]
    public void an_inspection_counts_what_training_would_take_and_refuse()
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", """
            {"prompt":"abc","chosen":"🙂","rejected":"ab"}
            {"prompt":"abcde","chosen":"same","rejected":"same","source":"x"}
            {"prompt":"abcde","chosen":" ","rejected":"b"}
            {"prompt":"","chosen":"a","rejected":"b"}
            {"prompt":"p","chosen":"a","rejected":null}
            {"prompt":" ","chosen":"a","rejected":"b"}
            {"instruction":"q","output_1":"no","output_2":"yes","preference":1.5}
            {"prompt":"p
            {"prompt":"never seen","chosen":"a","rejected":"b"}
            """);
        var found = DataInspection.Of(path);
        Assert.Equal(("JSONL", 7, 3, 1, 1, 1), (found.Format, found.Rows, found.Pairs, found.EqualPairs, found.EmptyAnswers, found.Ties));
        Assert.Equal(["prompt", "chosen", "rejected", "source", "instruction", "output_1", "output_2", "preference"], found.Columns);
        Assert.Equal((3, 5, 5, 5), (found.Characters!.Prompt.Least, found.Characters.Prompt.Median, found.Characters.Prompt.Upper, found.Characters.Prompt.Most));
        Assert.Equal((1, 4), (found.Characters.Chosen.Least, found.Characters.Chosen.Most));
        Assert.Equal(3, found.Characters.Prompt.Histogram.Sum());
        Assert.Null(found.Tokens);
        Assert.Equal([2, 1, 1], found.Problems.Select(problem => problem.Rows));
        Assert.Equal(["line 4", "line 6"], found.Problems[0].Places);
        Assert.Contains(found.Problems, problem => problem.What.StartsWith("\"rejected\" is null", StringComparison.Ordinal));
        Assert.Contains(found.Problems, problem => problem.What.Contains("Nothing behind it was looked at", StringComparison.Ordinal) && problem.Places[0] == "line 8");
    }

    [Fact]
    public void an_inspection_counts_tokens_as_training_does_and_says_what_its_template_refuses()
    {
        using var checkpoint = new TinyCheckpoint(
            TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 },
            template: "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}{{ '[' + m['role'] + ']' + m['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}");
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 0]}""");
        var path = checkpoint.Write("f.jsonl", """
            {"prompt":"What is tea?","chosen":"A drink.","rejected":"No, it is not that."}
            {"prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"Hello"}],"rejected":[{"role":"assistant","content":"No"}]}
            """);

        var found = DataInspection.Of(path, ModelFolder.LoadEncoding(checkpoint.Root));

        using var model = ModelFolder.Load(checkpoint.Root);
        var rows = CleanPipeline.Rows(PreferenceFile.Read(path).Records[0], model.Encoding, new(200, 100));
        Assert.Equal(
            (rows.PromptIds.Length, rows.Chosen.Response.Length, rows.Rejected.Response.Length),
            (found.Tokens!.Prompt.Most, found.Tokens.Chosen.Most, found.Tokens.Rejected.Most));
        Assert.Equal(rows.PromptIds.Length, found.Tokens.Prompt.Least);
        var problem = Assert.Single(found.Problems);
        Assert.Equal((1, "line 2", "The chat template refuses these messages: no system turn"), (problem.Rows, problem.Places[0], problem.What));

        File.WriteAllText(checkpoint.Place("tokenizer_config.json"), "{}");
        var without = DataInspection.Of(path, ModelFolder.LoadEncoding(checkpoint.Root));
        Assert.Null(without.Tokens);
        Assert.Equal(2, Assert.Single(without.Problems).Rows);
    }

    [SkippableFact]
    public void every_parquet_row_is_counted_once()
    {
        var path = Golden.Outside("parquet", "duckdb-snappy.parquet");
        Skip.If(path is null, "fixtures/parquet is not there");
        var found = DataInspection.Of(path);
        Assert.Equal(("Parquet", 60), (found.Format, found.Rows));
        Assert.Equal(60, found.Pairs + found.Ties + found.Problems.Sum(problem => problem.Rows));
        Assert.All(found.Problems.SelectMany(problem => problem.Places), place => Assert.StartsWith("row ", place, StringComparison.Ordinal));
    }
}
