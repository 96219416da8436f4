using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Research.Sampling;
using Selm.Research.Tests.Models;
using Selm.Tests;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Data;

/// <summary>Prompt and response are encoded together and cut where the prompt ends.</summary>
public class BoundaryTests(ITestOutputHelper output)
{
    private const string Zephyr =
        "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

    private const string Llama2 =
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}";

    private static readonly LlamaConfig wide = TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 };
    private static readonly ChatMessage[] question = [new("user", "What is the best way to learn a language?")];

    private static readonly string[] answers =
        ["Read a little every day.", "", " Read", "Read\n", "1. one\n2. two", "été 日本 🙂", "day </s> and on", "\n\nRead", "Read."];

    [Theory]
    [InlineData(Zephyr, false)]
    [InlineData(TinyCheckpoint.Template, false)]
    [InlineData(Llama2, true)]
    public void an_answer_has_the_ids_that_it_has_inside_its_chat(string template, bool spaced)
    {
        using var checkpoint = new TinyCheckpoint(wide, template: template);
        using var model = ModelFolder.Load(checkpoint.Root);
        var prompt = model.PromptIds(question);
        foreach (var answer in answers)
        {
            // As transformers does it: the whole chat as one text. What a template writes after the end token is not the answer's.
            var whole = model.WholeIds([.. question, new("assistant", answer)]);
            Assert.Equal(prompt, whole[..prompt.Length]);
            var response = model.ResponseIds(question, answer);
            Assert.Equal(whole[prompt.Length..][..response.Length], response);
            Assert.Equal(2, response[^1]);
            Assert.Equal(response.Length, Array.LastIndexOf(whole, 2) + 1 - prompt.Length);
        }
        Assert.Equal(spaced, model.Tokenizer.TokenOf(model.ResponseIds(question, answers[0])[0]).StartsWith('\u2581'));
    }

    [Theory]
    [InlineData(Zephyr)]
    [InlineData(Llama2)]
    public void a_row_renders_its_template_twice_and_once_per_answer_and_gives_the_same_ids(string template)
    {
        using var checkpoint = new TinyCheckpoint(wide, template: template);
        using var model = ModelFolder.Load(checkpoint.Root);
        var renders = 0;
        var counting = model.Encoding with
        {
            Render = (turns, marker) =>
            {
                renders++;
                return model.Encoding.Render(turns, marker);
            },
        };
        var (prompt, responses) = counting.Row(question, answers, new(200, 100));
        Assert.Equal(2 + answers.Length, renders);
        Assert.Equal(model.PromptIds(question), prompt);
        Assert.Equal(answers.Select(answer => model.ResponseIds(question, answer)), responses);
        renders = 0;
        CleanPipeline.Rows(PreferenceRecord.FromTexts(question[0].Content, answers[0], answers[1]), counting, new(200, 100));
        Assert.Equal(4, renders);
    }

    [Fact]
    public void log_probs_and_training_see_one_and_the_same_sequence()
    {
        using var checkpoint = new TinyCheckpoint(wide, template: Zephyr);
        using var model = ModelFolder.Load(checkpoint.Root);
        ChatMessage[] chat = [.. question, new("assistant", answers[0])];
        var input = checkpoint.Write("in.jsonl", JsonSerializer.Serialize(new { messages = chat.Select(turn => new { role = turn.Role, content = turn.Content }) }));
        LogprobsFile.Run(model, input, checkpoint.Place("out.jsonl"));

        var (prompt, whole) = (model.PromptIds(question), model.WholeIds(chat));
        var end = Array.LastIndexOf(whole, 2) + 1;
        var expected = TokenLogps.Of(model.Model, [new SharedRow(prompt, [whole[prompt.Length..end]])]).Sums[0];
        Assert.Equal(expected, TinyCheckpoint.Rows(checkpoint.Place("out.jsonl"))[0].GetProperty("logprob").GetDouble(), 1e-6);

        var rows = CleanPipeline.Rows(PreferenceRecord.FromTexts(question[0].Content, answers[0], answers[1]), model.Encoding, new(200, 100));
        Assert.Equal(whole[..end], rows.Chosen.InputIds);
    }

    [Fact]
    public void a_template_that_trims_answers_is_followed_and_one_that_writes_no_end_gets_eos()
    {
        using var checkpoint = new TinyCheckpoint(wide, template: "{% for m in messages %}{{ m['role'] + ':' + (m['content'] | trim) + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}");
        using var model = ModelFolder.Load(checkpoint.Root);
        Assert.Equal(model.ResponseIds(question, "Read"), model.ResponseIds(question, "  Read \n"));
        Assert.Equal(2, model.ResponseIds(question, "Read")[^1]);
    }

    [Fact]
    public void an_answer_ends_with_the_turn_s_own_end_where_the_folder_names_it()
    {
        using var checkpoint = new TinyCheckpoint(wide, template: "{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] + '<unk>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}");
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 0]}""");
        using var model = ModelFolder.Load(checkpoint.Root);
        Assert.Equal(0, model.ResponseIds(question, "Read")[^1]);
        Assert.DoesNotContain(2, model.ResponseIds(question, "Read"));
    }

    /// <summary>Tokens reach over the border of many of these; the prompt's ids stay those that sampling sees all the same.</summary>
    [Theory]
    [InlineData("hf-tokenizer-json/byte-level-gpt2-style")]
    [InlineData("hf-tokenizer-json/byte-level-llama3-style")]
    [InlineData("hf-tokenizer-json/sentencepiece-llama2-style")]
    [InlineData("sentencepiece/bpe-llama-like.model")]
    [InlineData("sentencepiece/unigram-bytefallback.model")]
    public void prompt_and_response_read_back_as_the_text_of_both_wherever_it_is_cut(string name)
    {
        var tokenizer = Tokenizer.Load(Golden.Path(["tokenizers", .. name.Split('/')]));
        var encoding = new TextEncoding(text => tokenizer.Encode(text), tokenizer.BosId, tokenizer.EosId ?? 2, (_, _) => throw new NotSupportedException());
        var text = "The quick brown fox: what is the best way?\n\nRead a little every day, 1. one\n2. two  and three";
        if (name.Contains("unigram", StringComparison.Ordinal))
        {
            text = text.Replace("\n\n", " ", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal).Replace("  ", " ", StringComparison.Ordinal); // it makes one space of each
        }
        var straddled = 0;
        for (var cut = 1; cut < text.Length; cut++)
        {
            var (before, after) = (text[..cut], text[cut..]);
            var (prompt, whole) = (tokenizer.Encode(before), tokenizer.Encode(text));
            straddled += whole.AsSpan().StartsWith(prompt) ? 0 : 1;
            var response = encoding.Response(before, after);
            Assert.Equal(encoding.EosId, response[^1]);
            Assert.Equal(text, tokenizer.Decode([.. prompt, .. response[..^1]]).TrimStart(' '));
        }
        output.WriteLine($"{name}: a token reaches over the border at {straddled} of {text.Length - 1} places");
        Assert.InRange(straddled, 1, text.Length - 2);
    }

    [Theory]
    [InlineData(Zephyr)]
    [InlineData(TinyCheckpoint.Template)]
    public void ids_of_a_sampled_answer_survive_the_way_to_text_and_back_where_the_text_has_one_encoding(string template)
    {
        using var checkpoint = new TinyCheckpoint(wide, template: template);
        using var model = ModelFolder.Load(checkpoint.Root);
        // An answer in the tokenizer's own segmentation comes back as it is, but for a space at its start, which decoding drops.
        foreach (var answer in answers.Where(answer => !answer.Contains("</s>", StringComparison.Ordinal) && !answer.StartsWith(' ')))
        {
            var ids = model.ResponseIds(question, answer);
            Assert.Equal(ids, model.ResponseIds(question, model.Text(ids)));
        }

        // Greedy answers of a random model: half characters have no text, and a text has other segmentations.
        ChatMessage[][] chats = [.. Enumerable.Range(0, 24).Select(i => new[] { new ChatMessage("user", $"Question {i}") })];
        var generations = ResponseGenerator.Generate(model.Model, [.. chats.Select(chat => model.PromptIds(chat))], new SamplingOptions(MaxNewTokens: 6), endIds: model.EndIds);
        var (same, broken, other) = (0, 0, 0);
        foreach (var (chat, generation) in chats.Zip(generations))
        {
            var ids = generation.OutputIds;
            var body = ids[^1] == 2 ? ids[..^1] : ids;
            var text = model.Text(body);
            var again = model.ResponseIds(chat, text);
            if (again[..^1].AsSpan().SequenceEqual(body))
            {
                same++;
            }
            else if (text.Contains('\uFFFD', StringComparison.Ordinal) || body.Any(id => id < 3))
            {
                broken++;
            }
            else
            {
                other++;
                Assert.Equal(text, model.Text(again)); // another segmentation of the same text
                Assert.Equal(again, model.ResponseIds(chat, model.Text(again)));
            }
        }
        output.WriteLine($"{same} answers come back with their ids, {other} in another segmentation, {broken} hold half characters or special tokens");
        Assert.Equal(generations.Length, same + broken + other);
    }
}
