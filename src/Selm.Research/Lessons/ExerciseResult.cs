// What an exercise cell shows: one line, which is also what the tests read.
using System.Net;
using Selm.Research.Runs;

namespace Selm.Research.Lessons;

/// <summary>How an answer was judged.</summary>
public enum ExerciseVerdict
{
    /// <summary>Nothing has been answered.</summary>
    NotYet,

    /// <summary>The answer gives the right numbers on every draw.</summary>
    Right,

    /// <summary>The answer gives a wrong number, or fails.</summary>
    No,
}

/// <summary>The judgement of one exercise of a lesson.</summary>
/// <param name="Id">Lesson and number, "03.2".</param>
/// <param name="Verdict">How the answer was judged.</param>
/// <param name="Hint">What is wrong, as far as the numbers tell; empty unless the verdict is <see cref="ExerciseVerdict.No"/>.</param>
[TypeFormatterSource(typeof(ExerciseFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
public sealed record ExerciseResult(string Id, ExerciseVerdict Verdict, string Hint)
{
    /// <summary>"right", "not yet", or "no: " and the hint.</summary>
    public string Words => Verdict switch
    {
        ExerciseVerdict.NotYet => "not yet",
        ExerciseVerdict.Right => "right",
        _ => $"no: {Hint}",
    };

    /// <summary>One line: the exercise and its judgement.</summary>
    public override string ToString() => $"Exercise {Id}: {Words}";
}

/// <summary>How an <see cref="ExerciseResult"/> shows itself.</summary>
public sealed class ExerciseFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<ExerciseResult>("text/html", result => $"<p>Exercise {result.Id}: <b>{WebUtility.HtmlEncode(result.Words)}</b></p>"),
        new DisplayFormatter<ExerciseResult>("text/plain", result => result.ToString()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}
