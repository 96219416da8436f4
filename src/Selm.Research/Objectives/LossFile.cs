using System.Text.Json;
using Selm.Research.Runs;

namespace Selm.Research.Objectives;

/// <summary>The files of <c>selm loss</c>: JSONL rows of log-probabilities in, the same rows with loss and gradient out.</summary>
public static class LossFile
{
    /// <summary>
    /// Reads rows {"policy_chosen", "policy_rejected", "policy_reference", "ref_chosen", "ref_rejected",
    /// "ref_reference"} (sums in nats; "chosen_length", "rejected_length" and "reference_length" where the loss divides by lengths) and
    /// writes each with "loss", "chosen_reward", "rejected_reward", "grad_policy_chosen", "grad_policy_rejected" and
    /// "grad_policy_reference" added. Other fields are carried over. A field that the loss does not use may be missing.
    /// A loss whose examples depend on each other takes the whole file as one batch.
    /// </summary>
    /// <param name="input">The JSONL file to read.</param>
    /// <param name="output">The JSONL file to write; it appears whole or not at all.</param>
    /// <param name="loss">The loss.</param>
    /// <returns>How many rows were written.</returns>
    /// <exception cref="InputException">
    /// A file cannot be read or written, a line is not JSON, or a field is missing or no finite number; names file, line and field.
    /// </exception>
    public static int Run(string input, string output, IPreferenceLoss loss)
    {
        using var writer = new JsonlWriter(output);
        var rows = 0;
        // A loss whose examples depend on each other sees the file as one batch; the others see it line by line.
        foreach (var batch in loss.Needs.HasFlag(LossInputs.Batch) ? [Jsonl.Read(input).ToArray()] : Jsonl.Read(input).Select(row => new[] { row }))
        {
            SequenceLogps[] logps = [.. batch.Select(row => Parse(row, loss.Needs))];
            var results = new LossResult[batch.Length];
            loss.EvaluateBatch(logps, results);
            for (var k = 0; k < batch.Length; k++)
            {
                Write(writer, batch[k], results[k]);
            }
            rows += batch.Length;
        }
        writer.Commit();
        return rows;
    }

    private static void Write(JsonlWriter writer, JsonRow row, LossResult result)
    {
        try
        {
            writer.Write(WithResult(row, result));
        }
        catch (Exception e) when (e is InvalidOperationException or JsonException)
        {
            throw row.Error("a text in it holds half of a surrogate pair; repair the text");
        }
    }

    private static SequenceLogps Parse(JsonRow row, LossInputs needs) => new(
        LogProbability(row, "policy_chosen", needed: true),
        LogProbability(row, "policy_rejected", needed: true),
        LogProbability(row, "policy_reference", needs.HasFlag(LossInputs.PolicySample)),
        LogProbability(row, "ref_chosen", needs.HasFlag(LossInputs.ReferencePair)),
        LogProbability(row, "ref_rejected", needs.HasFlag(LossInputs.ReferencePair)),
        LogProbability(row, "ref_reference", needs.HasFlag(LossInputs.RefSample)),
        Length(row, "chosen_length", needs.HasFlag(LossInputs.Lengths)),
        Length(row, "rejected_length", needs.HasFlag(LossInputs.Lengths)),
        Length(row, "reference_length", needs.HasFlag(LossInputs.SampleLength)));

    private static double LogProbability(JsonRow row, string name, bool needed)
    {
        var value = needed ? row.Number(name) : row.NumberOrNull(name) ?? 0;
        return double.IsFinite(value)
            ? value
            : throw row.Error($"the field \"{name}\" must be a finite log-probability; correct that line");
    }

    private static int Length(JsonRow row, string name, bool needed)
    {
        var value = needed ? row.WholeNumber(name) : row.WholeNumberOrNull(name) ?? 0;
        return value >= 1 || !needed
            ? value
            : throw row.Error($"the field \"{name}\" must be at least 1, the tokens of that response; correct that line");
    }

    private static Dictionary<string, object> WithResult(JsonRow row, LossResult result)
    {
        var written = new Dictionary<string, object>();
        foreach (var field in row.Value.EnumerateObject())
        {
            written[field.Name] = field.Value;
        }
        written["loss"] = result.Loss;
        written["chosen_reward"] = result.ChosenReward;
        written["rejected_reward"] = result.RejectedReward;
        written["grad_policy_chosen"] = result.GradPolicyChosen;
        written["grad_policy_rejected"] = result.GradPolicyRejected;
        written["grad_policy_reference"] = result.GradPolicySample;
        return written;
    }
}
