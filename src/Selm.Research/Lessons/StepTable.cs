using Selm.Research.Figures;
using Selm.Research.Theory;

namespace Selm.Research.Lessons;

/// <summary>Steps of the derivation as a table to look at: formula, reason, both sides, residual.</summary>
public static class StepTable
{
    /// <summary>Some steps of a ladder, in the order of their names.</summary>
    /// <param name="ladder">The ladder, as printed or repaired.</param>
    /// <param name="names">The steps' names.</param>
    /// <returns>Of a step with several numbers the table shows the pair that differs most.</returns>
    /// <exception cref="ArgumentException">The ladder has no step of that name.</exception>
    public static ResultTable Of(Ladder ladder, params IReadOnlyList<string> names) => Of(ladder.Edition, [.. names.Select(name => ladder[name])]);

    /// <summary>All steps that a lesson derives.</summary>
    /// <param name="ladder">The ladder, as printed or repaired.</param>
    /// <param name="lesson">The lesson's number.</param>
    public static ResultTable Of(Ladder ladder, int lesson) => Of(ladder.Edition, [.. ladder.Steps.Where(step => step.Lesson == lesson)]);

    private static ResultTable Of(Edition edition, IReadOnlyList<Step> steps) => new(
        "steps", edition == Edition.Printed ? "As printed" : "With the errata repaired",
        [new("equation"), new("formula"), new("because"), new("left", Format: "0.000000"), new("right", Format: "0.000000"), new("residual", Format: "0.0e+00"), new("holds")],
        [.. steps.Select(Row)])
    {
        Notes =
        [
            .. steps.Any(step => step.Left.Length > 1) ? ["Of an equality between vectors the entries that differ most are shown."] : Array.Empty<string>(),
            .. steps.Where(step => step.Repair.StartsWith("erratum", StringComparison.Ordinal)).Select(step => $"{step.Equation} \"{step.Name}\": {step.Repair}."),
            .. steps.Where(step => step.Remark > 0).Select(step => $"{step.Equation} \"{step.Name}\": remark {step.Remark} of the kit, no slip of the print."),
        ],
    };

    private static Cell[] Row(Step step)
    {
        var worst = Enumerable.Range(0, step.Left.Length).MaxBy(i => Math.Abs(step.Left[i] - step.Right[i]));
        return
        [
            Cell.Text(step.Version3.Length == 0 ? step.Equation : $"{step.Equation}, v3 {step.Version3}"), Cell.Text(step.Formula), Cell.Text(step.Because),
            step.Left[worst], step.Right[worst], step.Residual, Cell.Text(step.Holds ? "yes" : "NO"),
        ];
    }
}
