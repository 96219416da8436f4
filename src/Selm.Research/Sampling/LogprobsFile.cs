using Selm.HuggingFace.Models;
using Selm.Research.Runs;

namespace Selm.Research.Sampling;

/// <summary>The files of <c>selm logprobs</c>: rows of prompts and responses in, the same rows with log pi(y|x) out.</summary>
public static class LogprobsFile
{
    /// <summary>
    /// Reads rows {"input_ids", "response_start"}, {"messages"} (the last turn is the response) or {"prompt",
    /// "response"} and writes each with "logprob" and "token_logprobs" added: natural logs under the raw model, summed
    /// over and listed for the response's tokens, eos included. Text is encoded together with its prompt, cut where the prompt ends, and
    /// ends in eos whether it names it or not; an answer in messages ends as the chat template ends it.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="input">The JSONL file to read.</param>
    /// <param name="output">The JSONL file to write; it appears whole or not at all.</param>
    /// <param name="batchSize">Rows computed together, in the order of the file.</param>
    /// <param name="progress">Is told about finished rows.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>How many rows were written.</returns>
    /// <exception cref="InputException">A file cannot be read or written, or a row is broken; names file and line.</exception>
    public static int Run(
        ModelFolder model, string input, string output, int batchSize = 8, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var (rows, texts) = TextRows.Read(input, row => TextRows.PromptAndResponse(row, model), "{\"prompt\": .., \"response\": ..}");
        using var writer = new JsonlWriter(output);
        var done = 0;
        foreach (var batch in rows.Zip(texts).Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            var (sums, tokens) = TokenLogps.Of(model.Model, [.. batch.Select(item => new SharedRow(item.Second.InputIds[..item.Second.ResponseStart], [item.Second.Response.ToArray()]))]);
            var at = 0;
            foreach (var ((row, ids), sum) in batch.Zip(sums))
            {
                var end = at + ids.Response.Length;
                writer.Write(row.Plus(new { Logprob = sum, TokenLogprobs = tokens[at..end] }));
                at = end;
            }
            progress?.Report(new StepProgress("log-probs", done += batch.Length, rows.Count));
        }
        writer.Commit();
        return rows.Count;
    }
}
