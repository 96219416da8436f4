using Selm.Research.Runs;

namespace Selm.Research.Theory;

/// <summary>The derivation from (1.1) to (3.4) and appendices A and B as a list of checked equalities, in the paper's order.</summary>
/// <param name="Edition">As printed or repaired.</param>
/// <param name="Steps">The steps.</param>
[TypeFormatterSource(typeof(LadderFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
public sealed record Ladder(Edition Edition, IReadOnlyList<Step> Steps)
{
    /// <summary>The step with a name.</summary>
    /// <param name="name">A <see cref="Step.Name"/>.</param>
    /// <exception cref="ArgumentException">There is no such step.</exception>
    public Step this[string name] => Steps.FirstOrDefault(step => step.Name == name)
        ?? throw new ArgumentException($"the ladder has no step \"{name}\"", nameof(name));

    /// <summary>Whether every step holds within its own tolerance.</summary>
    public bool Holds => Steps.All(step => step.Holds);

    /// <summary>All steps in one world.</summary>
    /// <param name="world">The world whose numbers are put in.</param>
    /// <param name="edition">As printed or repaired.</param>
    public static Ladder Of(FiniteWorld world, Edition edition)
    {
        var steps = new StepList(edition);
        PreferenceSteps.AddTo(steps, world);
        TiltSteps.AddTo(steps, world);
        ObjectiveSteps.AddTo(steps, world);
        GradientSteps.AddTo(steps, world);
        SizeSteps.AddTo(steps, world);
        AlgorithmSteps.AddTo(steps, world);
        TheoremSteps.AddTo(steps, world);
        return new Ladder(edition, steps.Steps);
    }

    /// <summary>One line per step.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Steps);
}

/// <summary>Collects steps; one that has an erratum comes with both of its right sides and keeps the asked-for one.</summary>
internal sealed class StepList(Edition edition)
{
    internal List<Step> Steps { get; } = [];

    internal void Add(
        string name, (string First, string Version3) equation, int lesson, string formula, string because,
        double[] left, double[] right, int remark = 0) =>
        Steps.Add(new Step(name, equation.First, equation.Version3, lesson, formula, because, left, right) { Remark = remark });

    internal void Add(
        string name, (string First, string Version3) equation, int lesson, string formula, string because, double left, double right, int remark = 0) =>
        Add(name, equation, lesson, formula, because, [left], [right], remark);

    internal void Add(
        string name, (string First, string Version3) equation, int lesson, string because, string repair,
        (string Formula, double[] Left, double[] Right) printed, (string Formula, double[] Left, double[] Right) repaired, double tolerance = Step.Exact)
    {
        var (formula, left, right) = edition == Edition.Printed ? printed : repaired;
        Steps.Add(new Step(name, equation.First, equation.Version3, lesson, formula, because, left, right, repair, tolerance));
    }
}

/// <summary>The two numberings of the paper's equations; version 3 numbers by its sections, of which background is the third and experiments the sixth.</summary>
internal static class Equations
{
    internal static readonly (string, string) Optimism = ("(1.1)", "");
    internal static readonly (string, string) BradleyTerry = ("(2.1)", "(3.1)");
    internal static readonly (string, string) Likelihood = ("(2.2)", "(3.2)");
    internal static readonly (string, string) Rlhf = ("(2.3)", "(3.3)");
    internal static readonly (string, string) Section31 = ("section 3.1", "section 4");
    internal static readonly (string, string) Bilevel = ("(3.1)", "(4.1)");
    internal static readonly (string, string) AppendixA = ("appendix A", "");
    internal static readonly (string, string) InnerValue = ("(A.1)", "");
    internal static readonly (string, string) Selm = ("(3.2)", "(4.2)");
    internal static readonly (string, string) Gradient = ("(3.3)", "(4.3)");
    internal static readonly (string, string) Section33 = ("section 3.3", "section 5");
    internal static readonly (string, string) Minimum = ("(3.4)", "(5.1)");
    internal static readonly (string, string) Theorem = ("Theorem 3.1", "Theorem 5.1");
    internal static readonly (string, string) AppendixB = ("appendix B", "");
    internal static readonly (string, string) Algorithm1 = ("Algorithm 1", "");
    internal static readonly (string, string) Algorithm2 = ("Algorithm 2", "");
    internal static readonly (string, string) Section5 = ("section 5", "section 6");
}
