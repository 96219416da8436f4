using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Alignment;

/// <summary>README.md beside trained weights: what the model is, from what, by which recipe, with which program.</summary>
internal static class ModelCard
{
    internal static void Write(string folder, Recipe recipe, int iteration, string reference, int examples)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            ---
            library_name: transformers
            tags: [selm, preference-optimization]
            ---
            # {recipe.Name}, iteration {iteration}

            Trained by the SELM research kit {Provenance.KitVersion} (commit {Provenance.BuiltFrom ?? "unknown"}) on {DateTime.UtcNow:yyyy-MM-dd}
            with "Self-Exploring Language Models" (arXiv 2405.19332): method {recipe.Method}, loss {recipe.Loss.Kind}, beta {recipe.Loss.Beta}, alpha {recipe.Loss.Alpha}.

            - reference and starting point: `{Path.GetFileName(Path.TrimEndingDirectorySeparator(reference))}`{(recipe.Model is null ? "" : $" ({recipe.Model})")}
            - preference pairs trained on: {examples}
            - machine: {Provenance.CpuModel()}, device {recipe.Device}, precision {recipe.Precision}

            ## Recipe
            ```yaml
            {recipe.ToYaml().Trim()}
            ```

            """);
        AtomicFile.WriteText(Path.Combine(folder, "README.md"), text);
    }
}
