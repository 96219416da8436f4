using Selm.HuggingFace.Chat;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>Single-answer grading of MT-Bench by an endpoint, with the benchmark's own prompts read from their public file.</summary>
public sealed class MtBenchJudge
{
    private const int LongestJudgement = 2048;

    private readonly Dictionary<string, (string System, string Template)> prompts;

    /// <summary>Reads {name, type, system_prompt, prompt_template} rows.</summary>
    /// <param name="path">FastChat's judge_prompts.jsonl.</param>
    /// <exception cref="InputException">The file is missing or broken, or lacks a prompt of single-answer grading.</exception>
    public MtBenchJudge(string path)
    {
        prompts = Jsonl.ReadByKey(path, row => row.Text("name"), row => (row.Text("system_prompt"), row.Text("prompt_template")));
        foreach (var name in new[] { "single-v1", "single-math-v1", "single-v1-multi-turn", "single-math-v1-multi-turn" })
        {
            if (!prompts.ContainsKey(name))
            {
                throw new InputException($"{path} has no prompt named {name}; give FastChat's judge_prompts.jsonl.");
            }
        }
    }

    /// <summary>The conversation that asks for the grade of one turn.</summary>
    /// <param name="question">The question; its reference is shown where the category needs one.</param>
    /// <param name="answer">The model's answers.</param>
    /// <param name="turn">1 or 2.</param>
    /// <exception cref="InputException">The category needs a reference and there is none.</exception>
    public IReadOnlyList<ChatMessage> Question(MtBenchQuestion question, MtBenchAnswer answer, int turn)
    {
        if (question.NeedsReference && question.Reference is null)
        {
            throw new InputException($"Question {question.Id} ({question.Category}) is graded beside a reference; give the file of reference answers.");
        }
        var name = (question.NeedsReference ? "single-math-v1" : "single-v1") + (turn == 2 ? "-multi-turn" : "");
        var (system, template) = prompts[name];
        return [new("system", system), new("user", Templates.Fill(template, new Dictionary<string, string>
        {
            ["question"] = question.Turns[0],
            ["answer"] = answer.Turns[0],
            ["question_1"] = question.Turns[0],
            ["answer_1"] = answer.Turns[0],
            ["question_2"] = question.Turns[1],
            ["answer_2"] = answer.Turns[1],
            ["ref_answer_1"] = question.Reference?[0] ?? "",
            ["ref_answer_2"] = question.Reference is [_, var second, ..] ? second : "",
        }))];
    }

    /// <summary>
    /// Grades all answers and writes the grades in FastChat's form. Until the file is whole it is called NAME.partial.jsonl and has
    /// the score -1 where nothing is graded yet.
    /// </summary>
    /// <param name="endpoint">The judge.</param>
    /// <param name="model">Who answered.</param>
    /// <param name="questions">The questions.</param>
    /// <param name="answers">The answers; each belongs to a question.</param>
    /// <param name="path">Where the grades go.</param>
    /// <param name="parallel">How many are graded at once.</param>
    /// <param name="progress">Is told about grades.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <returns>A grade of each turn of each answer; a judgement without a rating from 1 to 10 has the score -1 and is asked for again next time.</returns>
    /// <exception cref="InputException">An answer belongs to no question, the endpoint gives up (its cache keeps what was graded), nothing was graded, or the file cannot be written.</exception>
    /// <exception cref="StoppedException">Grading was interrupted.</exception>
    public async Task<IReadOnlyList<MtBenchGrade>> GradeAsync(
        ChatEndpoint endpoint, string model, IReadOnlyList<MtBenchQuestion> questions, IReadOnlyList<MtBenchAnswer> answers, string path, int parallel = 1,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var byId = questions.ToDictionary(question => question.Id);
        if (answers.FirstOrDefault(answer => !byId.ContainsKey(answer.QuestionId)) is { } stranger)
        {
            throw new InputException($"There is an answer to question {stranger.QuestionId}, which is not among the questions; use the files of one benchmark.");
        }
        var work = answers.SelectMany(answer => new[] { (Answer: answer, Turn: 1), (Answer: answer, Turn: 2) }).ToArray();
        MtBenchGrade[] grades = [.. work.Select(item => new MtBenchGrade(item.Answer.QuestionId, model, item.Turn, item.Answer.Run, MtBench.NoScore, ""))];
        await PartialFile.WriteAsync(
            path, "grades", () => grades.Count(grade => grade.Score != MtBench.NoScore), progress,
            saving => Concurrent.ForAsync(
                work.Length, parallel, "grade", saving, i => new ValueTask<JudgeReply>(endpoint.AskAsync(
                    Question(byId[work[i].Answer.QuestionId], work[i].Answer, work[i].Turn), LongestJudgement,
                    $"question {work[i].Answer.QuestionId}, turn {work[i].Turn}", reply => Rating(reply) != MtBench.NoScore, cancellation: cancellation)),
                (i, reply) => grades[i] = grades[i] with { Score = Rating(reply), Judgment = reply.Text }, cancellation),
            place => Jsonl.Write(place, grades)).ConfigureAwait(false);
        return grades;
    }

    // A number in single brackets may be anything in a text that was cut before its end.
    private static double Rating(JudgeReply reply) =>
        MtBench.Score(reply.Text) is >= 1 and <= 10 and var score && !(reply.IsCut && !MtBench.IsRated(reply.Text)) ? score : MtBench.NoScore;
}
