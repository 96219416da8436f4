using System.Text.Json;
using Selm.Research.Objectives;
using Selm.Tests;

namespace Selm.Research.Tests.Objectives;

public class GoldenLossTests
{
    [Fact]
    public void selm_equals_the_authors_formula() =>
        Assert.Equal(4 * 12 * 12 * 6, GoldenLosses.CheckSelm((beta, alpha) => new SelmLoss(beta, alpha)));

    [Theory]
    [InlineData("v0.8.6", "sigmoid")]
    [InlineData("v0.9.6", "sigmoid")]
    [InlineData("v0.24.0", "sigmoid")]
    [InlineData("f2cd577", "sigmoid")]
    [InlineData("v0.8.6", "hinge")]
    [InlineData("v0.9.6", "hinge")]
    [InlineData("v0.24.0", "hinge")]
    [InlineData("f2cd577", "hinge")]
    // Up to v0.24.0 the formula takes what it is given: on sums it is the paper's. From f2cd577 on it divides by lengths.
    [InlineData("v0.8.6", "ipo")]
    [InlineData("v0.9.6", "ipo")]
    [InlineData("v0.24.0", "ipo")]
    [InlineData("f2cd577", "ipo")]
    [InlineData("v0.9.6", "robust")]
    [InlineData("v0.24.0", "robust")]
    [InlineData("f2cd577", "robust")]
    [InlineData("v0.9.6", "sppo_hard")]
    [InlineData("v0.24.0", "sppo_hard")]
    [InlineData("f2cd577", "sppo_hard")]
    public void the_dpo_family_equals_trl(string trl, string lossType)
    {
        var compared = 0;
        foreach (var block in Golden.Json("preference-losses", "trl_dpo_family.json").EnumerateArray())
        {
            var examples = GoldenLosses.Examples(block);
            foreach (var result in block.GetProperty("results").EnumerateArray()
                .Where(r => r.GetProperty("trl").ValueEquals(trl) && r.GetProperty("loss_type").ValueEquals(lossType)))
            {
                var loss = Make(trl, lossType, result);
                compared += GoldenLosses.CheckPair(
                    $"{block.GetProperty("inputs_kind")} {loss}", result, [.. examples.Select(logps => loss.Evaluate(logps))]);
            }
        }
        // Four blocks of twelve examples at three betas, at least loss and two gradients each.
        Assert.True(compared >= 4 * 12 * 3 * 3, $"only {compared} numbers were compared");
    }

    // XPO's fixture holds token log-probabilities of one response by the policy and one by the reference model, a mask
    // that says which of the two is the chosen one, and the gradient of the batch mean with respect to each token.
    [Theory]
    [InlineData("sigmoid")]
    [InlineData("ipo")]
    public void xpo_equals_trl(string lossType)
    {
        var cases = 0;
        foreach (var block in Golden.Json("preference-losses", "trl_xpo.json").EnumerateArray())
        {
            foreach (var result in block.GetProperty("results").EnumerateArray().Where(r => r.GetProperty("loss_type").ValueEquals(lossType)))
            {
                CheckXpo(block, result, lossType);
                cases++;
            }
        }
        Assert.Equal(2 * 8, cases);
    }

    // KTO's fixture has the n chosen terms, then the n rejected ones; the kit's loss of a pair is the sum of its two.
    [Theory]
    [InlineData("v0.8.6", "kto_pair")]
    [InlineData("v0.24.0", "apo_zero")]
    [InlineData("f2cd577", "apo_zero")]
    [InlineData("v0.24.0", "apo_down")]
    [InlineData("f2cd577", "apo_down")]
    [InlineData("f2cd577", "sigmoid_norm")] // the length-normalised SELM without optimism
    public void losses_of_sigmoids_and_means_equal_trl_to_six_digits(string trl, string lossType)
    {
        var compared = 0;
        foreach (var block in Golden.Json("preference-losses", "trl_dpo_family.json").EnumerateArray())
        {
            var examples = GoldenLosses.Examples(block);
            foreach (var result in block.GetProperty("results").EnumerateArray()
                .Where(r => r.GetProperty("trl").ValueEquals(trl) && r.GetProperty("loss_type").ValueEquals(lossType)))
            {
                var beta = result.GetProperty("beta").GetDouble();
                IPreferenceLoss loss = lossType switch
                {
                    "kto_pair" => new KtoPairLoss(beta),
                    "sigmoid_norm" => new SelmMeansLoss(beta, 0),
                    _ => new ApoLoss(beta, lossType == "apo_zero" ? ApoAnchor.Zero : ApoAnchor.Down),
                };
                var found = new LossResult[examples.Length];
                loss.EvaluateBatch(examples, found);
                var losses = GoldenLosses.Numbers(result.GetProperty("losses"));
                var (chosen, rejected) = (GoldenLosses.Numbers(result.GetProperty("grad_policy_chosen")), GoldenLosses.Numbers(result.GetProperty("grad_policy_rejected")));
                for (var i = 0; i < found.Length; i++)
                {
                    Near(losses.Length == found.Length ? losses[i] : losses[i] + losses[found.Length + i], found[i].Loss, 1e-6);
                    Near(chosen[i], found[i].GradPolicyChosen, 1e-5);
                    Near(rejected[i], found[i].GradPolicyRejected, 1e-5);
                    var length = lossType == "sigmoid_norm" ? (examples[i].ChosenLength, examples[i].RejectedLength) : (1, 1);
                    Near(beta * examples[i].ChosenLogRatio / length.Item1, found[i].ChosenReward, 1e-6);
                    Near(beta * examples[i].RejectedLogRatio / length.Item2, found[i].RejectedReward, 1e-6);
                    compared++;
                }
            }
        }
        Assert.Equal(4 * 3 * 12, compared);

        static void Near(double expected, double found, double relative) => Assert.Equal(expected, found, (relative * Math.Abs(expected)) + 1e-12);
    }

    private static LossResult WithOptimism(LossResult loss, double alpha, double logp) =>
        loss with { Loss = loss.Loss + (alpha * logp), GradPolicySample = alpha };

    private static IPreferenceLoss Make(string trl, string lossType, JsonElement result)
    {
        var beta = result.GetProperty("beta").GetDouble();
        var smoothing = result.GetProperty("label_smoothing").GetDouble();
        return lossType switch
        {
            "sigmoid" => new DpoLoss(beta, smoothing, result.GetProperty("reference_free").GetBoolean()),
            "hinge" => new HingeLoss(beta),
            "ipo" => new IpoLoss(beta, trl == "f2cd577" ? IpoConvention.LengthMeans : IpoConvention.Sums),
            "robust" => new RobustDpoLoss(beta, smoothing),
            _ => new SppoLoss(beta),
        };
    }

    private static void CheckXpo(JsonElement block, JsonElement result, string lossType)
    {
        var (beta, alpha) = (result.GetProperty("beta").GetDouble(), result.GetProperty("alpha").GetDouble());
        double[] Sums(string name) => [.. block.GetProperty(name).EnumerateArray().Select(row => GoldenLosses.Numbers(row).Sum())];
        var (policySample, referenceSample) = (Sums("model_logprobs_model_data"), Sums("model_logprobs_ref_data"));
        var (refOfPolicySample, refOfReferenceSample) = (Sums("ref_logprobs_model_data"), Sums("ref_logprobs_ref_data"));
        bool[] sampleIsChosen = [.. block.GetProperty("chosen_mask").EnumerateArray().Select(x => x.GetBoolean())];
        var batch = sampleIsChosen.Length;

        double total = 0;
        for (var i = 0; i < batch; i++)
        {
            var logps = sampleIsChosen[i]
                ? new SequenceLogps(policySample[i], referenceSample[i], referenceSample[i], refOfPolicySample[i], refOfReferenceSample[i], 0)
                : new SequenceLogps(referenceSample[i], policySample[i], referenceSample[i], refOfReferenceSample[i], refOfPolicySample[i], 0);
            // TRL also puts the optimism term beside IPO; the kit has XPO's logistic form, so IPO is composed here.
            var found = lossType == "sigmoid"
                ? new XpoLoss(beta, alpha).Evaluate(logps)
                : WithOptimism(new IpoLoss(beta).Evaluate(logps), alpha, logps.PolicySample);
            var (sampleGrad, referenceGrad) = sampleIsChosen[i]
                ? (found.GradPolicyChosen, found.GradPolicyRejected + found.GradPolicySample)
                : (found.GradPolicyRejected, found.GradPolicyChosen + found.GradPolicySample);

            var where = $"{block.GetProperty("inputs_kind")} {lossType} beta {beta} alpha {alpha} [{i}]";
            var parts = Golden.Number(result.GetProperty("dpo_losses")[i]) + Golden.Number(result.GetProperty("xpo_losses")[i]);
            GoldenLosses.Close(where, parts, found.Loss);
            GoldenLosses.Close(where, Golden.Number(result.GetProperty("grad_model_logprobs_model_data")[i][0]), sampleGrad / batch);
            GoldenLosses.Close(where, Golden.Number(result.GetProperty("grad_model_logprobs_ref_data")[i][0]), referenceGrad / batch);
            total += found.Loss / batch;
        }
        GoldenLosses.Close("batch mean", result.GetProperty("loss").GetDouble(), total);
    }
}
