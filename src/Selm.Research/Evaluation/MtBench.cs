// MT-Bench (Zheng et al. 2023): eighty questions of two turns, each answer graded from 1 to 10 by a judge. What is notable:
// the second turn is asked on top of the model's own first answer, and mathematical categories are judged beside a reference.
using System.Globalization;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>A question of two turns.</summary>
/// <param name="Id">Its number, 81 to 160.</param>
/// <param name="Category">writing, roleplay, reasoning, math, coding, extraction, stem or humanities.</param>
/// <param name="Turns">What is asked, first and second.</param>
/// <param name="Reference">Answers to both turns for the judge, or null.</param>
public sealed record MtBenchQuestion(int Id, string Category, IReadOnlyList<string> Turns, IReadOnlyList<string>? Reference)
{
    /// <summary>Whether the judge grades beside a reference.</summary>
    public bool NeedsReference => Category is "math" or "reasoning" or "coding";

    /// <summary>The published sampling temperature of the category.</summary>
    public double Temperature => Category switch
    {
        "writing" or "roleplay" => 0.7,
        "stem" or "humanities" => 0.1,
        _ => 0,
    };
}

/// <summary>A model's answers to both turns of a question in one run.</summary>
/// <param name="QuestionId">The question.</param>
/// <param name="Run">Counted from 0.</param>
/// <param name="Turns">The answers.</param>
public sealed record MtBenchAnswer(int QuestionId, int Run, IReadOnlyList<string> Turns);

/// <summary>The grade of one answer.</summary>
/// <param name="QuestionId">The question.</param>
/// <param name="Model">Who answered.</param>
/// <param name="Turn">1 or 2.</param>
/// <param name="Run">Counted from 0.</param>
/// <param name="Score">1 to 10; -1 where the judge gave none.</param>
/// <param name="Judgment">What the judge wrote.</param>
public sealed record MtBenchGrade(int QuestionId, string Model, int Turn, int Run, double Score, string Judgment);

/// <summary>MT-Bench's files, answers and averages.</summary>
public static partial class MtBench
{
    /// <summary>The score of a judgement without one.</summary>
    public const double NoScore = -1;

    /// <summary>Reads questions {question_id, category, turns} and, where given, references {question_id, choices: [{turns}]}.</summary>
    /// <exception cref="InputException">A file is missing or broken, a question is there twice, or one that needs a reference has none.</exception>
    public static IReadOnlyList<MtBenchQuestion> Read(string questions, string? references = null)
    {
        var known = references is null ? [] : Jsonl.ReadByKey(references, row => row.WholeNumber("question_id"), Choice);
        var found = new List<MtBenchQuestion>();
        var seen = new HashSet<int>();
        foreach (var row in Jsonl.Read(questions))
        {
            var question = new MtBenchQuestion(row.WholeNumber("question_id"), row.Text("category"), row.Texts("turns"), null);
            question = question with { Reference = known.GetValueOrDefault(question.Id) };
            if (question.Turns.Count != 2)
            {
                throw row.Error($"\"turns\" has {question.Turns.Count} questions; give two");
            }
            if (!seen.Add(question.Id))
            {
                throw row.Error($"question {question.Id} is there again; keep one row of it");
            }
            if (references is not null && question.NeedsReference && question.Reference is null)
            {
                throw row.Error($"question {question.Id} ({question.Category}) has no answer in {references}; add it");
            }
            found.Add(question);
        }
        return found.Count > 0 ? found : throw new InputException($"{questions} has no rows; give MT-Bench's questions.");
    }

    /// <summary>Answers both turns through the chat template, at the published temperature of each category.</summary>
    /// <param name="model">A model with tokenizer and chat template.</param>
    /// <param name="questions">The questions.</param>
    /// <param name="runs">How often; only categories with a temperature differ between runs.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="maxNewTokens">The longest answer [tokens].</param>
    /// <param name="folder">Where answers are kept, or null.</param>
    /// <param name="batchSize">Questions answered together.</param>
    /// <param name="progress">Is told about finished answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">The folder has no tokenizer or no chat template, or a file cannot be written.</exception>
    public static IReadOnlyList<MtBenchAnswer> Answer(
        ModelFolder model, IReadOnlyList<MtBenchQuestion> questions, int runs = 1, ulong seed = 0, int maxNewTokens = 1024, string? folder = null, int batchSize = 8,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var answers = new List<MtBenchAnswer>();
        foreach (var run in Enumerable.Range(0, runs))
        {
            foreach (var group in questions.GroupBy(question => question.Temperature))
            {
                string[] Turn(IEnumerable<ChatMessage[]> chats, ulong turn) => GeneratedAnswers.Of(
                    model, [.. chats.Select(chat => model.PromptIds(chat))],
                    new SamplingOptions(group.Key, MaxNewTokens: maxNewTokens, Seed: group.Key == 0 ? turn : (((seed * 1000) + (ulong)run) * 2) + turn), folder, batchSize, progress, cancellation: cancellation).Texts();

                MtBenchQuestion[] members = [.. group];
                var first = Turn(members.Select(question => new ChatMessage[] { new("user", question.Turns[0]) }), 0);
                var second = Turn(members.Zip(first, (question, answer) => new ChatMessage[] { new("user", question.Turns[0]), new("assistant", answer), new("user", question.Turns[1]) }), 1);
                answers.AddRange(members.Select((question, i) => new MtBenchAnswer(question.Id, run, [first[i], second[i]])));
            }
        }
        return [.. answers.OrderBy(answer => answer.Run).ThenBy(answer => answer.QuestionId)];
    }

    /// <summary>Reads answers in FastChat's form: {question_id, model_id, choices: [{index, turns}]}.</summary>
    /// <returns>The model's name and its answers; each choice is a run.</returns>
    /// <exception cref="InputException">The file is missing or broken, or holds several models.</exception>
    public static (string Model, IReadOnlyList<MtBenchAnswer> Answers) ReadAnswers(string path)
    {
        var answers = new List<MtBenchAnswer>();
        var seen = new HashSet<int>();
        string? model = null;
        foreach (var row in Jsonl.Read(path))
        {
            var name = row.Text("model_id");
            model ??= name;
            if (name != model)
            {
                throw row.Error($"model_id is {name} but {model} before; keep the answers of one model in a file");
            }
            var id = row.WholeNumber("question_id");
            if (!seen.Add(id))
            {
                throw row.Error($"question {id} is answered again; keep one row of it, with a choice for each run");
            }
            foreach (var (run, choice) in row.Items("choices").Index())
            {
                answers.Add(new(id, run, (row with { Value = choice }).Texts("turns") is [_, _] turns
                    ? turns
                    : throw row.Error("a choice does not have two turns; give both answers")));
            }
        }
        return model is null ? throw new InputException($"{path} has no rows; give a model's answers.") : (model, answers);
    }

    /// <summary>Writes answers in FastChat's form, one choice per run.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void WriteAnswers(string path, string model, IEnumerable<MtBenchAnswer> answers) => Jsonl.Write(path, answers.GroupBy(answer => answer.QuestionId).Select(group => new
    {
        QuestionId = group.Key,
        ModelId = model,
        Choices = group.OrderBy(answer => answer.Run).Select(answer => new { Index = answer.Run, answer.Turns }).ToArray(),
    }));

    /// <summary>Reads grades in FastChat's form: {question_id, model, turn, score, judgment}, optionally run.</summary>
    /// <exception cref="InputException">The file is missing or broken, or an answer is graded twice.</exception>
    public static IReadOnlyList<MtBenchGrade> ReadGrades(string path)
    {
        var grades = new List<MtBenchGrade>();
        var seen = new Dictionary<(string, int, int, int), int>();
        foreach (var row in Jsonl.Read(path))
        {
            var grade = new MtBenchGrade(
                row.WholeNumber("question_id"), row.Text("model"), row.WholeNumber("turn"), row.WholeNumberOrNull("run") ?? 0,
                row.NumberOrNull("score") ?? Score(row.Text("judgment")), row.TextOrNull("judgment") ?? "");
            var answer = (grade.Model, grade.QuestionId, grade.Turn, grade.Run);
            if (grade.Turn is not (1 or 2))
            {
                throw row.Error($"the turn is {grade.Turn} and must be 1 or 2; correct it");
            }
            if (!seen.TryAdd(answer, row.Line))
            {
                throw row.Error($"turn {grade.Turn} of question {grade.QuestionId} was graded in line {seen[answer]} already; keep one grade, or number them as \"run\"");
            }
            grades.Add(grade);
        }
        return grades.Count > 0 ? grades : throw new InputException($"{path} has no rows; give a judge's grades.");
    }

    /// <summary>The grade in a judgement: the first [[number]], else the first [number], else <see cref="NoScore"/>.</summary>
    public static double Score(string judgment)
    {
        var match = InTwo().Match(judgment) is { Success: true } twice ? twice : InOne().Match(judgment);
        return match.Success ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : NoScore;
    }

    /// <summary>Whether a judgement holds a grade in the form that the judge is asked for, [[number]].</summary>
    internal static bool IsRated(string judgment) => InTwo().IsMatch(judgment);

    /// <summary>The averages of one model: all, first turn, second turn; grades without a score are left out, and so is a turn without any. With several runs the error is over runs.</summary>
    /// <param name="grades">Of one model.</param>
    public static IReadOnlyList<Measure> Averages(IReadOnlyCollection<MtBenchGrade> grades)
    {
        MtBenchGrade[] scored = [.. grades.Where(grade => grade.Score != NoScore)];
        Measure[] averages = [Average("average", scored), Average("turn_1", scored.Where(grade => grade.Turn == 1)), Average("turn_2", scored.Where(grade => grade.Turn == 2))];
        return [.. averages.Where(average => average.N > 0)];
    }

    private static Measure Average(string name, IEnumerable<MtBenchGrade> grades)
    {
        var own = grades.ToList();
        double[] runs = [.. own.GroupBy(grade => grade.Run).Select(run => run.Average(grade => grade.Score))];
        return runs.Length > 1
            ? Measure.Mean(name, runs) with { Value = own.Average(grade => grade.Score), N = own.Count }
            : Measure.Mean(name, [.. own.Select(grade => grade.Score)]);
    }

    private static string[] Choice(JsonRow row) => row.Items("choices") is [var first, ..]
        ? (row with { Value = first }).Texts("turns")
        : throw row.Error("\"choices\" is empty; give an answer");

    [GeneratedRegex(@"\[\[([0-9]+\.?[0-9]*)\]\]")]
    private static partial Regex InTwo();

    [GeneratedRegex(@"\[([0-9]+\.?[0-9]*)\]")]
    private static partial Regex InOne();
}
