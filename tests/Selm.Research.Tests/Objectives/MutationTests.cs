using Selm.Research.Objectives;
using Selm.Research.Runs;
using Xunit.Sdk;

namespace Selm.Research.Tests.Objectives;

// The mutation check: the comparison that guards the SELM loss must refuse each of the mistakes that a hand could make.
public class MutationTests
{
    [Fact]
    public void the_true_loss_passes() => GoldenLosses.CheckSelm((beta, alpha) => new SelmLoss(beta, alpha));

    [Fact]
    public void alpha_with_the_wrong_sign_is_refused() => Refused((beta, alpha) => new SelmLoss(beta, -alpha));

    [Fact]
    public void optimism_without_beta_is_refused() =>
        Refused((beta, alpha) => new SelmLoss(beta, alpha, AlphaScale.Alpha));

    [Fact]
    public void rewards_without_beta_are_refused() => Refused((beta, alpha) => new SelmLoss(1, alpha * beta));

    [Fact]
    public void chosen_and_rejected_swapped_are_refused() => Refused((beta, alpha) => new Swapped(new SelmLoss(beta, alpha)));

    [Fact]
    public void means_for_sums_are_refused() => Refused((beta, alpha) => new Means(new SelmLoss(beta, alpha)));

    [Fact]
    public void a_mean_in_the_optimism_term_alone_is_refused() => Refused((beta, alpha) => new MeanOptimism(new SelmLoss(beta, alpha)));

    private static void Refused(LossOf mutant) => Assert.Throws<XunitException>(() => GoldenLosses.CheckSelm(mutant));

    private sealed record Swapped(SelmLoss Inner) : IPreferenceLoss
    {
        public LossInputs Needs => Inner.Needs;

        public LossResult Evaluate(in SequenceLogps p)
        {
            var r = Inner.Evaluate(p with
            {
                PolicyChosen = p.PolicyRejected,
                PolicyRejected = p.PolicyChosen,
                RefChosen = p.RefRejected,
                RefRejected = p.RefChosen,
            });
            return r with
            {
                ChosenReward = r.RejectedReward,
                RejectedReward = r.ChosenReward,
                GradPolicyChosen = r.GradPolicyRejected,
                GradPolicyRejected = r.GradPolicyChosen,
            };
        }
    }

    private sealed record Means(SelmLoss Inner) : IPreferenceLoss
    {
        public LossInputs Needs => Inner.Needs | LossInputs.Lengths;

        public LossResult Evaluate(in SequenceLogps p)
        {
            var r = Inner.Evaluate(new SequenceLogps(
                p.PolicyChosen / p.ChosenLength, p.PolicyRejected / p.RejectedLength, p.PolicySample / p.ReferenceLength,
                p.RefChosen / p.ChosenLength, p.RefRejected / p.RejectedLength, p.RefSample / p.ReferenceLength));
            return r with
            {
                GradPolicyChosen = r.GradPolicyChosen / p.ChosenLength,
                GradPolicyRejected = r.GradPolicyRejected / p.RejectedLength,
                GradPolicySample = r.GradPolicySample / p.ReferenceLength,
            };
        }
    }

    private sealed record MeanOptimism(SelmLoss Inner) : IPreferenceLoss
    {
        public LossInputs Needs => Inner.Needs | LossInputs.Lengths;

        public LossResult Evaluate(in SequenceLogps p)
        {
            var r = Inner.Evaluate(p with { PolicySample = p.PolicySample / p.ReferenceLength, RefSample = p.RefSample / p.ReferenceLength });
            return r with { GradPolicySample = r.GradPolicySample / p.ReferenceLength };
        }
    }
}
