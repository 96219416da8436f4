// The public files of the multiple-choice benchmarks, each in the shape in which it is published, to one kind of item.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>A multiple-choice benchmark.</summary>
public enum ChoiceTask
{
    /// <summary>Ends of short scenes (Zellers et al. 2019).</summary>
    HellaSwag,

    /// <summary>Science questions, AI2 ARC (Clark et al. 2018).</summary>
    Arc,

    /// <summary>Questions over elementary facts (Mihaylov et al. 2018).</summary>
    OpenBookQa,

    /// <summary>Questions with popular false answers (Lin et al. 2022).</summary>
    TruthfulQa,
}

/// <summary>A question with options.</summary>
/// <param name="Id">Its name in the benchmark.</param>
/// <param name="Context">What the model reads before an option; the option follows after one space.</param>
/// <param name="Options">At least two, none empty.</param>
/// <param name="Label">Index of the right one; in TruthfulQA of the best one.</param>
/// <param name="IsTrue">Which options are true; only in TruthfulQA more than one.</param>
public sealed record ChoiceItem(string Id, string Context, IReadOnlyList<string> Options, int Label, IReadOnlyList<bool> IsTrue)
{
    /// <summary>The options that the right one must beat (accuracy, mc1), by index; the false ones where nothing else is said.</summary>
    public IReadOnlyList<int> Rivals { get; init; } = [.. IsTrue.Index().Where(option => !option.Item).Select(option => option.Index)];

    /// <summary>The options that share the probability (mc2), by index; all where nothing else is said.</summary>
    public IReadOnlyList<int> Sharing { get; init; } = [.. Enumerable.Range(0, Options.Count)];

    /// <summary>The item with its solution, as an example in front of others.</summary>
    public string Solved => $"{Context} {Options[Label]}";
}

/// <summary>Readers for the public files.</summary>
public static partial class ChoiceItems
{
    /// <summary>The shots of the paper's Table 2.</summary>
    public static int PaperShots(ChoiceTask task) => task switch
    {
        ChoiceTask.Arc => 25,
        ChoiceTask.TruthfulQa => 0,
        _ => 10,
    };

    /// <summary>
    /// Reads JSONL, a JSON list, gzip of either, Parquet or CSV, in the original shapes and those of the hub. HellaSwag: {context, endings, label} or
    /// {activity_label, ctx_a, ctx_b, endings, label}, the label a number or its digits; ARC and OpenBookQA: {id, question: {stem, choices: [{label, text}]},
    /// answerKey} or {id, question or question_stem, choices: {text: [..], label: [..]}, answerKey}; TruthfulQA: the columns Question,
    /// Best Answer, Correct Answers, Incorrect Answers, answers parted by semicolons, or {question, best_answer, correct_answers, incorrect_answers} with lists,
    /// or {question, mc1_targets, mc2_targets}, each {answer: 0 or 1} or {choices: [..], labels: [0 or 1, ..]}.
    /// </summary>
    /// <exception cref="InputException">The file is missing or a row is broken; names file and line.</exception>
    public static IReadOnlyList<ChoiceItem> Read(ChoiceTask task, string path)
    {
        var seen = new Dictionary<string, int>();
        var items = new List<ChoiceItem>();
        foreach (var row in RowFile.Read(path))
        {
            var item = task switch
            {
                ChoiceTask.HellaSwag => HellaSwag(row, items.Count),
                ChoiceTask.TruthfulQa when row.Has("mc1_targets") || row.Has("mc2_targets") => Targets(row, items.Count),
                ChoiceTask.TruthfulQa => TruthfulQa(row, items.Count),
                _ => Science(row, items.Count, task),
            };
            if (!seen.TryAdd(item.Id, row.Line))
            {
                throw row.Error($"the id {item.Id} of {row.Counted} {seen[item.Id]} is there again; keep one row of each question");
            }
            items.Add(Checked(row, item));
        }
        return items.Count > 0 ? items : throw new InputException($"{path} has no rows; give a list of objects with the benchmark's fields.");
    }

    private static ChoiceItem HellaSwag(JsonRow row, int number)
    {
        if (!row.Has("context") && !row.Has("activity_label"))
        {
            throw row.Error("it has neither \"context\" nor \"activity_label\"; give HellaSwag's file");
        }
        var context = row.TextOrNull("context") ?? Cleaned($"{row.Text("activity_label")}: {row.Text("ctx_a")} {Capitalised(row.TextOrNull("ctx_b") ?? "")}");
        return Single(row, row.WholeNumberOrNull("ind")?.ToString(CultureInfo.InvariantCulture) ?? $"{number}", context, [.. row.Texts("endings").Select(Cleaned)], Label(row));
    }

    // The hub writes the label as text, and an empty one where it is kept secret.
    private static int Label(JsonRow row)
    {
        if (!row.Has("label") || row.Field("label").ValueKind != JsonValueKind.String)
        {
            return row.WholeNumber("label");
        }
        var text = row.Text("label");
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var label)
            ? label
            : throw row.Error(text.Length == 0 ? "the label is empty, as in the test split; give the validation split" : $"the label is '{text}' and must be a number; correct it");
    }

    private static ChoiceItem Science(JsonRow row, int number, ChoiceTask task)
    {
        if (row.Has("choices"))
        {
            return FromHub(row, number, task);
        }
        var question = row with { Value = row.Field("question") };
        if (question.Value.ValueKind != JsonValueKind.Object)
        {
            throw row.Error("\"question\" must be an object with \"stem\" and \"choices\"; give the benchmark's JSONL file");
        }
        var choices = question.Items("choices").Select(choice => choice.ValueKind == JsonValueKind.Object
            ? row with { Value = choice }
            : throw row.Error("an element of \"choices\" is no object with \"label\" and \"text\"; correct that line")).ToList();
        return Science(row, number, task, question.Text("stem"), [.. choices.Select(choice => choice.Text("text"))], [.. choices.Select(choice => choice.Text("label"))]);
    }

    // The hub's shape: the choices as two lists side by side.
    private static ChoiceItem FromHub(JsonRow row, int number, ChoiceTask task)
    {
        var choices = row with { Value = row.Field("choices") };
        if (choices.Value.ValueKind != JsonValueKind.Object)
        {
            throw row.Error("\"choices\" must be an object with the lists \"text\" and \"label\"; give the benchmark's file");
        }
        var (texts, labels) = (choices.Texts("text"), choices.Texts("label"));
        return texts.Length == labels.Length
            ? Science(row, number, task, row.Text(row.Has("question_stem") ? "question_stem" : "question"), texts, labels)
            : throw row.Error($"\"choices\" has {texts.Length} texts and {labels.Length} labels; correct it");
    }

    private static ChoiceItem Science(JsonRow row, int number, ChoiceTask task, string stem, string[] texts, string[] labels)
    {
        var key = row.Text("answerKey");
        var label = Array.IndexOf(labels, key);
        return Single(
            row, row.TextOrNull("id") ?? $"{number}", task == ChoiceTask.Arc ? $"Question: {stem}\nAnswer:" : stem,
            texts, label >= 0 ? label : throw row.Error($"\"answerKey\" is {key}, which is the label of no choice; correct it"));
    }

    private static ChoiceItem TruthfulQa(JsonRow row, int number)
    {
        if (row.Has("best_answer"))
        {
            return TruthfulQa(row, number, row.Text("question"), row.Text("best_answer"), row.Texts("correct_answers"), row.Texts("incorrect_answers"));
        }
        if (!row.Has("Best Answer"))
        {
            throw row.Error("it has neither \"Best Answer\" nor \"mc1_targets\" and \"mc2_targets\"; give TruthfulQA.csv or mc_task.json");
        }
        return TruthfulQa(row, number, row.Text("Question"), row.Text("Best Answer"), Split(row.Text("Correct Answers")), Split(row.Text("Incorrect Answers")));
    }

    private static ChoiceItem TruthfulQa(JsonRow row, int number, string question, string bestAnswer, IEnumerable<string> correct, IEnumerable<string> incorrect)
    {
        var best = Closed(bestAnswer);
        string[] truths = [best, .. correct.Select(Closed).Where(answer => answer != best).Distinct()];
        var falsehoods = incorrect.Select(Closed).Distinct().ToArray();
        return falsehoods.Length > 0
            ? new($"{number}", $"Q: {question.Trim()}\nA:", [.. truths, .. falsehoods], 0, [.. truths.Select(_ => true), .. falsehoods.Select(_ => false)])
            : throw row.Error("there are no incorrect answers; give at least one");
    }

    // The two measures have option sets of their own: mc1 the best answer and its rivals, mc2 all true and false ones.
    private static ChoiceItem Targets(JsonRow row, int number)
    {
        var (first, second) = (Labels(row, "mc1_targets"), Labels(row, "mc2_targets"));
        if (first.Values.Count(label => label) != 1)
        {
            throw row.Error($"\"mc1_targets\" has {first.Values.Count(label => label)} answers with label 1; give exactly one");
        }
        if (!second.ContainsValue(true) || !second.ContainsValue(false))
        {
            throw row.Error("\"mc2_targets\" needs at least one answer with label 1 and one with label 0; complete it");
        }
        List<string> options = [.. first.Keys.Union(second.Keys)];
        return new($"{number}", $"Q: {row.Text("question").Trim()}\nA:", options, options.FindIndex(option => first.GetValueOrDefault(option)), [.. options.Select(second.GetValueOrDefault)])
        {
            Rivals = [.. first.Where(answer => !answer.Value).Select(answer => options.IndexOf(answer.Key))],
            Sharing = [.. second.Keys.Select(answer => options.IndexOf(answer))],
        };
    }

    private static Dictionary<string, bool> Labels(JsonRow row, string name)
    {
        var labels = new Dictionary<string, bool>();
        foreach (var (answer, value) in Answers(row, name))
        {
            labels[answer.Trim()] = value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var label) && label is 0 or 1
                ? label == 1
                : throw row.Error($"the label of '{answer}' in \"{name}\" is {value.GetRawText()} and must be 0 or 1; correct it");
        }
        return labels.Count >= 2 ? labels : throw row.Error($"\"{name}\" has {labels.Count} answers; give at least two");
    }

    // The original file has {answer: label}, the hub {choices: [answers], labels: [labels]}.
    private static IEnumerable<(string Answer, JsonElement Label)> Answers(JsonRow row, string name)
    {
        var targets = row with { Value = row.Field(name) };
        if (targets.Value.ValueKind != JsonValueKind.Object)
        {
            throw row.Error($"\"{name}\" must be an object of answers with label 0 or 1; correct it");
        }
        if (!targets.Has("labels") || targets.Field("labels").ValueKind != JsonValueKind.Array)
        {
            return targets.Value.EnumerateObject().Select(target => (target.Name, target.Value));
        }
        var (choices, labels) = (targets.Texts("choices"), targets.Items("labels"));
        return choices.Length == labels.Length
            ? choices.Zip(labels)
            : throw row.Error($"\"{name}\" has {choices.Length} choices and {labels.Length} labels; correct it");
    }

    private static ChoiceItem Single(JsonRow row, string id, string context, string[] options, int label) => label >= 0 && label < options.Length
        ? new(id, context, options, label, [.. options.Select((_, k) => k == label)])
        : throw row.Error($"the label is {label}, but there are {options.Length} options, counted from 0; correct it");

    private static ChoiceItem Checked(JsonRow row, ChoiceItem item)
    {
        if (string.IsNullOrWhiteSpace(item.Context) || item.Options.Any(string.IsNullOrWhiteSpace))
        {
            throw row.Error("the question or an option is empty; complete it or delete that line");
        }
        return item.Options.Count >= 2 ? item : throw row.Error("there is only one option; give at least two");
    }

    private static string[] Split(string answers) => answers.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    // Answers end in a full stop, as the benchmark's own program closes them.
    private static string Closed(string answer) => answer.Trim() is var text && text.EndsWith('.') ? text : $"{text}.";

    private static string Capitalised(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    // WikiHow's marks: " [title]" opens a sentence, other brackets go.
    private static string Cleaned(string text) =>
        Brackets().Replace(text.Trim().Replace(" [title]", ". ", StringComparison.Ordinal), "").Replace("  ", " ", StringComparison.Ordinal).Trim();

    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Brackets();
}
