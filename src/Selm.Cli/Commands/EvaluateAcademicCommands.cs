using System.CommandLine;
using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate multiple-choice|gsm8k|eq-bench</c>: the academic suite of the paper's Table 2.</summary>
internal static class EvaluateAcademicCommands
{
    private static readonly Dictionary<string, ChoiceTask> tasks = new()
    {
        ["hellaswag"] = ChoiceTask.HellaSwag, ["arc"] = ChoiceTask.Arc, ["openbookqa"] = ChoiceTask.OpenBookQa, ["truthfulqa"] = ChoiceTask.TruthfulQa,
    };

    public static Command MultipleChoice()
    {
        var task = Values.Text("--task", "hellaswag|arc|openbookqa|truthfulqa", "Which benchmark the file holds");
        var input = Values.Text("--input", "F.jsonl|F.csv|F.json", "The benchmark's public file");
        var primer = Values.OptionalText("--primer", "P.txt", "Text before every question, such as TruthfulQA's fixed question-answer pairs");
        var run = new ModelRun();
        var command = new CliCommand(
            "multiple-choice",
            "HellaSwag, ARC, OpenBookQA or TruthfulQA by the log-likelihood of the options.",
            [
                "selm evaluate multiple-choice --task hellaswag --model demo/model --input hellaswag_val.jsonl --shots-from hellaswag_train.jsonl",
                "selm evaluate multiple-choice --task truthfulqa --model demo/model --input TruthfulQA.csv --primer primer.txt --out data/runs/evaluation",
            ],
            """
            hellaswag: {context, endings, label} or the original {activity_label, ctx_a, ctx_b, endings, label}; arc, openbookqa: {id, question: {stem,
            choices: [{label, text}]}, answerKey}; truthfulqa: columns Question, Best Answer, Correct Answers, Incorrect Answers, or mc_task.json's
            {question, mc1_targets, mc2_targets}. Files end in .jsonl, .csv or, for one JSON list, .json.
            accuracy takes the option with the largest log pi(option | context), accuracy_norm the largest per character; mc1: the best answer above
            every false one; mc2: the probability on true answers among all. Shots as in the paper: hellaswag 10, arc 25, openbookqa 10, truthfulqa 0.
            """)
        {
            task, input, primer,
        };
        run.AddTo(command, -1, "-1 takes the paper's number");
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(task);
            var kind = tasks.TryGetValue(name, out var known)
                ? known
                : throw new InputException($"There is no multiple-choice task '{name}'; did you mean '{NearestName.Of(name, tasks.Keys)}'?");
            var path = parsed.GetRequiredValue(input);
            var all = ChoiceItems.Read(kind, path);
            var items = EvaluationOptions.First(all, run.Limit(parsed));
            var text = parsed.GetValue(primer) is { } file ? $"{EvaluationOptions.ReadText(file).TrimEnd()}\n\n" : "";
            var shots = run.Shots(parsed, ChoiceItems.PaperShots(kind), all.Select(item => item.Solved), from => ChoiceItems.Read(kind, from).Select(item => item.Solved)) with { Primer = text };
            using var model = run.Open(parsed);
            var scores = ProgressView.Run(progress => Research.Evaluation.MultipleChoice.Score(model, items, shots, progress, Interrupt.Token));
            return run.Show(parsed, name, Research.Evaluation.MultipleChoice.Measures(kind, scores), model, [path, .. parsed.GetValue(primer) is { } given ? [given] : Array.Empty<string>()],
                [.. scores.Select(score => new ScoredItem(score.Id, 100 * (kind == ChoiceTask.TruthfulQa ? score.TrueMass : score.CorrectNormalised)))], shots);
        });
        return command;
    }

    public static Command Gsm8k()
    {
        var input = Values.Text("--input", "F.jsonl", "GSM8K's test file");
        var length = Values.Whole("--max-new-tokens", "N", "Longest answer in tokens", 256, least: 1);
        var run = new ModelRun();
        var command = new CliCommand(
            "gsm8k",
            "GSM8K: few-shot chains of thought, greedy, the number after #### against the solution's.",
            ["selm evaluate gsm8k --model demo/model --input gsm8k_test.jsonl --shots-from gsm8k_train.jsonl --out data/runs/evaluation"],
            """
            exact_match compares the number after "#### " as text; last_number takes the last number of the answer whatever stands before it.
            Decoding ends where an answer does: after the line of its final number, or where the model begins another question.
            Without --shots-from examples come from the evaluated file, never the question itself. With --out answers are kept: a killed run goes on.
            """)
        {
            input, length,
        };
        run.AddTo(command, Research.Evaluation.Gsm8k.PaperShots, "as in the paper");
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(input);
            var all = Research.Evaluation.Gsm8k.Read(path);
            var items = EvaluationOptions.First(all, run.Limit(parsed));
            var shots = run.Shots(parsed, 0, all.Select(item => item.Solved), from => Research.Evaluation.Gsm8k.Read(from).Select(item => item.Solved));
            using var model = run.Open(parsed);
            var scores = ProgressView.Run(progress => Research.Evaluation.Gsm8k.Run(
                model, items, shots, parsed.GetValue(length), run.Folder(parsed), run.BatchSize(parsed), progress, Interrupt.Token));
            Measure[] measures =
            [
                Measure.Percent("exact_match", [.. scores.Select(score => score.Correct ? 1.0 : 0)]),
                Measure.Percent("last_number", [.. scores.Select(score => score.CorrectLastNumber ? 1.0 : 0)]),
            ];
            return run.Show(parsed, "gsm8k", measures, model, [path], [.. scores.Select((score, i) => new ScoredItem($"{i}", score.Correct ? 100 : 0))], shots);
        });
        return command;
    }

    public static Command EqBench()
    {
        var input = Values.Text("--input", "F.jsonl", "EQ-Bench v2's questions with reference answers");
        var length = Values.Whole("--max-new-tokens", "N", "Longest answer in tokens", 512, least: 1);
        var run = new ModelRun();
        var command = new CliCommand(
            "eq-bench",
            "EQ-Bench v2: intensities of emotions in dialogues, 100 is perfect.",
            ["selm evaluate eq-bench --model demo/model --input eq_bench_v2.jsonl --out data/runs/evaluation"],
            """
            Answers are greedy, through the model's chat template where it has one. An answer that cannot be parsed has no score; the result is then
            partial and says how many.
            """)
        {
            input, length,
        };
        run.AddTo(command);
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(input);
            var items = EvaluationOptions.First(Research.Evaluation.EqBench.Read(path), run.Limit(parsed));
            using var model = run.Open(parsed);
            var scores = ProgressView.Run(progress => Research.Evaluation.EqBench.Run(
                model, items, parsed.GetValue(length), run.Folder(parsed), run.BatchSize(parsed), progress, Interrupt.Token));
            var total = Research.Evaluation.EqBench.Total(scores);
            return run.Show(parsed, "eq-bench", Research.Evaluation.EqBench.Measures(scores), model, [path], [.. scores.Select(score => new ScoredItem(score.Id, 10 * score.FirstPass))], null, items.Count - total.Parseable);
        });
        return command;
    }

    // The options of a benchmark that runs a model.
    private sealed class ModelRun
    {
        private readonly Option<string> model = EvaluationOptions.Model();
        private readonly Option<string?> from = Values.OptionalText("--shots-from", "T.jsonl", "Solved examples, such as the training file; otherwise the evaluated file's other items");
        private readonly Option<int> limit = EvaluationOptions.Limit(), batch = EvaluationOptions.BatchSize();
        private readonly Option<string> device = Devices.Option(), precision = Devices.PrecisionOption();
        private readonly EvaluationOptions shared = new();
        private Option<int>? shots;

        public void AddTo(Command command, int? otherwise = null, string meaning = "")
        {
            if (otherwise is { } number)
            {
                shots = Values.Whole("--shots", "N", $"Solved examples before each question; {meaning}", number, least: -1);
                command.Add(shots);
                command.Add(from);
            }
            foreach (var option in new Option[] { model, limit, batch, device, precision })
            {
                command.Add(option);
            }
            shared.AddTo(command);
        }

        public int Limit(ParseResult parsed) => parsed.GetValue(limit);

        public int BatchSize(ParseResult parsed) => parsed.GetValue(batch);

        public string? Folder(ParseResult parsed) => shared.Folder(parsed);

        public ModelFolder Open(ParseResult parsed) => ModelFolder.Load(
            parsed.GetRequiredValue(model), Devices.Precision(parsed.GetRequiredValue(precision)), DeviceName.Parse(parsed.GetRequiredValue(device)));

        public FewShot Shots(ParseResult parsed, int paper, IEnumerable<string> test, Func<string, IEnumerable<string>> read)
        {
            var count = parsed.GetValue(shots!) is >= 0 and var given ? given : paper;
            return parsed.GetValue(from) is { } file
                ? new FewShot([.. read(file)], count, shared.Seed(parsed))
                : new FewShot([.. test], count, shared.Seed(parsed), PoolIsTest: true);
        }

        public int Show(ParseResult parsed, string benchmark, IReadOnlyList<Measure> measures, ModelFolder opened, string[] inputs, IReadOnlyList<ScoredItem> items, FewShot? few, int missing = 0) =>
            shared.Show(parsed, new EvaluationResult(
                benchmark, shared.NameFor(parsed, benchmark, opened), measures,
                shared.Provenance(parsed, parsed.GetValue(from) is { } file ? [.. inputs, file] : inputs, opened))
            {
                Items = items,
                Missing = missing,
                Settings = few is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["shots"] = few.Shots.ToString(CultureInfo.InvariantCulture) },
                Notes = few is { PoolIsTest: true, Shots: > 0 } ? ["The solved examples come from the evaluated file itself; give --shots-from for published conditions."] : [],
            });
    }
}
