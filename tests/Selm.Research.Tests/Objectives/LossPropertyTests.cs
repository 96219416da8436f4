using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Objectives;

// What the paper and its siblings say about these losses, as properties of the numbers.
public class LossPropertyTests
{
    [Fact]
    public void alpha_zero_is_dpo_bit_for_bit() => Example.ForAll(example =>
    {
        var dpo = new DpoLoss(example.Beta).Evaluate(example.Logps);
        Assert.Equal(dpo, new SelmLoss(example.Beta, 0).Evaluate(example.Logps));
        Assert.Equal(dpo, new XpoLoss(example.Beta, 0).Evaluate(example.Logps));
        Assert.Equal(dpo, new VpoLoss(example.Beta, 0).Evaluate(example.Logps));
    });

    [Fact]
    public void losses_with_their_extra_switched_off_are_dpo_bit_for_bit() => Example.ForAll(example =>
    {
        var dpo = new DpoLoss(example.Beta).Evaluate(example.Logps);
        Assert.Equal(dpo, new RobustDpoLoss(example.Beta, 0).Evaluate(example.Logps));
        Assert.Equal(dpo, new DpopLoss(example.Beta, 0).Evaluate(example.Logps));
        Assert.Equal(dpo, new SpinLoss(example.Beta).Evaluate(example.Logps));
        Assert.Equal(dpo, new DnoLoss(example.Beta).Evaluate(example.Logps));
    });

    [Fact]
    public void the_formula_of_label_smoothing_tends_to_plain_dpo() => Example.ForAll(example =>
    {
        var plain = new DpoLoss(example.Beta).Evaluate(example.Logps);
        var smoothed = new DpoLoss(example.Beta, 1e-12).Evaluate(example.Logps);
        Assert.Equal(plain.Loss, smoothed.Loss, 1e-10);
        Assert.Equal(plain.GradPolicyChosen, smoothed.GradPolicyChosen, 1e-11);
    });

    [Fact]
    public void at_the_start_optimism_has_two_alpha_times_the_size_of_dpo() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var start = p with { PolicyChosen = p.RefChosen, PolicyRejected = p.RefRejected, PolicySample = p.RefSample };
        var selm = new SelmLoss(example.Beta, example.Alpha).Evaluate(start);
        Assert.Equal(2 * example.Alpha, selm.GradPolicySample / Math.Abs(selm.GradPolicyChosen), 1e-14);
    });

    [Fact]
    public void optimism_takes_over_at_the_margin_ln_of_one_over_alpha_minus_one() => Example.ForAll(example =>
    {
        var (beta, alpha) = (example.Beta, example.Alpha);
        var margin = Math.Log(1 / alpha - 1) / beta;
        var selm = new SelmLoss(beta, alpha).Evaluate(new SequenceLogps(margin, 0, 0, 0, 0, 0));
        Assert.Equal(1, selm.GradPolicySample / -selm.GradPolicyChosen, 1e-9);
    });

    // The weights that gradient descent puts on the three log-probabilities, by the place where y ranks.
    [Fact]
    public void the_net_weights_are_those_of_the_derivation() => Example.ForAll(example =>
    {
        var (beta, alpha) = (example.Beta, example.Alpha);
        var p = example.Logps;
        var loss = new SelmLoss(beta, alpha);
        var sigma = LogMath.Sigmoid(-beta * p.Margin);

        var best = loss.Evaluate(p with { PolicySample = p.PolicyChosen, RefSample = p.RefChosen });
        Assert.Equal(beta * (sigma - alpha), -(best.GradPolicyChosen + best.GradPolicySample), 1e-14);
        Assert.Equal(-beta * sigma, -best.GradPolicyRejected, 1e-14);

        var worst = loss.Evaluate(p with { PolicySample = p.PolicyRejected, RefSample = p.RefRejected });
        Assert.Equal(-beta * (sigma + alpha), -(worst.GradPolicyRejected + worst.GradPolicySample), 1e-14);
        Assert.Equal(beta * sigma, -worst.GradPolicyChosen, 1e-14);

        var middle = loss.Evaluate(p);
        Assert.Equal(-alpha * beta, -middle.GradPolicySample, 1e-16);
    });

    [Fact]
    public void selm_has_the_gradient_of_xpo_where_alpha_beta_is_xpos_alpha() => Example.ForAll(example =>
    {
        var selm = new SelmLoss(example.Beta, example.Alpha).Evaluate(example.Logps);
        var xpo = new XpoLoss(example.Beta, example.Alpha * example.Beta).Evaluate(example.Logps);
        Assert.Equal(
            (xpo.GradPolicyChosen, xpo.GradPolicyRejected, xpo.GradPolicySample),
            (selm.GradPolicyChosen, selm.GradPolicyRejected, selm.GradPolicySample));
        // The values differ by the constant that the reference contributes.
        Assert.Equal(xpo.Loss - selm.Loss, example.Alpha * example.Beta * example.Logps.RefSample, 1e-12);
    });

    [Fact]
    public void selm_is_online_vpo_on_the_same_triple() => Example.ForAll(example =>
        Assert.Equal(
            new VpoLoss(example.Beta, example.Alpha).Evaluate(example.Logps),
            new SelmLoss(example.Beta, example.Alpha).Evaluate(example.Logps)));

    [Fact]
    public void the_two_scales_of_the_paper_differ_by_beta() => Example.ForAll(example =>
    {
        var (beta, alpha) = (example.Beta, example.Alpha);
        var printed = new SelmLoss(beta, alpha, AlphaScale.Alpha).Evaluate(example.Logps);
        Assert.Equal(1 / beta, printed.GradPolicySample / new SelmLoss(beta, alpha).Evaluate(example.Logps).GradPolicySample, 1e-12 / beta);
        var same = new SelmLoss(beta, alpha / beta).Evaluate(example.Logps);
        Assert.Equal(printed.Loss, same.Loss, 1e-12);
    });

    // The reward is fixed by preferences only up to c(x): adding a constant to both log-ratios changes nothing.
    [Fact]
    public void a_constant_added_to_both_policy_log_probs_leaves_dpo_unchanged() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var shifted = p with { PolicyChosen = p.PolicyChosen + 3.25, PolicyRejected = p.PolicyRejected + 3.25 };
        var (before, after) = (new DpoLoss(example.Beta).Evaluate(p), new DpoLoss(example.Beta).Evaluate(shifted));
        Assert.Equal(before.Loss, after.Loss, 1e-12);
        Assert.Equal(before.GradPolicyChosen, after.GradPolicyChosen, 1e-12);
        // SPPO anchors each response by itself and lacks this freedom.
        Assert.NotEqual(new SppoLoss(example.Beta).Evaluate(p).Loss, new SppoLoss(example.Beta).Evaluate(shifted).Loss, 1e-6);
    });

    // On a fixed pair SELM has no minimum for any positive alpha: y alone can go down for ever.
    [Fact]
    public void selm_is_unbounded_below_and_dpo_is_not()
    {
        var selm = new SelmLoss(0.01, 0.0001);
        var runaway = new SequenceLogps(-1e6, -2e6, -1e12, -30, -30, -30);
        Assert.True(selm.Evaluate(runaway).Loss < -1e5);
        Assert.Equal(0, new DpoLoss(0.01).Evaluate(runaway).Loss);
    }

    [Fact]
    public void a_policy_that_rules_out_the_rejected_response_has_no_loss_left()
    {
        var result = new DpoLoss(0.1).Evaluate(new SequenceLogps(-3, double.NegativeInfinity, 0, -3, -3, 0));
        Assert.Equal((0, 0), (result.Loss, result.GradPolicyChosen));
    }

    [Fact]
    public void means_need_lengths() =>
        Assert.Throws<ArgumentException>(() => new IpoLoss(0.1, IpoConvention.LengthMeans).Evaluate(new SequenceLogps(-1, -2, 0, -1, -1, 0)));

    [Fact]
    public void ipo_of_means_is_ipo_of_the_divided_sums() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var (n, m) = (p.ChosenLength, p.RejectedLength);
        var means = new IpoLoss(example.Beta, IpoConvention.LengthMeans).Evaluate(p);
        var divided = new IpoLoss(example.Beta).Evaluate(new SequenceLogps(p.PolicyChosen / n, p.PolicyRejected / m, 0, p.RefChosen / n, p.RefRejected / m, 0));
        Assert.Equal(divided.Loss, means.Loss, 1e-10 * divided.Loss + 1e-10);
        Assert.Equal(divided.GradPolicyChosen / n, means.GradPolicyChosen, 1e-10 * Math.Abs(means.GradPolicyChosen) + 1e-12);
    });
}
