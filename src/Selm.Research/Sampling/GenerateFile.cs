using Selm.HuggingFace.Models;
using Selm.Research.Runs;

namespace Selm.Research.Sampling;

/// <summary>The files of <c>selm generate</c>: rows of prompts in, the same rows with a sampled response out.</summary>
public static class GenerateFile
{
    /// <summary>
    /// Reads rows {"input_ids"}, {"messages"} or {"prompt"} and writes each with "output_ids" (without the prompt, eos
    /// included where it was reached), "response" (their text; null where the folder has no tokenizer) and "logprob"
    /// (log pi(y|x) of the output ids under the raw model: no temperature, no filter) added.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="input">The JSONL file to read.</param>
    /// <param name="output">The JSONL file to write; it appears whole or not at all.</param>
    /// <param name="options">How tokens are chosen; draws depend on the seed and the row's number in the file only.</param>
    /// <param name="batchSize">Rows decoded together, in the order of the file.</param>
    /// <param name="progress">Is told about finished rows.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>How many rows were written.</returns>
    /// <exception cref="InputException">
    /// A file cannot be read or written, or a row is broken (names file and line); an option is out of range.
    /// </exception>
    public static int Run(
        ModelFolder model, string input, string output, SamplingOptions options, int batchSize = 8, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        options.Validate();
        var (rows, prompts) = TextRows.Read(input, row => TextRows.Prompt(row, model), "{\"prompt\": ..}");
        using var writer = new JsonlWriter(output);
        var generations = ResponseGenerator.Generate(model.Model, prompts, options, batchSize, model.EndIds, progress: progress, cancellation: cancellation);
        foreach (var (row, generation) in rows.Zip(generations))
        {
            writer.Write(row.Plus(new
            {
                generation.OutputIds,
                Response = model.HasTokenizer ? model.Text(generation.OutputIds) : null,
                Logprob = generation.Logp,
            }));
        }
        writer.Commit();
        return rows.Count;
    }
}
