using System.Globalization;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>A model's answer to a prompt.</summary>
/// <param name="Prompt">The prompt's number, from 0.</param>
/// <param name="Text">Its text, or what counts of it.</param>
/// <param name="Ids">What the model wrote, the id that ends it included where it was reached.</param>
internal readonly record struct GeneratedAnswer(int Prompt, string Text, int[] Ids);

/// <summary>Answers to a benchmark's prompts. With a folder they are kept, so that nothing is generated twice and a killed run goes on.</summary>
internal static class GeneratedAnswers
{
    /// <summary>One answer per prompt, in order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Token ids of each prompt; too long ones lose their beginning.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="folder">Where answers are kept under a name made of the model's identity, prompts and options; null keeps none.</param>
    /// <param name="batchSize">Prompts decoded together, of similar length.</param>
    /// <param name="progress">Is told about finished prompts.</param>
    /// <param name="cut">
    /// What counts of a text, a beginning of it that does not change when the text grows and whose end shows in the line where it
    /// stands: an answer is decoded no further than that, and kept without the rest. Null keeps all.
    /// </param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">A prompt is empty, an option is out of range, or the folder is not writable.</exception>
    internal static GeneratedAnswer[] Of(
        ModelFolder model, IReadOnlyList<int[]> prompts, SamplingOptions options, string? folder, int batchSize,
        IProgress<StepProgress>? progress = null, Func<string, string>? cut = null, CancellationToken cancellation = default)
    {
        options.Validate();
        var room = Math.Max(1, model.Model.Config.MaxPositionEmbeddings - options.MaxNewTokens);
        int[][] fitting = [.. prompts.Select(prompt => prompt[Math.Max(0, prompt.Length - room)..])];
        int[] order = [.. Enumerable.Range(0, fitting.Length).OrderBy(i => fitting[i].Length)];
        Func<Func<int, bool>>? stop = cut is null ? null : () => new AnswerWatch(model.Tokenizer, cut).EndsAt;
        IEnumerable<GeneratedAnswer> Work(int at, int count)
        {
            int[] places = [.. order.Skip(at).Take(count)];
            var generations = ResponseGenerator.Generate(model.Model, [.. places.Select(i => fitting[i])], options, batchSize, model.EndIds, firstRow: at, stop: stop, cancellation: cancellation);
            progress?.Report(new StepProgress("answers", at + count, fitting.Length));
            return places.Zip(generations, (i, generation) => new GeneratedAnswer(i, model.Text(generation.OutputIds) is var text && cut is not null ? cut(text) : text, generation.OutputIds));
        }

        var answers = new GeneratedAnswer[fitting.Length];
        foreach (var answer in folder is null
            ? Enumerable.Range(0, (fitting.Length + batchSize - 1) / batchSize).SelectMany(k => Work(k * batchSize, Math.Min(batchSize, fitting.Length - (k * batchSize))))
            : Kept(Path.Combine(folder, "answers", $"{Name(model, fitting, options, batchSize, cut is not null)}.jsonl"), fitting.Length, batchSize, Work))
        {
            answers[answer.Prompt] = answer;
        }
        return answers;
    }

    /// <summary>The texts of the answers.</summary>
    internal static string[] Texts(this IEnumerable<GeneratedAnswer> answers) => [.. answers.Select(answer => answer.Text)];

    /// <summary>A single question through the chat template where the model has one, else as plain text.</summary>
    internal static int[] Question(ModelFolder model, string question) =>
        model.ChatTemplate is null ? model.PromptIds(question) : model.PromptIds([new ChatMessage("user", question)]);

    private static IEnumerable<GeneratedAnswer> Kept(string path, int count, int batchSize, Func<int, int, IEnumerable<GeneratedAnswer>> work)
    {
        if (!File.Exists(path))
        {
            ResumableRows.Write(path, count, batchSize, work);
        }
        return Jsonl.Read(path).Select(row => new GeneratedAnswer(row.WholeNumber("prompt"), row.Text("text"), row.WholeNumbers("ids")));
    }

    private static string Name(ModelFolder model, int[][] prompts, SamplingOptions options, int batchSize, bool cut) => ContentHash.Combine(
        [Identity.Of(model), options.ToString(), batchSize.ToString(CultureInfo.InvariantCulture), cut ? "cut" : "whole", .. prompts.Select(prompt => ContentHash.OfIds(prompt))])[..16];
}
