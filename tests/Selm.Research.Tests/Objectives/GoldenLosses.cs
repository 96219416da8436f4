using System.Text.Json;
using Selm.Research.Objectives;
using Selm.Tests;
using Xunit.Sdk;

namespace Selm.Research.Tests.Objectives;

/// <summary>Makes the loss that a golden case shall be compared with.</summary>
internal delegate IPreferenceLoss LossOf(double beta, double alpha);

/// <summary>The comparisons with tests/golden/preference-losses, shared by the parity tests and the mutation check.</summary>
internal static class GoldenLosses
{
    private const double Relative = 1e-10;

    /// <summary>Compares a SELM loss with the authors' formula on every golden case; the lengths are made up, no sum may depend on them.</summary>
    /// <returns>How many numbers were compared.</returns>
    public static int CheckSelm(LossOf make)
    {
        var compared = 0;
        foreach (var block in Golden.Json("preference-losses", "selm_optimistic_dpo.json").EnumerateArray())
        {
            var examples = Examples(block);
            foreach (var result in block.GetProperty("results").EnumerateArray())
            {
                var (beta, alpha) = (result.GetProperty("beta").GetDouble(), result.GetProperty("alpha").GetDouble());
                var found = examples.Select(logps => make(beta, alpha).Evaluate(logps)).ToArray();
                var where = $"{block.GetProperty("inputs_kind")} beta {beta} alpha {alpha}";
                compared += CheckPair(where, result, found)
                    + Check($"{where} reference gradient", result, "grad_policy_response", found, r => r.GradPolicySample);
            }
        }
        return compared;
    }

    /// <summary>Compares a result's losses, pair gradients and (where recorded) rewards.</summary>
    public static int CheckPair(string where, JsonElement result, LossResult[] found) =>
        Check($"{where} loss", result, "losses", found, r => r.Loss)
        + Check($"{where} chosen gradient", result, "grad_policy_chosen", found, r => r.GradPolicyChosen)
        + Check($"{where} rejected gradient", result, "grad_policy_rejected", found, r => r.GradPolicyRejected)
        + Check($"{where} chosen reward", result, "chosen_rewards", found, r => r.ChosenReward)
        + Check($"{where} rejected reward", result, "rejected_rewards", found, r => r.RejectedReward);

    /// <summary>The examples of a golden block as the kit's log-probability records.</summary>
    public static SequenceLogps[] Examples(JsonElement block)
    {
        double[] Column(string name) => block.TryGetProperty(name, out var values) ? Numbers(values) : new double[100];
        int[] Lengths(string name, int otherwise) => block.TryGetProperty(name, out var values)
            ? [.. values.EnumerateArray().Select(x => x.GetInt32())]
            : [.. Enumerable.Repeat(otherwise, 100)];

        var (chosen, rejected, reference) =
            (Column("policy_chosen_logps"), Column("policy_rejected_logps"), Column("policy_response_logps"));
        var (refChosen, refRejected, refReference) =
            (Column("reference_chosen_logps"), Column("reference_rejected_logps"), Column("reference_response_logps"));
        var (chosenLengths, rejectedLengths) = (Lengths("chosen_lengths", 20), Lengths("rejected_lengths", 15));
        return [.. chosen.Select((_, i) => new SequenceLogps(
            chosen[i], rejected[i], reference[i], refChosen[i], refRejected[i], refReference[i],
            chosenLengths[i], rejectedLengths[i], 25))];
    }

    public static double[] Numbers(JsonElement values) => [.. values.EnumerateArray().Select(Golden.Number)];

    /// <summary>Throws unless the two agree to 1e-10 relative; a golden number is always finite.</summary>
    public static void Close(string where, double expected, double found)
    {
        if (!double.IsFinite(expected) || !(Math.Abs(found - expected) <= Relative * Math.Abs(expected)))
        {
            throw new XunitException($"{where}: expected {expected:R}, found {found:R}");
        }
    }

    private static int Check(string where, JsonElement result, string name, LossResult[] found, Func<LossResult, double> number)
    {
        if (!result.TryGetProperty(name, out var values))
        {
            return 0;
        }
        var expected = Numbers(values);
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Close($"{where} [{i}]", expected[i], number(found[i]));
        }
        return expected.Length;
    }
}
