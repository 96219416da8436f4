// Lesson 06: the gradient (3.3), who is pulled how hard, and where optimism takes over.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 06, the gradient and the bonus.</summary>
public static class Exercises06
{
    /// <summary>06.1: the gradient of E_ref[log pi_theta] in the logits of one prompt.</summary>
    /// <param name="answer">(pi_ref, pi_theta) to one number per logit.</param>
    public static ExerciseResult BonusGradient(Func<double[], double[], double[]>? answer) => Exercise.Judge("06.1", answer, (f, random) =>
    {
        var (reference, policy) = (Draw.Policy(random), Draw.Policy(random));
        double[] Each(Func<double, double, double> of) => [.. reference.Zip(policy, of)];
        return new Trial(f([.. reference], [.. policy]), Each((q, p) => q - p),
        [
            ("the sign: where pi_ref is the larger the logit must rise", Each((q, p) => p - q)),
            ("the normaliser of the softmax also depends on the logit: that is the term -pi_theta", Each((q, _) => q)),
            ("that is the gradient in log pi without the chain rule through the softmax: d log pi(y)/d z_k = [y = k] - pi(k)", Each((q, p) => q / p)),
            ("the weights of the expectation are pi_ref, not pi_theta", Each((_, _) => 0)),
        ]);
    });

    /// <summary>06.2: the weights of grad log pi of y_w, y_l and y in a step of gradient ascent on (3.2), three different responses.</summary>
    /// <param name="answer">(implicit margin, alpha, beta) to three weights.</param>
    public static ExerciseResult Weights(Func<double, double, double, double[]>? answer) => Exercise.Judge("06.2", answer, (f, random) =>
    {
        var (margin, alpha, beta) = (0.5 + random.NextDouble(), 0.05 + (0.3 * random.NextDouble()), Draw.Beta(random));
        var sigma = LogMath.Sigmoid(-margin);
        double[] Of(double s, double sign, double optimism) => [sign * beta * s, -sign * beta * s, sign * optimism];
        return new Trial(f(margin, alpha, beta), Of(sigma, 1, -alpha * beta),
        [
            ("those are derivatives of the loss; ascent on (3.2) has the other sign (erratum 2)", Of(sigma, -1, -alpha * beta)),
            ("the pull of a pair is sigma(-margin): it fades as the pair is learned", Of(1 - sigma, 1, -alpha * beta)),
            ("optimism pushes y down, so its weight is negative", Of(sigma, 1, alpha * beta)),
            ("the weight of y is alpha beta; alpha alone is Algorithm 1 as printed (erratum 4)", Of(sigma, 1, -alpha)),
        ]);
    });

    /// <summary>06.3: the implicit margin beyond which the optimism term pulls harder than the fit term.</summary>
    /// <param name="answer">alpha to the margin in nats.</param>
    public static ExerciseResult TakeOver(Func<double, double>? answer) => Exercise.Judge("06.3", answer, (f, random) =>
    {
        var alpha = 0.05 + (0.4 * random.NextDouble());
        return new Trial(f(alpha), Math.Log((1 / alpha) - 1),
            ("solve sigma(-margin) = alpha exactly: 1/alpha = 1 + exp(margin)", Math.Log(1 / alpha)),
            ("the sign: a small alpha takes over late, at a large positive margin", -Math.Log((1 / alpha) - 1)),
            ("the pull of the fit term is beta sigma(-margin), not beta exp(-margin)/2", Math.Log(1 / (2 * alpha))));
    });

    /// <summary>06.4: the weight of grad log pi(y_w) in a step of ascent on (3.2) where y is the chosen response itself.</summary>
    /// <param name="answer">(implicit margin, alpha, beta) to the weight.</param>
    public static ExerciseResult WhenChosen(Func<double, double, double, double>? answer) => Exercise.Judge("06.4", answer, (f, random) =>
    {
        var (margin, alpha, beta) = (0.5 + random.NextDouble(), 0.05 + (0.3 * random.NextDouble()), Draw.Beta(random));
        var sigma = LogMath.Sigmoid(-margin);
        return new Trial(f(margin, alpha, beta), beta * (sigma - alpha),
            ("y is y_w, so both terms pull at it: add the weight of the optimism term", beta * sigma),
            ("the optimism term pushes y down, the fit term pulls it up: the signs differ", beta * (sigma + alpha)),
            ("the sign: ascent on (3.2) raises y_w as long as sigma(-m) is above alpha", beta * (alpha - sigma)),
            ("the pull of a pair is sigma(-m): it fades as the pair is learned", beta * (1 - sigma - alpha)),
            ("beta is in both weights", (beta * sigma) - alpha));
    });
}
