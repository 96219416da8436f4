using System.Diagnostics;
using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>Whether a run that is about to start is larger than its device; asked before a model is loaded.</summary>
public static class PlanCheck
{
    /// <summary>The warning of a recipe on this machine, or null.</summary>
    /// <param name="recipe">The recipe; its base is a folder.</param>
    /// <exception cref="InputException">The weights alone are larger than the CUDA device.</exception>
    public static string? Warning(Recipe recipe)
    {
        var cpu = recipe.Device == "cpu";
        return !File.Exists(Path.Combine(recipe.Base ?? "", HfConfig.FileName)) ? null
            : (cpu ? PlanDevice.PhysicalMemory : CudaMemory()) is { } memory ? Warning(recipe, memory, cpu ? "this machine" : recipe.Device) : null;
    }

    /// <summary>The same for a given memory.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="memory">The device's [bytes].</param>
    /// <param name="where">What the sentence calls it.</param>
    internal static string? Warning(Recipe recipe, double memory, string where)
    {
        RunPlan plan;
        try
        {
            plan = RunPlan.Of(recipe, PlanDevice.Sheet(PlanDevice.Default(recipe)) with { Memory = memory });
        }
        catch (InputException)
        {
            return null; // what is wrong with the recipe or its files is said where they are opened
        }
        var weights = plan.Parameters * (recipe.Precision == Precision.Bf16 ? 2 : 4);
        string Gb(double bytes) => (bytes / 1e9).ToString("N1", CultureInfo.InvariantCulture);
        return weights > memory && recipe.Device != "cpu"
            ? throw new InputException($"The weights of {recipe.Base} take {Gb(weights)} GB and {where} has {Gb(memory)} GB; choose a smaller base, or a device that holds it (selm plan --recipe R --device NAME).")
            : plan.Fits ? null : $"At its recipe's limits this run takes up to {Gb(plan.PeakBytes)} GB and {where} has {Gb(memory)} GB; selm plan names the keys that lower it.";
    }

    /// <summary>Memory of the largest device that the driver's own tool lists [bytes]; null without it, for libtorch's bindings do not say.</summary>
    internal static double? CudaMemory()
    {
        try
        {
            using var tool = Process.Start(new ProcessStartInfo("nvidia-smi", ["--query-gpu=memory.total", "--format=csv,noheader,nounits"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            double[] sizes = [.. tool.StandardOutput.ReadToEnd().Split('\n').Select(line => double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out var size) ? size : 0)];
            tool.WaitForExit();
            return sizes.Max() is > 0 and var most ? most * (1 << 20) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
