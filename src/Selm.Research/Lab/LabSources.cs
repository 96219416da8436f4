using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Data;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Lab;

/// <summary>
/// What <c>lab:SEED</c> means in a recipe: as <c>base</c> the lab's supervised model of that seed, in <c>datasets</c>
/// the lab's offline pairs of that seed. Both are made once, into files named by their content, so that a run can be
/// continued by the same command.
/// </summary>
public static class LabSources
{
    private const string Prefix = "lab:";

    /// <summary>Whether a recipe names a model or data of the lab.</summary>
    /// <param name="recipe">A recipe as it was read.</param>
    public static bool AreIn(Recipe recipe) => recipe.Datasets.Append(recipe.Base).Any(name => name?.StartsWith(Prefix, StringComparison.Ordinal) == true);

    /// <summary>
    /// The recipe with folders and files in place of <c>lab:SEED</c>. The sizes are those of its scale: smoke or lab.
    /// The pairs are as many portions as the recipe cuts them into, each of <see cref="LabSizes.Pairs"/>: portion k is
    /// <see cref="LabPairs.Offline"/> of iteration k.
    /// </summary>
    /// <param name="recipe">A recipe as it was read; one without <c>lab:</c> is returned as it is.</param>
    /// <param name="folder">Where models and pairs are kept, such as data/models/lab.</param>
    /// <param name="device">Where a model is trained; null is the CPU.</param>
    /// <param name="progress">Is told about every step of a training.</param>
    /// <param name="cancellation">Stops a training.</param>
    /// <exception cref="InputException">What follows <c>lab:</c> is no seed, the scale is another one, or the folder cannot be written.</exception>
    public static Recipe Resolve(
        Recipe recipe, string folder, torch.Device? device = null, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!AreIn(recipe))
        {
            return recipe;
        }
        var (model, pairs) = (Seed("base", recipe.Base), recipe.Datasets.Select(name => Seed("datasets", name)).ToArray());
        var sizes = SizesOf(recipe);
        return recipe with
        {
            Datasets = [.. recipe.Datasets.Zip(pairs, (name, seed) => seed is { } of ? PairsFile(folder, sizes, of, recipe.Portions) : name)],
            Base = model is { } ofModel
                ? new LabModels(folder, sizes.Language, LabPreset.Standard, progress, cancellation) { Shape = sizes.Shape, Sft = sizes.Sft, Ranker = sizes.Ranker, Device = device }.BaseModel(ofModel)
                : recipe.Base,
        };
    }

    private static ulong? Seed(string key, string? name)
    {
        if (name is null || !name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }
        return ulong.TryParse(name[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new InputException($"'{name}' under {key} of the recipe must end in a seed, a whole number >= 0; write {Prefix}100, for example.");
    }

    private static LabSizes SizesOf(Recipe recipe) => recipe.Scale switch
    {
        RecipeScale.Smoke => LabSizes.Of(LabBudget.Smoke),
        RecipeScale.Lab => LabSizes.Of(LabBudget.Lab),
        _ => throw new InputException($"The recipe {recipe.Name} takes its model or its data from the lab ({Prefix}SEED) but says scale: {recipe.Scale.ToString().ToLowerInvariant()}; write scale: lab, or smoke."),
    };

    private static string PairsFile(string folder, LabSizes sizes, ulong seed, int portions)
    {
        var records = Enumerable.Range(0, portions).SelectMany(iteration => LabPairs
            .Offline(sizes.Language, LabPreset.Standard.Writers, seed, iteration, sizes.Pairs)
            .Select((pair, row) => pair.ToRecord(sizes.Language, FormattableString.Invariant($"lab-{seed}-{iteration}-{row:D4}")))).ToArray();
        var content = ContentHash.OfText(JsonSerializer.Serialize(records, JsonFormat.Line));
        var path = Path.Combine(folder, FormattableString.Invariant($"lab-pairs-{seed}-{content[..16]}.jsonl"));
        if (!File.Exists(path))
        {
            PreferenceFile.Write(path, records);
        }
        return path;
    }
}
