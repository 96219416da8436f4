using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public class MtBenchTests
{
    private static readonly string[] PromptNames = ["single-v1", "single-math-v1", "single-v1-multi-turn", "single-math-v1-multi-turn"];

    [SkippableFact]
    public void scores_and_averages_are_the_benchmark_s_own()
    {
        var path = Golden.Outside("benchmark-scoring", "mt_bench_single.json");
        Skip.If(path is null, "benchmark-scoring is not there");
        var file = JsonElement.Parse(File.ReadAllBytes(path));
        var grades = file.GetProperty("rows").EnumerateArray().Select(row =>
        {
            var text = row.GetProperty("judgment").GetString()!;
            Assert.Equal(row.GetProperty("score").GetDouble(), MtBench.Score(text));
            return new MtBenchGrade(row.GetProperty("question_id").GetInt32(), row.GetProperty("model").GetString()!, row.GetProperty("turn").GetInt32(), 0, MtBench.Score(text), text);
        }).ToList();
        var expected = file.GetProperty("result");
        foreach (var model in grades.GroupBy(grade => grade.Model))
        {
            var averages = MtBench.Averages([.. model]);
            Assert.Equal(expected.GetProperty("average").GetProperty(model.Key).GetDouble(), averages[0].Value, 1e-12);
            Assert.Equal(expected.GetProperty("first_turn").GetProperty(model.Key).GetDouble(), averages[1].Value, 1e-12);
            Assert.Equal(expected.GetProperty("second_turn").GetProperty(model.Key).GetDouble(), averages[2].Value, 1e-12);
        }
        Assert.Equal(160, grades.Count);
    }

    [Theory]
    [InlineData("Good. Rating: [[8]]", 8)]
    [InlineData("[[7.5]] rather than [[9]]", 7.5)]
    [InlineData("see [1]; Rating: [[6]]", 6)]
    [InlineData("Rating: [5]", 5)]
    [InlineData("No number here.", -1)]
    [InlineData("Rating: [[rating]]", -1)]
    public void the_first_number_in_double_brackets_is_the_score(string text, double score) => Assert.Equal(score, MtBench.Score(text));

    [Fact]
    public void judgements_without_a_score_are_left_out_and_runs_have_a_spread()
    {
        MtBenchGrade Grade(int turn, int run, double score) => new(81, "m", turn, run, score, "");
        var one = MtBench.Averages([Grade(1, 0, 8), Grade(2, 0, -1)]);
        var two = MtBench.Averages([Grade(1, 0, 8), Grade(2, 0, 6), Grade(1, 1, 9), Grade(2, 1, 9)]);

        Assert.Equal((8.0, 1), (one[0].Value, one[0].N));
        Assert.Equal(["average", "turn_1"], one.Select(average => average.Name));
        Assert.Equal((8.0, 1.0, 4), (two[0].Value, two[0].StandardError!.Value, two[0].N));
    }

    [Fact]
    public void the_second_turn_is_answered_on_top_of_the_first_and_runs_differ_where_there_is_a_temperature()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 });
        using var model = ModelFolder.Load(checkpoint.Root);
        MtBenchQuestion[] questions = [new(81, "writing", ["abc", "def"], null), new(111, "math", ["abc", "def"], null)];

        var answers = MtBench.Answer(model, questions, runs: 2, maxNewTokens: 8, folder: checkpoint.Place("kept"));
        var again = MtBench.Answer(model, questions, runs: 2, maxNewTokens: 8, folder: checkpoint.Place("kept"));

        Assert.Equal([(81, 0), (111, 0), (81, 1), (111, 1)], answers.Select(answer => (answer.QuestionId, answer.Run)));
        Assert.Equal(JsonSerializer.Serialize(answers), JsonSerializer.Serialize(again));
        Assert.Equal(answers[1].Turns, answers[3].Turns);
        Assert.NotEqual(answers[0].Turns, answers[2].Turns);
        Assert.Equal(6, Directory.GetFiles(checkpoint.Place("kept", "answers")).Length);
    }

    [Fact]
    public async Task answers_survive_their_file_and_every_turn_is_graded_with_its_own_prompt()
    {
        using var folder = new TempFolder();
        MtBenchQuestion[] questions = [new(81, "writing", ["first?", "second?"], null), new(111, "math", ["1+1?", "2+2?"], ["two", "four"])];
        MtBench.WriteAnswers(folder.File("a.jsonl"), "ours", [new(81, 0, ["a", "b"]), new(111, 0, ["{question_2}", "d"])]);
        var prompts = folder.Write("p.jsonl", string.Join('\n', PromptNames.Select(name =>
            $$$"""{"name": "{{{name}}}", "system_prompt": "S", "prompt_template": "{{{name}}}|{question}{question_1}|{answer}{answer_1}|{question_2}|{ref_answer_1}"}""")));
        using var server = new FakeEndpoint((number, _) => FakeEndpoint.Says(number == 4 ? "no score" : "Rating: [[7]]"));
        using var endpoint = new ChatEndpoint(server.Url, "judge", null, null);

        var (model, answers) = MtBench.ReadAnswers(folder.File("a.jsonl"));
        var grades = await new MtBenchJudge(prompts).GradeAsync(endpoint, model, questions, answers, folder.File("g.jsonl"));

        Assert.Equal([7, 7, 7, MtBench.NoScore], grades.Select(grade => grade.Score));
        Assert.Equal(grades, MtBench.ReadGrades(folder.File("g.jsonl")));
        Assert.Equal(
            ["single-v1|first?first?|aa|second?|", "single-v1-multi-turn|first?first?|aa|second?|", "single-math-v1|1+1?1+1?|{question_2}{question_2}|2+2?|two", "single-math-v1-multi-turn|1+1?1+1?|{question_2}{question_2}|2+2?|two"],
            server.Requests.Select(request => request.GetProperty("messages")[1].GetProperty("content").GetString()));
        Assert.Throws<InputException>(() => new MtBenchJudge(prompts).Question(questions[1] with { Reference = null }, answers[1], 1));
    }

    [Theory]
    [InlineData("Rating: [[7]]", false, 7)]
    [InlineData("Rating: [[7]] because", true, 7)]
    [InlineData("Rating: [7]", false, 7)]
    [InlineData("As [1] says, the answer", true, MtBench.NoScore)]
    [InlineData("Rating: [[11]]", false, MtBench.NoScore)]
    [InlineData("Rating: [[0]]", false, MtBench.NoScore)]
    [InlineData("", false, MtBench.NoScore)]
    public async Task a_grade_is_a_rating_on_the_scale_and_anything_else_is_asked_for_again(string reply, bool isCut, double score)
    {
        using var folder = new TempFolder();
        MtBenchQuestion[] questions = [new(81, "writing", ["first?", "second?"], null)];
        var prompts = folder.Write("p.jsonl", string.Join('\n', PromptNames.Select(name => $$$"""{"name": "{{{name}}}", "system_prompt": "S", "prompt_template": "{{{name}}}"}""")));
        using var server = new FakeEndpoint((number, _) => number == 2 ? FakeEndpoint.Says("[[5]]") : isCut ? FakeEndpoint.IsCutAfter(reply) : FakeEndpoint.Says(reply));
        async Task<double[]> Grade(ChatEndpoint endpoint) => [.. (await new MtBenchJudge(prompts).GradeAsync(endpoint, "ours", questions, [new(81, 0, ["a", "b"])], folder.File("g.jsonl"))).Select(grade => grade.Score)];
        using var endpoint = new ChatEndpoint(server.Url, "judge", null, folder.File("c.jsonl"));

        Assert.Equal([score, 5], await Grade(endpoint));
        Assert.Equal([score, 5], await Grade(endpoint));

        Assert.Equal(score == MtBench.NoScore ? 3 : 2, server.Count);
        Assert.Equal(score == MtBench.NoScore, endpoint.Notes is [var note] && note.Contains($"question 81, turn 1 (\"{reply}\"", StringComparison.Ordinal));
    }

    [Fact]
    public void doubled_answers_and_grades_are_refused_with_their_line()
    {
        using var folder = new TempFolder();
        void Refused(string rows, string sentence, Action<string> read) =>
            Assert.Equal($"{folder.File("f.jsonl")} {sentence}", Assert.Throws<InputException>(() => read(folder.Write("f.jsonl", rows))).Message);
        const string Answer = """{"question_id": 81, "model_id": "m", "choices": [{"turns": ["a", "b"]}]}""", Grade = """{"question_id": 81, "model": "m", "turn": 1, "score": 7}""";

        Refused($"{Answer}\n{Answer}", "line 2: question 81 is answered again; keep one row of it, with a choice for each run.", path => MtBench.ReadAnswers(path));
        Refused($"{Grade}\n{Grade}", "line 2: turn 1 of question 81 was graded in line 1 already; keep one grade, or number them as \"run\".", path => MtBench.ReadGrades(path));
        Refused(Grade.Replace("1, \"s", "3, \"s", StringComparison.Ordinal), "line 1: the turn is 3 and must be 1 or 2; correct it.", path => MtBench.ReadGrades(path));
        Assert.Equal(2, MtBench.ReadGrades(folder.Write("f.jsonl", $"{Grade}\n{Grade.Replace("7", "7, \"run\": 1", StringComparison.Ordinal)}")).Count);
    }

    [SkippableFact]
    public void the_real_files_are_read()
    {
        var folder = Golden.Outside("benchmark-samples");
        Skip.If(folder is null, "benchmark-samples is not there");
        var questions = MtBench.Read(Path.Combine(folder, "mt_bench_questions.jsonl"), Path.Combine(folder, "mt_bench_reference_gpt4.jsonl"));
        var judge = new MtBenchJudge(Path.Combine(folder, "mt_bench_judge_prompts.jsonl"));

        Assert.Equal((80, 30), (questions.Count, questions.Count(question => question.NeedsReference)));
        Assert.All(questions, question => Assert.DoesNotContain("{question", judge.Question(question, new MtBenchAnswer(question.Id, 0, ["one", "two"]), 2)[1].Content, StringComparison.Ordinal));
    }
}
