// Lesson 01: probabilities of sequences.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 01, a language model as a classifier that is applied repeatedly.</summary>
public static class Exercises01
{
    /// <summary>01.1: log pi(y|x) from the logits at every position of the response.</summary>
    /// <param name="answer">(logits [position][word], the words that were said) to the log-probability in nats.</param>
    public static ExerciseResult ResponseLogProb(Func<double[][], int[], double>? answer) => Exercise.Judge("01.1", answer, (f, random) =>
    {
        var logits = Enumerable.Range(0, 4).Select(_ => Draw.Rewards(random)).ToArray();
        int[] words = [.. logits.Select(row => random.NextInt(row.Length))];
        double Sum(Func<double[], int, double> term) => logits.Zip(words, term).Sum();
        double Logp(double[] row, int word) => row[word] - LogMath.LogSumExp(row);
        return new Trial(f([.. logits.Select(row => row.ToArray())], [.. words]), Sum(Logp),
            ("that is the mean over tokens; the probability of a response is a product, so its logarithm is the sum", Sum(Logp) / words.Length),
            ("the sum of the logits lacks the normaliser log sum exp of every position", Sum((row, word) => row[word])),
            ("the sign: that is the loss; a log-probability is at most 0", -Sum(Logp)),
            ("that is the probability; take its logarithm", Math.Exp(Sum(Logp))),
            ("add the logarithms of the probabilities, not the probabilities", Sum((row, word) => Math.Exp(Logp(row, word)))));
    });

    /// <summary>01.2: the distribution from which a token is drawn at a temperature.</summary>
    /// <param name="answer">(logits, temperature above 0) to probabilities.</param>
    public static ExerciseResult Temperature(Func<double[], double, double[]>? answer) => Exercise.Judge("01.2", answer, (f, random) =>
    {
        var (logits, temperature) = (Draw.Rewards(random), 0.3 + random.NextDouble());
        double[] Softmax(double scale)
        {
            var z = LogMath.LogSumExp([.. logits.Select(logit => scale * logit)]);
            return [.. logits.Select(logit => Math.Exp((scale * logit) - z))];
        }
        return new Trial(f([.. logits], temperature), Softmax(1 / temperature),
        [
            ("divide the logits by the temperature: below 1 the distribution must get sharper", Softmax(temperature)),
            ("the temperature acts before the softmax, on the logits", [.. Softmax(1).Select(p => p / temperature)]),
            ("the probabilities do not sum to 1: divide by their sum", [.. logits.Select(logit => Math.Exp(logit / temperature))]),
            ("the temperature is not used", Softmax(1)),
        ]);
    });

    /// <summary>01.3: the most probable response of two tokens.</summary>
    /// <param name="answer">(pi(first), pi(second | first) [first][second]) to both tokens.</param>
    public static ExerciseResult MostProbable(Func<double[], double[][], (int First, int Second)>? answer) => Exercise.Judge("01.3", answer, (f, random) =>
    {
        const int Words = 4;
        // Nearly even first tokens, so that what follows decides and the greedy path is often not the best one.
        double[] first = [.. Draw.Policy(random, Words).Select(p => (0.2 * p) + (0.8 / Words))];
        double[][] second = [.. first.Select(_ => Draw.Policy(random, Words))];
        (int, int) Best(Func<int, int, double> score) =>
            (from a in Enumerable.Range(0, Words) from b in Enumerable.Range(0, Words) select (a, b)).MaxBy(pair => score(pair.a, pair.b));
        double[] Numbers((int First, int Second) pair) => [pair.First, pair.Second];
        return new Trial(Numbers(f([.. first], [.. second.Select(row => row.ToArray())])), Numbers(Best((a, b) => first[a] * second[a][b])),
        [
            ("that is greedy decoding: the best first token need not begin the best response", Numbers(Best((a, b) => (1e6 * first[a]) + second[a][b]))),
            ("multiply the probabilities, do not add them", Numbers(Best((a, b) => first[a] + second[a][b]))),
            ("the first token has a probability too", Numbers(Best((a, b) => second[a][b]))),
        ]);
    });
}
