using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>README.md beside trained weights: what the model is, from what, by which recipe, with which program.</summary>
internal static class ModelCard
{
    internal static void Write(string folder, Recipe recipe, DateOnly started, LossRecipe loss, TrainingPlan plan, string start, string reference)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            ---
            library_name: {(recipe.Adapter is null ? "transformers" : "peft")}
            tags: [selm, preference-optimization]
            ---
            # {recipe.Name}, iteration {plan.Iteration}

            Trained by the SELM research kit {Provenance.KitVersion} (commit {Provenance.BuiltFrom ?? "unknown"}) in a run of {started:yyyy-MM-dd}
            with "Self-Exploring Language Models" (arXiv 2405.19332): method {recipe.Method}, loss {loss.Kind}, beta {loss.Beta}, alpha {loss.Alpha}.

            - starting point: `{Name(start)}`{(recipe.Model is null ? "" : $" ({recipe.Model})")}; reference: {(reference == start ? "the same" : $"`{Name(reference)}`")}
            - trained: {(recipe.Adapter is null ? "all weights" : $"a LoRA adapter (this folder) of `{Name(recipe.Base!)}`, whose weights stay as they are")}
            - preference pairs trained on: {plan.Pairs}
            - optimiser steps: {plan.Steps} of up to {plan.PairsPerStep} pairs, highest learning rate {plan.PeakRate}
            - machine: {Provenance.CpuModel()}, device {recipe.Device}, precision {recipe.Precision}

            ## Recipe
            ```yaml
            {recipe.ToYaml().Trim()}
            ```

            """);
        AtomicFile.WriteText(Path.Combine(folder, "README.md"), text);
    }

    private static string Name(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
}
