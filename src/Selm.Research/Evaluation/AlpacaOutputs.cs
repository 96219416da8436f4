using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>One answer of a model.</summary>
/// <param name="Instruction">What was asked.</param>
/// <param name="Output">The answer; may be empty.</param>
public readonly record struct AlpacaOutput(string Instruction, string Output)
{
    /// <summary>The instruction's number in the whole evaluation set, where the file holds a part of it and says so; else null.</summary>
    public int? Index { get; init; }
}

/// <summary>A model's answers to an evaluation set.</summary>
/// <param name="Path">The file.</param>
/// <param name="Generator">The model's name.</param>
/// <param name="Rows">In file order, each instruction once.</param>
public sealed record AlpacaOutputs(string Path, string Generator, IReadOnlyList<AlpacaOutput> Rows)
{
    /// <summary>
    /// Reads a public list [{instruction, output, generator}], the same as JSONL, or JSONL rows {instruction, outputs: {name: text}}
    /// of several models, one of which is named behind a hash: F.jsonl#name. A field index is the instruction's number in the
    /// whole evaluation set.
    /// </summary>
    /// <exception cref="InputException">The file is missing or broken, an instruction is there twice, or every answer is empty.</exception>
    public static AlpacaOutputs Read(string place)
    {
        var hash = place.LastIndexOf('#');
        var (path, name) = hash > 0 && !File.Exists(place) ? (place[..hash], place[(hash + 1)..]) : (place, null);
        var seen = new Dictionary<string, int>();
        var numbers = new HashSet<int>();
        var rows = new List<AlpacaOutput>();
        var generator = name;
        foreach (var row in RowFile.Read(path))
        {
            var instruction = row.Text("instruction");
            if (!seen.TryAdd(instruction, row.Line))
            {
                throw row.Error($"the instruction of {row.Counted} {seen[instruction]} is there again; keep one answer to each instruction");
            }
            var output = row.Has("outputs") ? Named(row, name) : row.Text("output");
            generator ??= row.TextOrNull("generator");
            var index = row.WholeNumberOrNull("index");
            if (index is { } number && !numbers.Add(number))
            {
                throw row.Error($"the index {number} is there again; give each instruction its own number, or leave the field out");
            }
            rows.Add(new(instruction, output) { Index = index });
        }
        if (rows.Count == 0)
        {
            throw new InputException($"{path} holds no answers; give a list of objects with instruction and output.");
        }
        return rows.Exists(row => row.Output.Length > 0)
            ? new(path, generator ?? System.IO.Path.GetFileNameWithoutExtension(path), rows)
            : throw new InputException($"{path}: every answer is empty; check how they were generated.");
    }

    /// <summary>The pairs of answers to the instructions of a baseline, in the baseline's order.</summary>
    /// <param name="baseline">The baseline's answers; its instructions are the evaluation set.</param>
    /// <returns>The instruction's index by the baseline's file, its place there where it gives none; instruction, baseline's answer, model's answer; instructions without an answer are left out.</returns>
    /// <exception cref="InputException">An answered instruction is not in the baseline's file, or none is.</exception>
    public IReadOnlyList<AnswerPair> Against(AlpacaOutputs baseline)
    {
        var own = Rows.ToDictionary(row => row.Instruction, row => row.Output);
        var known = baseline.Rows.Select(row => row.Instruction).ToHashSet();
        if (Rows.Where(row => !known.Contains(row.Instruction)).Select(row => row.Instruction).FirstOrDefault() is { } stranger)
        {
            throw new InputException($"{Path} answers '{Beginning(stranger)}', which is not in {baseline.Path}; use answers to one evaluation set.");
        }
        var numbered = baseline.Rows.All(row => row.Index is not null);
        return [.. baseline.Rows.Index().Where(row => own.ContainsKey(row.Item.Instruction))
            .Select(row => new AnswerPair(numbered ? row.Item.Index!.Value : row.Index, row.Item.Instruction, row.Item.Output, own[row.Item.Instruction]))];
    }

    /// <summary>Answers instructions greedily, through the chat template where the model has one.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="instructions">The evaluation set.</param>
    /// <param name="maxNewTokens">The longest answer [tokens].</param>
    /// <param name="batchSize">Instructions answered together.</param>
    /// <param name="folder">Where answers are kept, so that a killed run goes on; or null.</param>
    /// <param name="progress">Is told about finished answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>In the order of the instructions.</returns>
    /// <exception cref="InputException">The folder has no tokenizer, or a file cannot be written.</exception>
    public static IReadOnlyList<string> Generate(
        ModelFolder model, IReadOnlyList<string> instructions, int maxNewTokens = 2048, int batchSize = 8, string? folder = null,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default) =>
        GeneratedAnswers.Of(
            model, [.. instructions.Select(instruction => GeneratedAnswers.Question(model, instruction))],
            new SamplingOptions(MaxNewTokens: Math.Min(maxNewTokens, model.Model.Config.MaxPositionEmbeddings / 2)), folder, batchSize, progress, cancellation: cancellation).Texts();

    private static string Beginning(string text) => text.Length <= 60 ? text : $"{text[..60]}..";

    private static string Named(JsonRow row, string? name)
    {
        var outputs = row.Field("outputs");
        string[] names = outputs.ValueKind == JsonValueKind.Object ? [.. outputs.EnumerateObject().Select(output => output.Name)] : [];
        return name is not null && names.Contains(name)
            ? (row with { Value = outputs }).Text(name)
            : throw row.Error(name is null
                ? $"it holds the answers of several models; name one of them as {row.Path}#{(names.Length > 0 ? names[0] : "NAME")}"
                : $"it holds no answer of {name}; the nearest name there is {NearestName.Of(name, names) ?? "none"}");
    }
}

/// <summary>Two answers to one instruction.</summary>
/// <param name="Index">The instruction's number in the evaluation set.</param>
/// <param name="Instruction">What was asked.</param>
/// <param name="First">The first side's answer: the baseline's.</param>
/// <param name="Second">The second side's answer: the model's.</param>
public readonly record struct AnswerPair(int Index, string Instruction, string First, string Second);
