using Selm.Research.Objectives;

namespace Selm.Research.Tests.Objectives;

// Every analytic gradient against central finite differences, and every loss without a fixture against its published
// formula, written down here a second time with plain exp and log.
public class GradientTests
{
    private const double Step = 1e-4;

    public static TheoryData<string> Kinds => [.. PreferenceLosses.Names, "dpo-smoothed", "robust-smoothed", "sppo-targets", "dno-target"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void the_gradient_is_the_finite_difference(string kind) => Example.ForAll(example =>
    {
        var loss = Make(kind, example);
        var logps = example.Logps;
        if (NearKink(kind, example))
        {
            return;
        }
        var result = loss.Evaluate(logps);
        double Slope(Func<double, SequenceLogps> moved) =>
            (loss.Evaluate(moved(Step)).Loss - loss.Evaluate(moved(-Step)).Loss) / (2 * Step);

        Near(Slope(d => logps with { PolicyChosen = logps.PolicyChosen + d }), result.GradPolicyChosen, result.Loss);
        Near(Slope(d => logps with { PolicyRejected = logps.PolicyRejected + d }), result.GradPolicyRejected, result.Loss);
        Near(Slope(d => logps with { PolicySample = logps.PolicySample + d }), result.GradPolicySample, result.Loss);
    });

    [Fact]
    public void kto_s_gradient_is_that_of_the_batch_s_sum()
    {
        var random = new Random(7);
        double Ratio() => (random.NextDouble() * 12) - 5;
        for (var trial = 0; trial < 100; trial++)
        {
            SequenceLogps[] batch = [.. Enumerable.Range(0, 5).Select(_ => new SequenceLogps(Ratio() - 20, Ratio() - 25, 0, -20, -25, 0))];
            if (Math.Abs(batch.Average(p => p.ChosenLogRatio)) < 1e-3 || Math.Abs(batch.Average(p => p.RejectedLogRatio)) < 1e-3)
            {
                continue;
            }
            var loss = new KtoPairLoss(0.3);
            LossResult[] Of(SequenceLogps[] of)
            {
                var results = new LossResult[of.Length];
                loss.EvaluateBatch(of, results);
                return results;
            }
            var found = Of(batch);
            for (var k = 0; k < batch.Length; k++)
            {
                double Sum(double chosen, double rejected) => Of([.. batch.Select((p, i) => i == k
                    ? p with { PolicyChosen = p.PolicyChosen + chosen, PolicyRejected = p.PolicyRejected + rejected }
                    : p)]).Sum(result => result.Loss);
                Near((Sum(Step, 0) - Sum(-Step, 0)) / (2 * Step), found[k].GradPolicyChosen, 1);
                Near((Sum(0, Step) - Sum(0, -Step)) / (2 * Step), found[k].GradPolicyRejected, 1);
            }
        }
    }

    [Fact]
    public void simpo_is_the_published_formula_and_knows_no_reference() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var argument = (example.Beta / p.ChosenLength * p.PolicyChosen) - (example.Beta / p.RejectedLength * p.PolicyRejected) - 0.7;
        var result = new SimpoLoss(example.Beta, 0.7).Evaluate(p);
        Same(-Math.Log(1 / (1 + Math.Exp(-argument))), result.Loss);
        Same(example.Beta * p.PolicyChosen / p.ChosenLength, result.ChosenReward);
        Assert.Equal(result, new SimpoLoss(example.Beta, 0.7).Evaluate(p with { RefChosen = double.NaN, RefRejected = double.NaN, RefSample = double.NaN }));
    });

    [Fact]
    public void selm_per_token_is_selm_of_mean_log_probs() => Example.ForAll(example =>
    {
        var (p, beta, alpha) = (example.Logps, example.Beta, example.Alpha);
        var (n, m, k) = (p.ChosenLength, p.RejectedLength, p.ReferenceLength);
        var means = new SelmMeansLoss(beta, alpha).Evaluate(p);
        var divided = new SelmLoss(beta, alpha).Evaluate(new(
            p.PolicyChosen / n, p.PolicyRejected / m, p.PolicySample / k, p.RefChosen / n, p.RefRejected / m, p.RefSample / k));
        Same(divided.Loss, means.Loss);
        Same(divided.GradPolicyChosen / n, means.GradPolicyChosen);
        Same(divided.GradPolicyRejected / m, means.GradPolicyRejected);
        Same(divided.GradPolicySample / k, means.GradPolicySample);
        Same(divided.ChosenReward, means.ChosenReward);
    });

    [Fact]
    public void dpop_is_the_published_formula() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var argument = p.PolicyChosen - p.RefChosen - (p.PolicyRejected - p.RefRejected)
            - 5 * Math.Max(0, p.RefChosen - p.PolicyChosen);
        Same(Math.Log(1 + Math.Exp(-example.Beta * argument)), new DpopLoss(example.Beta, 5).Evaluate(p).Loss);
    });

    [Fact]
    public void vpo_is_the_published_formula_with_either_sign() => Example.ForAll(example =>
    {
        var (p, beta, alpha) = (example.Logps, example.Beta, example.Alpha);
        var logistic = -Math.Log(1 / (1 + Math.Exp(-beta * (p.PolicyChosen - p.RefChosen) + beta * (p.PolicyRejected - p.RefRejected))));
        var value = alpha * beta * (p.PolicySample - p.RefSample);
        Same(logistic + value, new VpoLoss(beta, alpha).Evaluate(p).Loss);
        Same(logistic - value, new VpoLoss(beta, alpha, VpoSetting.Offline).Evaluate(p).Loss);
    });

    [Fact]
    public void spin_is_the_published_formula() => Example.ForAll(example =>
    {
        var p = example.Logps;
        var argument = example.Beta * (p.PolicyChosen - p.RefChosen) - example.Beta * (p.PolicyRejected - p.RefRejected);
        Same(Math.Log(1 + Math.Exp(-argument)), new SpinLoss(example.Beta).Evaluate(p).Loss);
    });

    [Fact]
    public void dno_is_the_published_cross_entropy() => Example.ForAll(example =>
    {
        var (p, eta) = (example.Logps, example.Beta);
        var (winChosen, winRejected) = (0.9, 0.2);
        var target = 1 / (1 + Math.Exp(winRejected - winChosen));
        var z = eta * (p.PolicyChosen - p.RefChosen) - eta * (p.PolicyRejected - p.RefRejected);
        var (predicted, opposite) = (1 / (1 + Math.Exp(-z)), 1 / (1 + Math.Exp(z)));
        var expected = -target * Math.Log(predicted) - (1 - target) * Math.Log(opposite);
        Same(expected, new DnoLoss(eta, target).Evaluate(p).Loss);
        Same(-Math.Log(predicted), new DnoLoss(eta).Evaluate(p).Loss);
    });

    [Fact]
    public void sppo_regresses_to_the_win_probabilities() => Example.ForAll(example =>
    {
        var (p, eta) = (example.Logps, 1 / example.Beta);
        var expected = Math.Pow(p.PolicyChosen - p.RefChosen - eta * (0.8 - 0.5), 2)
            + Math.Pow(p.PolicyRejected - p.RefRejected - eta * (0.3 - 0.5), 2);
        Same(expected, new SppoLoss(example.Beta, 0.8, 0.3).Evaluate(p).Loss);
    });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void extremes_stay_finite(string kind)
    {
        double[] ends = [-1e4, 0, 1e4];
        foreach (var chosen in ends)
        {
            foreach (var rejected in ends)
            {
                var example = new Example(new SequenceLogps(chosen, rejected, -1e4, -chosen, -rejected, 1e4, 7, 9, 8), 0.5, 0.001);
                var r = Make(kind, example).Evaluate(example.Logps);
                Assert.All(
                    [r.Loss, r.ChosenReward, r.RejectedReward, r.GradPolicyChosen, r.GradPolicyRejected, r.GradPolicySample],
                    number => Assert.True(double.IsFinite(number)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void nan_in_gives_nan_out(string kind)
    {
        var example = new Example(new SequenceLogps(double.NaN, -3, -4, -2, -3, -4, 7, 9, 8), 0.1, 0.001);
        var result = Make(kind, example).Evaluate(example.Logps);
        Assert.Equal((double.NaN, double.NaN, double.NaN), (result.Loss, result.ChosenReward, result.GradPolicyChosen));
    }

    private static IPreferenceLoss Make(string kind, Example example) => kind switch
    {
        "dpo-smoothed" => new DpoLoss(example.Beta, 0.1),
        "robust-smoothed" => new RobustDpoLoss(example.Beta, 0.3),
        "sppo-targets" => new SppoLoss(example.Beta, 0.8, 0.3),
        "dno-target" => new DnoLoss(example.Beta, 0.7),
        // 50 times the slope makes the third derivative too large for the step; 5 is one of the paper's values too.
        _ => Listed(PreferenceLosses.Find(kind), example),
    };

    private static IPreferenceLoss Listed(Objective objective, Example example) => objective.With(
        new (string Name, double Value)[] { ("beta", example.Beta), ("alpha", example.Alpha), ("lambda", 5) }.Where(given => objective.Parameter(given.Name) is not null));

    private static bool NearKink(string kind, Example example) => kind switch
    {
        "hinge" => Math.Abs(1 - example.Beta * example.Logps.Margin) < 10 * Step,
        "kto-pair" => Math.Abs(example.Logps.ChosenLogRatio) < 10 * Step || Math.Abs(example.Logps.RejectedLogRatio) < 10 * Step,
        "dpop" => Math.Abs(example.Logps.ChosenLogRatio) < 10 * Step,
        _ => false,
    };

    // 1e-6 relative, beside the truncation and rounding of the difference itself.
    private static void Near(double difference, double gradient, double loss) =>
        Assert.Equal(gradient, difference, 1e-6 * Math.Abs(gradient) + 1e-8 + 1e-11 * Math.Abs(loss));

    private static void Same(double expected, double found) =>
        Assert.Equal(expected, found, 1e-10 * Math.Max(1, Math.Abs(expected)));
}
