using System.CommandLine;
using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate answers|judge|mt-bench</c>: benchmarks in which a judge decides.</summary>
internal static class EvaluateJudgedCommands
{
    public static Command Answers()
    {
        var model = EvaluationOptions.Model();
        var instructions = Values.Text("--instructions", "B.json", "Answers of the baseline, whose instructions are answered: a public list, JSONL, or F.jsonl#NAME");
        var output = Values.Text("--output", "O.json", "The public list of answers to write");
        var length = Values.Whole("--max-new-tokens", "N", "Longest answer in tokens", 2048, least: 1);
        var (batch, limit, device, precision) = (EvaluationOptions.BatchSize(), EvaluationOptions.Limit(), Devices.Option(), Devices.PrecisionOption());
        var command = new CliCommand(
            "answers",
            "Answers AlpacaEval's instructions with a model, greedily, in the public form.",
            ["selm evaluate answers --model demo/model --instructions baseline.json --output ours.json"])
        {
            model, instructions, output, length, batch, limit, device, precision,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(output);
            var rows = EvaluationOptions.First(AlpacaOutputs.Read(parsed.GetRequiredValue(instructions)).Rows, parsed.GetValue(limit));
            using var opened = ModelFolder.Load(parsed.GetRequiredValue(model), Devices.Precision(parsed.GetRequiredValue(precision)), DeviceName.Parse(parsed.GetRequiredValue(device)));
            var answers = ProgressView.Run(progress => AlpacaOutputs.Generate(
                opened, [.. rows.Select(row => row.Instruction)], parsed.GetValue(length), parsed.GetValue(batch), Path.GetDirectoryName(Path.GetFullPath(path)), progress, Interrupt.Token));
            var name = EvaluationOptions.NameOf(opened.Path);
            AtomicFile.WriteJson(path, rows.Zip(answers, (row, answer) => new { row.Instruction, Output = answer, Generator = name }));
            Console.Error.WriteLine($"{path}: {answers.Count} answers");
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command Judge()
    {
        var outputs = Values.Text("--outputs", "O.json", "The model's answers: a public list, JSONL, or F.jsonl#NAME");
        var baseline = Values.Text("--baseline", "B.json", "The baseline's answers in the same form; they are the evaluation set");
        var annotations = Values.Text("--annotations", "F.json", "Where the annotations go, in the public form");
        var judge = new JudgeOptions();
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "judge",
            "Lets a judge compare a model's answers with the baseline's, for selm evaluate alpaca-eval.",
            [
                "selm evaluate judge --outputs ours.json --baseline gpt4.json --judge https://api.openai.com/v1 --judge-model gpt-4-1106-preview --annotations annotations.json --out data/runs/evaluation",
                "selm evaluate judge --outputs ours.json --baseline theirs.json --judge pairrm:models/PairRM --annotations annotations.json",
            ],
            """
            The key of an endpoint is read from OPENAI_API_KEY. Verdicts are kept as they come (--judge-cache, or judge-cache.jsonl in --out, or beside the
            annotations): nothing is paid twice, and after an interruption or a failure the same command goes on. What is judged by then stands in
            F.partial.json, with preference null for the rest. An empty answer loses without being asked about.
            """)
        {
            outputs, baseline, annotations,
        };
        judge.AddTo(command);
        shared.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var path = parsed.GetRequiredValue(annotations);
            var (ours, theirs) = (AlpacaOutputs.Read(parsed.GetRequiredValue(outputs)), AlpacaOutputs.Read(parsed.GetRequiredValue(baseline)));
            using var opened = judge.Open(parsed, shared, path);
            var found = await JudgeOptions.RunAsync(progress => AlpacaJudging.RunAsync(ours, theirs, opened.Judge, path, opened.Parallel, progress, Interrupt.Token), () => opened.Notes);
            JudgeOptions.Say(opened.Notes);
            await Console.Error.WriteLineAsync(Sentence(path, found));
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command MtBench()
    {
        var questions = Values.Text("--questions", "Q.jsonl", "MT-Bench's questions");
        var references = Values.OptionalText("--references", "R.jsonl", "Reference answers for math, reasoning and coding");
        var prompts = Values.OptionalText("--judge-prompts", "P.jsonl", "FastChat's judge_prompts.jsonl");
        var model = Values.OptionalText("--model", "DIR", "A checkpoint with a chat template, to answer with");
        var answers = Values.OptionalText("--answers", "A.jsonl", "Answers in FastChat's form: read, or written where --model is given");
        var grades = Values.OptionalText("--grades", "G.jsonl", "Grades in FastChat's form: read where no --judge-prompts are given, else written");
        var runs = Values.Whole("--runs", "N", "Answers drawn for each question; the paper averages 3", 3, least: 1);
        var length = Values.Whole("--max-new-tokens", "N", "Longest answer in tokens", 1024, least: 1);
        var (batch, limit, device, precision) = (EvaluationOptions.BatchSize(), EvaluationOptions.Limit(), Devices.Option(), Devices.PrecisionOption());
        var judge = new JudgeOptions(required: false);
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "mt-bench",
            "MT-Bench: two-turn questions, answers graded from 1 to 10 by a judge, averages over turns and runs.",
            [
                "selm evaluate mt-bench --questions question.jsonl --model demo/model --answers answers.jsonl",
                "selm evaluate mt-bench --questions question.jsonl --references gpt-4.jsonl --answers answers.jsonl --judge-prompts judge_prompts.jsonl --judge https://api.openai.com/v1 --judge-model gpt-4 --grades grades.jsonl",
                "selm evaluate mt-bench --questions question.jsonl --grades grades.jsonl",
            ],
            """
            Three steps, each by itself or together: --model answers (published temperatures by category), --judge-prompts with --judge grades, and the
            grades are averaged. A judgement without a number from 1 to 10 has the score -1 and is left out; the result is then partial, and the same command
            asks for these grades again. When grading stops half-way, what is graded stands in G.partial.jsonl, and the same command goes on; no grade is
            paid twice.
            """)
        {
            questions, references, prompts, model, answers, grades, runs, length, batch, limit, device, precision,
        };
        judge.AddTo(command, ofPairs: false);
        shared.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var all = Research.Evaluation.MtBench.Read(parsed.GetRequiredValue(questions), parsed.GetValue(references));
            var asked = EvaluationOptions.First(all, parsed.GetValue(limit));
            bool LeftOut(int question) => all.Any(one => one.Id == question) && !asked.Any(one => one.Id == question);
            if (parsed.GetValue(model) is null && parsed.GetValue(prompts) is null && parsed.GetValue(grades) is null)
            {
                throw new InputException("There is nothing to do; give --model to answer, --judge-prompts to grade, or --grades to average.");
            }
            var given = parsed.GetValue(answers);
            if (parsed.GetValue(model) is { } folder)
            {
                var path = given ?? throw new InputException("--model needs --answers, the file to write its answers to.");
                using var opened = ModelFolder.Load(folder, Devices.Precision(parsed.GetRequiredValue(precision)), DeviceName.Parse(parsed.GetRequiredValue(device)));
                var drawn = ProgressView.Run(progress => Research.Evaluation.MtBench.Answer(
                    opened, asked, parsed.GetValue(runs), shared.Seed(parsed), parsed.GetValue(length), shared.Folder(parsed), parsed.GetValue(batch), progress, Interrupt.Token));
                Research.Evaluation.MtBench.WriteAnswers(path, EvaluationOptions.NameOf(folder), drawn);
                await Console.Error.WriteLineAsync($"{path}: {drawn.Count} answers");
            }
            IReadOnlyList<string> notes = [];
            if (parsed.GetValue(prompts) is { } promptFile)
            {
                var (name, texts) = Research.Evaluation.MtBench.ReadAnswers(given ?? throw new InputException("Grading needs --answers, the answers to grade."));
                var place = parsed.GetValue(grades) ?? throw new InputException("Grading needs --grades, the file to write the grades to.");
                using var endpoint = judge.Endpoint(parsed, shared, place);
                await JudgeOptions.RunAsync(progress => new MtBenchJudge(promptFile).GradeAsync(
                    endpoint, name, asked, [.. texts.Where(answer => !LeftOut(answer.QuestionId))], place, judge.Parallel(parsed), progress, Interrupt.Token), () => endpoint.Notes);
                notes = endpoint.Notes;
            }
            return parsed.GetValue(grades) is { } graded ? Averages(parsed, shared, graded, asked, LeftOut, notes) : SelmCommandLine.Success;
        });
        return command;
    }

    private static string Sentence(string path, AlpacaJudged found) => string.Join(", ", new[]
    {
        $"{path}: {found.Judged} judgements",
        found.Missing > 0 ? $"partial: {found.Unanswered} instructions have no answer and {found.WithoutPreference} no preference of the judge" : "",
        found.EmptyAnswers > 0 ? $"{found.EmptyAnswers} answers are empty" : "",
    }.Where(part => part.Length > 0));

    private static int Averages(ParseResult parsed, EvaluationOptions shared, string path, IReadOnlyList<MtBenchQuestion> questions, Func<int, bool> leftOut, IReadOnlyList<string> notes)
    {
        var code = SelmCommandLine.Success;
        MtBenchGrade[] grades = [.. Research.Evaluation.MtBench.ReadGrades(path).Where(grade => !leftOut(grade.QuestionId))];
        if (grades.FirstOrDefault(grade => questions.All(question => question.Id != grade.QuestionId)) is { } stranger)
        {
            throw new InputException($"{path} grades question {stranger.QuestionId}, which is not among the questions; use the files of one benchmark.");
        }
        foreach (var group in grades.GroupBy(grade => grade.Model))
        {
            var own = group.ToList();
            var runs = own.Select(grade => grade.Run).Distinct().Count();
            code = shared.Show(parsed, new EvaluationResult("mt-bench", group.Key, Research.Evaluation.MtBench.Averages(own), shared.Provenance(parsed, [path]))
            {
                Missing = (questions.Count * 2 * runs) - own.Count(grade => grade.Score != Research.Evaluation.MtBench.NoScore),
                Notes = notes,
                Settings = new Dictionary<string, string> { ["runs"] = runs.ToString(CultureInfo.InvariantCulture) },
                Items = [.. own.Select(grade => new ScoredItem($"{grade.QuestionId}/{grade.Turn}", grade.Score == Research.Evaluation.MtBench.NoScore ? null : grade.Score, grade.Run))],
            });
        }
        return code;
    }
}
