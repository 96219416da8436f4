using System.Globalization;
using Selm.Research.Alignment;
using Selm.Research.Data;
using Selm.Research.Models;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>Answers to a benchmark's prompts. With a folder they are kept, so that nothing is generated twice and a killed run goes on.</summary>
internal static class GeneratedAnswers
{
    /// <summary>One answer per prompt, in order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Token ids of each prompt; too long ones lose their beginning.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="folder">Where answers are kept under a name made of weights, prompts and options; null keeps none.</param>
    /// <param name="batchSize">Prompts decoded together, of similar length.</param>
    /// <param name="progress">Is told about finished prompts.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">A prompt is empty, an option is out of range, or the folder is not writable.</exception>
    internal static string[] Of(
        ModelFolder model, IReadOnlyList<int[]> prompts, SamplingOptions options, string? folder, int batchSize,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        var room = Math.Max(1, model.Model.Config.MaxPositionEmbeddings - options.MaxNewTokens);
        int[][] cut = [.. prompts.Select(prompt => prompt[Math.Max(0, prompt.Length - room)..])];
        int[] order = [.. Enumerable.Range(0, cut.Length).OrderBy(i => cut[i].Length)];
        IEnumerable<Answer> Work(int at, int count)
        {
            int[] places = [.. order.Skip(at).Take(count)];
            var generations = Generator.Generate(model.Model, [.. places.Select(i => cut[i])], options, batchSize, model.EndIds, firstRow: at, cancellation: cancellation);
            progress?.Report(new StepProgress("answers", at + count, cut.Length));
            return places.Zip(generations, (i, generation) => new Answer(i, model.Text(generation.OutputIds)));
        }

        var texts = new string[cut.Length];
        foreach (var answer in folder is null
            ? Enumerable.Range(0, (cut.Length + batchSize - 1) / batchSize).SelectMany(k => Work(k * batchSize, Math.Min(batchSize, cut.Length - (k * batchSize))))
            : Kept(Path.Combine(folder, "answers", $"{Name(model, cut, options, batchSize)}.jsonl"), cut.Length, batchSize, Work))
        {
            texts[answer.Prompt] = answer.Text;
        }
        return texts;
    }

    /// <summary>A single question through the chat template where the model has one, else as plain text.</summary>
    internal static int[] Question(ModelFolder model, string question) =>
        model.ChatTemplate is null ? model.PromptIds(question) : model.PromptIds([new ChatMessage("user", question)]);

    private static IEnumerable<Answer> Kept(string path, int count, int batchSize, Func<int, int, IEnumerable<Answer>> work)
    {
        if (!File.Exists(path))
        {
            ResumableRows.Write(path, count, batchSize, work);
        }
        return Jsonl.Read(path).Select(row => new Answer(row.WholeNumber("prompt"), row.Text("text")));
    }

    private static string Name(ModelFolder model, int[][] prompts, SamplingOptions options, int batchSize) =>
        ContentHash.Combine([model.WeightHash, options.ToString(), batchSize.ToString(CultureInfo.InvariantCulture), .. prompts.Select(prompt => ContentHash.OfIds(prompt))])[..16];

    private readonly record struct Answer(int Prompt, string Text);
}
