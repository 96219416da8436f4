// An answer is judged by its numbers on random inputs, never by its text: any formula that gives the right numbers is right.
// Typical mistakes are formulas too; the one that gives the answer's numbers on every draw lends its hint.
using System.Globalization;
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>One random input of an exercise: what the answer gave, what is right, and what typical mistakes give.</summary>
/// <param name="Got">The answer's numbers.</param>
/// <param name="Right">The right numbers.</param>
/// <param name="Mistakes">A hint and the numbers of the mistake it names.</param>
internal sealed record Trial(double[] Got, double[] Right, IReadOnlyList<(string Hint, double[] Numbers)> Mistakes)
{
    /// <summary>A trial of an answer that is one number.</summary>
    public Trial(double got, double right, params (string Hint, double Number)[] mistakes)
        : this([got], [right], [.. mistakes.Select(mistake => (mistake.Hint, new[] { mistake.Number }))])
    {
    }
}

/// <summary>Judges answers.</summary>
internal static class Exercise
{
    private const int Draws = 20;
    private const double Tolerance = 1e-6; // relative to 1 + |right|: wide enough for single precision's sums

    /// <summary>Calls the answer on random inputs, the same ones every time.</summary>
    /// <param name="id">Lesson and number, "03.2".</param>
    /// <param name="answer">The reader's answer; null = not answered.</param>
    /// <param name="draw">Draws an input, calls the answer on it and says what is right.</param>
    public static ExerciseResult Judge<TAnswer>(string id, TAnswer? answer, Func<TAnswer, PhiloxStream, Trial> draw)
        where TAnswer : class
    {
        if (answer is null)
        {
            return new(id, ExerciseVerdict.NotYet, "");
        }
        var random = new PhiloxStream(0, $"exercise {id}");
        var trials = new List<Trial>();
        for (var i = 0; i < Draws; i++)
        {
            try
            {
                trials.Add(draw(answer, random));
            }
#pragma warning disable CA1031 // whatever the reader's code throws becomes the hint
            catch (Exception e)
#pragma warning restore CA1031
            {
                return new(id, ExerciseVerdict.No, $"it throws {e.GetType().Name}: {e.Message}");
            }
        }
        return trials.TrueForAll(trial => Same(trial.Got, trial.Right))
            ? new(id, ExerciseVerdict.Right, "")
            : new(id, ExerciseVerdict.No, Hint(trials));
    }

    private static string Hint(List<Trial> trials)
    {
        for (var i = 0; i < trials[0].Mistakes.Count; i++)
        {
            if (trials.TrueForAll(trial => Same(trial.Got, trial.Mistakes[i].Numbers)))
            {
                return trials[0].Mistakes[i].Hint;
            }
        }
        var wrong = trials.Find(trial => !Same(trial.Got, trial.Right))!;
        return $"on one input it gives {Text(wrong.Got)} and {Text(wrong.Right)} is right";
    }

    private static bool Same(double[] got, double[] right) =>
        got.Length == right.Length
        && got.Zip(right).All(pair => pair.First.Equals(pair.Second) || Math.Abs(pair.First - pair.Second) <= Tolerance * (1 + Math.Abs(pair.Second)));

    private static string Text(double[] numbers)
    {
        var words = string.Join(", ", numbers.Select(number => number.ToString("0.####", CultureInfo.InvariantCulture)));
        return numbers.Length == 1 ? words : $"[{words}]";
    }
}
