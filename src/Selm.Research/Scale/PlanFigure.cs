using System.Globalization;
using Selm.Research.Figures;

namespace Selm.Research.Scale;

/// <summary>A plan as a picture: memory over an iteration's moments, time per stage.</summary>
public static class PlanFigure
{
    /// <summary>Draws a plan.</summary>
    /// <param name="plan">The plan.</param>
    public static Figure Of(RunPlan plan)
    {
        var (parts, hour) = (PlannedMemory.Parts, plan.Seconds > 7200);
        var memory = new Panel(new Axis("moment") { Categories = [.. plan.Moments.Select(moment => moment.Moment)] }, new Axis("memory", "GB"),
            [.. parts.Select((part, k) => new BarTrace(part, Origin.Planned, [.. plan.Moments.Select(moment => moment.Values[k] / 1e9)])).Where(trace => trace.Values.Any(value => value > 0))])
        {
            Title = "Memory", Stacked = true, Annotations = [new Rule(plan.Device.Memory / 1e9, plan.Device.Name)],
        };
        var time = new Panel(new Axis("stage") { Categories = [.. plan.Stages.Select(stage => stage.Name)] }, new Axis("time", hour ? "h" : "s"),
            [new BarTrace("", Origin.Planned, [.. plan.Stages.Select(stage => stage.Seconds / (hour ? 3600 : 1))]) { ValueFormat = "0.0" }]) { Title = "Time of all iterations", Height = 110 };
        return new($"plan-{Name(plan.Recipe)}-{plan.Device.Name}", $"Plan of {plan.Recipe} on {plan.Device.Name}", [memory, time])
        {
            Caption = string.Create(CultureInfo.InvariantCulture,
                $"{plan.Parameters / 1e9:0.##} billion weights ({plan.ModelSource}), {plan.Amount.Pairs} pairs ({plan.Amount.PairsSource}). Time by {(plan.Assumed ? Utilisation.Assumed : "measured utilisation")}."),
        };
    }

    /// <summary>The numbers behind the picture, stage by stage.</summary>
    /// <param name="plan">The plan.</param>
    public static ResultTable Table(RunPlan plan) => new("plan", "Stages of all iterations",
        [new("stage"), new("operations", "TFLOP", "N1"), new("moved", "GB", "N1"), new("peak", "GB", "N2"), new("disk", "GB", "N2"), new("time", "s", "N1"), new("utilisation")],
        [.. plan.Stages.Select(stage => (IReadOnlyList<Cell>)
        [
            stage.Name, stage.Flops / 1e12, stage.Bytes / 1e9, stage.Peak.Total / 1e9, stage.DiskBytes / 1e9, stage.Seconds, stage.Utilisation.Source,
        ])]);

    private static string Name(string recipe) => new([.. recipe.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
}
