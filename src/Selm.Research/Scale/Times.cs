using System.Diagnostics;

namespace Selm.Research.Scale;

/// <summary>Times of all steps of a bench [ms].</summary>
internal sealed class Times
{
    private readonly List<double> walls = [], cpus = [];

    /// <summary>Median wall time.</summary>
    internal double Wall => Median(walls);

    /// <summary>Median processor time, all threads.</summary>
    internal double Cpu => Median(cpus);

    /// <summary>The longest wall time.</summary>
    internal double SlowestWall => walls.Max();

    /// <summary>Runs work once.</summary>
    internal static (double Wall, double Cpu) Of(Action work)
    {
        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        work();
        return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }

    internal void Add(double wall, double cpu)
    {
        walls.Add(wall);
        cpus.Add(cpu);
    }

    /// <summary>The median of the sums, step by step.</summary>
    internal double PlusWall(Times other) => Median([.. walls.Zip(other.walls, (a, b) => a + b)]);

    /// <summary>The same of processor times.</summary>
    internal double PlusCpu(Times other) => Median([.. cpus.Zip(other.cpus, (a, b) => a + b)]);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
