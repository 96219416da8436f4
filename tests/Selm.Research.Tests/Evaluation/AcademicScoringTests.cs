using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Sampling;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public class AcademicScoringTests
{
    [SkippableTheory]
    [InlineData("zephyr-7b-beta")]
    [InlineData("mistral-7b-instruct-v0.1")]
    public void eq_bench_scores_are_the_benchmark_s_own(string model)
    {
        var path = Golden.Outside("benchmark-scoring", $"eq_bench_{model}.json");
        Skip.If(path is null, "benchmark-scoring is not there");
        var file = JsonElement.Parse(File.ReadAllBytes(path));
        var items = EqBench.Read(Golden.Outside("benchmark-samples", "eq_bench_v2_171.jsonl")!).ToDictionary(item => item.Id);
        var scores = new List<EqBenchScore>();
        foreach (var row in file.GetProperty("rows").EnumerateArray())
        {
            var (first, revised) = EqBench.Parse(row.GetProperty("text").GetString()!);
            Assert.Equal(Texts(row.GetProperty("parsed_first_pass")), first);
            Assert.Equal(Texts(row.GetProperty("parsed_revised")), revised);
            var score = EqBench.Score(row.GetProperty("text").GetString()!, items[row.GetProperty("id").GetString()!]);
            Assert.Equal(row.GetProperty("score_v2").GetProperty("first_pass_score").GetDouble(), score.FirstPass!.Value, 1e-12);
            Assert.Equal(row.GetProperty("score_v2").GetProperty("revised_score").GetDouble(), score.Revised!.Value, 1e-12);
            scores.Add(score);
        }
        var (expected, total) = (file.GetProperty("benchmark_results"), EqBench.Total(scores));
        Assert.Equal(expected.GetProperty("first_pass_score").GetDouble(), total.FirstPass, 1e-9);
        Assert.Equal(expected.GetProperty("revised_score").GetDouble(), total.Revised, 1e-9);
        Assert.Equal(expected.GetProperty("final_parseable").GetInt32(), total.Parseable);
        Assert.All(EqBench.Measures(scores).Zip([total.Score, total.FirstPass, total.Revised]), pair => Assert.Equal(pair.Second, pair.First.Value, 1e-9));
        Assert.Equal(file.GetProperty("final_score_and_parseable")[0].GetDouble(), Math.Round(total.Score, 2));
    }

    [Fact]
    public void an_eq_bench_answer_is_scored_by_its_distance_from_the_reference()
    {
        var reference = new Dictionary<string, double> { ["calm"] = 0, ["angry"] = 9, ["sad"] = 2, ["proud"] = 0 };
        string Answer(string scores, string revised) => $"**First pass scores:**\n{scores}\n\nCritique: none\n\n## Revised scores:\n{revised}\n";
        var item = new EqBenchItem("1", "..", reference);
        const string Perfect = "Calm: 0\nAngry: 9\nSad: 2\nProud: 0";

        Assert.Equal(new EqBenchScore("1", 10, 10), EqBench.Score(Answer(Perfect, Perfect), item));
        Assert.Equal(10 - (0.7477 * 3.25), EqBench.Score(Answer(Perfect.Replace("Calm: 0", "Calm: 4"), Perfect), item).FirstPass!.Value, 1e-12);
        Assert.Equal(10 - (0.7477 * 8), EqBench.Score(Answer(Perfect.Replace("Calm: 0", "Calm: 8"), Perfect), item).FirstPass!.Value, 1e-12);
        Assert.Null(EqBench.Score(Answer(Perfect.Replace("Calm", "Bored"), Perfect), item).FirstPass);
        Assert.Null(EqBench.Score("I would rather not.", item).FirstPass);
    }

    [Fact]
    public void the_revised_pass_counts_only_if_enough_of_it_can_be_read()
    {
        EqBenchScore[] few = [new("1", 5, 9), new("2", 5, null)];
        EqBenchScore[] all = [new("1", 5, 9), new("2", 5, 6)];

        Assert.Equal(new EqBenchResult(50, 2, 50, 2, 90, 1), EqBench.Total(few));
        Assert.Equal(new EqBenchResult(75, 2, 50, 2, 75, 2), EqBench.Total(all));
    }

    [SkippableFact]
    public void gsm8k_answers_are_extracted_as_by_the_benchmark()
    {
        var path = Golden.Outside("benchmark-scoring", "gsm8k_extract.json");
        Skip.If(path is null, "benchmark-scoring is not there");
        var rows = JsonElement.Parse(File.ReadAllBytes(path)).EnumerateArray().ToList();
        Assert.All(rows, row =>
        {
            string Text(string name) => row.GetProperty(name).GetString()!;
            Assert.Equal(Text("gold_extracted"), Gsm8k.Extract(Text("gold_answer")));
            Assert.Equal(Text("extracted"), Gsm8k.Extract(Text("completion")));
            Assert.Equal(row.GetProperty("is_correct").GetBoolean(), Gsm8k.IsCorrect(Text("completion"), Text("gold_answer")));
        });
        Assert.Equal(200, rows.Count);
    }

    [Theory]
    [InlineData("so\n#### 1,234", "1234", true, true)]
    [InlineData("so\n#### 1234.", "1234.", false, true)]
    [InlineData("It is 1,234.", "[invalid]", false, true)]
    [InlineData("no idea", "[invalid]", false, false)]
    [InlineData("#### 1234\n\nQuestion: What is 1 + 1?\nAnswer: 2", "1234", true, true)]
    public void a_gsm8k_answer_is_the_number_behind_the_hashes(string completion, string extracted, bool correct, bool last)
    {
        var score = Gsm8k.Score(completion, new Gsm8kItem("?", "1000 + 234 = 1234\n#### 1,234"));

        Assert.Equal((extracted, correct, last), (score.Extracted, score.Correct, score.CorrectLastNumber));
    }

    [Theory]
    [InlineData("2 + 2 = 4\n#### 4\nand so on 7", "2 + 2 = 4\n#### 4")]
    [InlineData("#### 4 ducks\n\n#### 5\n", "#### 4 ducks")]
    [InlineData("#### 4", "#### 4")]
    [InlineData("#### none\n#### 4\n5", "#### none\n#### 4")]
    [InlineData("It is 4.\n\nQuestion: What is 5?", "It is 4.\n\n")]
    [InlineData("It is\n4.", "It is\n4.")]
    public void a_gsm8k_answer_counts_up_to_its_final_line_or_the_next_question(string text, string counted)
    {
        Assert.Equal(counted, Gsm8k.Counted(text));
        // What was found stays found however the text goes on, so that decoding may stop there.
        Assert.All(Enumerable.Range(counted.Length + 1, Math.Max(0, text.Length - counted.Length)), length => Assert.StartsWith(counted, Gsm8k.Counted(text[..length]), StringComparison.Ordinal));
        Assert.Equal(counted, Gsm8k.Counted(counted));
    }

    [Fact]
    public void decoding_no_further_than_an_answer_counts_gives_the_texts_of_decoding_on_and_cutting()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 });
        using var model = ModelFolder.Load(checkpoint.Root);
        int[][] prompts = [.. Enumerable.Range(1, 11).Select(i => model.PromptIds(new string('a', i)))];
        SamplingOptions options = new(MaxNewTokens: 40);
        var whole = GeneratedAnswers.Of(model, prompts, options, null, batchSize: 4).Texts();
        var letter = whole.SelectMany(text => text.Skip(8)).GroupBy(c => c).MaxBy(group => group.Count())!.Key;
        var longest = 0;
        string Cut(string text)
        {
            longest = Math.Max(longest, text.Length);
            return text.IndexOf(letter, StringComparison.Ordinal) is >= 0 and var end ? text[..end] : text;
        }

        var alone = GeneratedAnswers.Of(model, prompts, options, null, batchSize: 4, cut: Cut).Texts();
        var read = longest;
        var kept = GeneratedAnswers.Of(model, prompts, options, checkpoint.Place("kept"), batchSize: 4, cut: Cut).Texts();

        Assert.Equal(whole.Select(Cut), alone);
        Assert.Equal(alone, kept);
        Assert.Equal(alone, GeneratedAnswers.Of(model, prompts, options, checkpoint.Place("kept"), batchSize: 4, cut: Cut).Texts());
        Assert.Contains(alone.Zip(whole), pair => pair.First.Length < pair.Second.Length);
        Assert.True(read < whole.Max(text => text.Length), "no row was read to its end");
    }

    [Fact]
    public void a_growing_answer_is_read_line_by_line_and_ends_where_the_whole_text_would_end()
    {
        using var checkpoint = new TinyCheckpoint();
        var tokenizer = Selm.HuggingFace.Tokenizers.Tokenizer.Load(checkpoint.Root);
        var line = "She has 5 - 2 = 3 apples of 1,800 and 12.\n";
        int End(int lines, string rest, out long read)
        {
            long characters = 0;
            var watch = new AnswerWatch(tokenizer, text =>
            {
                characters += text.Length;
                return Gsm8k.Counted(text);
            });
            var end = Array.FindIndex(tokenizer.Encode(string.Concat(Enumerable.Repeat(line, lines)) + rest), watch.EndsAt);
            read = characters;
            return end;
        }

        foreach (var rest in new[] { "#### 1,800\nand on and on", "Question: another one", "no number" })
        {
            var ids = tokenizer.Encode(line + line + rest);
            var whole = Enumerable.Range(1, ids.Length).FirstOrDefault(n => tokenizer.Decode(ids.AsSpan(0, n)) is var text && Gsm8k.Counted(text).Length < text.Length) - 1;
            // A line break is a byte token here, whose text is certain with the next token.
            Assert.InRange(End(2, rest, out _), whole, rest == "no number" ? -1 : whole + 1);
        }
        // Four times the tokens are four times the work.
        End(50, "", out var once);
        End(200, "", out var fourfold);
        Assert.InRange(fourfold, 3.9 * once, 4.1 * once);
    }

    [Fact]
    public void a_broken_row_is_refused_with_its_line()
    {
        using var folder = new TempFolder();
        void Refused(string text, string sentence, Action<string> read) =>
            Assert.Equal($"{folder.File("f.jsonl")} {sentence}", Assert.Throws<InputException>(() => read(folder.Write("f.jsonl", text))).Message);

        Refused("""{"question": "?", "answer": "1"}""", "line 1: \"answer\" does not end in \"#### number\"; complete it.", path => Gsm8k.Read(path));
        Refused("""{"ctx": "a"}""", "line 1: it has neither \"context\" nor \"activity_label\"; give HellaSwag's file.", path => ChoiceItems.Read(ChoiceTask.HellaSwag, path));
        Refused("""{"question": "a"}""", "line 1: it has neither \"Best Answer\" nor \"mc1_targets\" and \"mc2_targets\"; give TruthfulQA.csv or mc_task.json.", path => ChoiceItems.Read(ChoiceTask.TruthfulQa, path));
        Refused("""{"context": "a", "endings": ["b", "c"], "label": 2}""", "line 1: the label is 2, but there are 2 options, counted from 0; correct it.", path => ChoiceItems.Read(ChoiceTask.HellaSwag, path));
        Refused("\n" + """{"context": "a", "endings": ["b", " "], "label": 0}""", "line 2: the question or an option is empty; complete it or delete that line.", path => ChoiceItems.Read(ChoiceTask.HellaSwag, path));
        Refused("""{"id": "q", "question": {"stem": "?", "choices": [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}]}, "answerKey": "E"}""",
            "line 1: \"answerKey\" is E, which is the label of no choice; correct it.", path => ChoiceItems.Read(ChoiceTask.Arc, path));
        Refused("""{"id": "1", "prompt": "?", "reference_answer_fullscale": {"emotion1": "a"}}""", "line 1: the field \"emotion1_score\" is missing; add it.", path => EqBench.Read(path));
    }

    private static Dictionary<string, string> Texts(JsonElement json) => json.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.GetString()!);
}
