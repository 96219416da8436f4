// Lesson 14: implicit rewards over optimiser steps.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 14, Figure 4.</summary>
public static class Exercises14
{
    /// <summary>14.1: what one small step of the greedy bonus does to log pi of every response, per unit of step times alpha beta.</summary>
    /// <param name="answer">(pi over the responses of one prompt, the index y that the bonus pushes down) to a change per response.</param>
    public static ExerciseResult FirstOrder(Func<double[], int, double[]>? answer) => Exercise.Judge("14.1", answer, (f, random) =>
    {
        var policy = Draw.Policy(random);
        var y = random.NextInt(policy.Length);
        double[] Each(Func<double, int, double> change) => [.. policy.Select(change)];
        double Pushed(int z) => z == y ? 1 : 0;
        var squares = policy.Sum(p => p * p);
        var right = Each((p, z) => p + policy[y] - Pushed(z) - squares);
        return new Trial(f([.. policy], y), right,
        [
            ("those are the logits; log pi subtracts log Z, which moves too", Each((p, z) => p - Pushed(z))),
            ("the sign: the bonus pushes y down and the others up", Each((p, z) => -(p + policy[y] - Pushed(z) - squares))),
            ("log Z moves by the policy's mean of the moves of the logits: add pi(y) and subtract the sum of squares", Each((p, z) => p - Pushed(z) + policy[y])),
            ("the gradient of log pi(y) in the logits is e_y - pi, not e_y", Each((_, z) => policy[y] - Pushed(z))),
        ]);
    });

    /// <summary>14.2: r_SELM - r_DPO of one response, from the log-probabilities of its tokens.</summary>
    /// <param name="answer">(log-probs of the tokens under SELM's policy, under DPO's, under the reference, beta) to the difference, in the unit of rewards.</param>
    public static ExerciseResult Gap(Func<double[], double[], double[], double, double>? answer) => Exercise.Judge("14.2", answer, (f, random) =>
    {
        double[] Tokens() => [.. Draw.Rewards(random).Select(value => -Math.Abs(value) - 0.1)];
        var (selm, dpo, reference, beta) = (Tokens(), Tokens(), Tokens(), Draw.Beta(random));
        var gap = selm.Sum() - dpo.Sum();
        return new Trial(f([.. selm], [.. dpo], [.. reference], beta), beta * gap,
            ("that is the mean over tokens; a reward of a response is a sum", beta * gap / selm.Length),
            ("beta is missing: r = beta log(pi/pi_ref)", gap),
            ("the sign: SELM minus DPO", -beta * gap),
            ("that is SELM's own reward; subtract DPO's", beta * (selm.Sum() - reference.Sum())),
            ("both rewards have the same reference, so it must drop out", beta * (gap - reference.Sum())));
    });

    /// <summary>14.3: the number of optimiser steps up to which steps are small.</summary>
    /// <param name="answer">(numbers of steps, ascending; mean sigma(-margin) after each; the limit) to the last number before it falls below the limit for the first time; 0 where there is none.</param>
    public static ExerciseResult SmallSteps(Func<int[], double[], double, int>? answer) => Exercise.Judge("14.3", answer, (f, random) =>
    {
        int[] counts = [1, 3, 10, 30, 100];
        double[] sigma = [.. counts.Select(_ => 0.4 + (0.1 * random.NextDouble()))];
        const double Limit = 0.45;
        var (first, last) = (Array.FindIndex(sigma, value => value < Limit), Array.FindLastIndex(sigma, value => value >= Limit));
        int At(int index) => index < 0 ? 0 : counts[index];
        return new Trial(f([.. counts], [.. sigma], Limit), At((first < 0 ? counts.Length : first) - 1),
            ("stop where it falls below the limit for the first time: later it may rise again by chance", At(last)),
            ("that is the first number of steps that is no longer small", At(first)),
            ("that is the place in the list, not the number of steps", (first < 0 ? counts.Length : first) - 1),
            ("that counts the small ones; the number of steps is wanted", first < 0 ? counts.Length : first));
    });
}
