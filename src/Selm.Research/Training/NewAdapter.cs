using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>The adapter that a recipe starts from where it names none.</summary>
public static class NewAdapter
{
    /// <summary>Puts the recipe's adapter on, where it has one and the model wears none yet.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="recipe">The recipe.</param>
    internal static void WearNewAdapter(this ModelFolder folder, Recipe recipe)
    {
        if (recipe.Adapter is not null && folder.Model.Adapter is null)
        {
            folder.Model.Attach(Of(folder.Model, recipe.Adapter, recipe.Seed));
        }
    }

    /// <summary>An adapter that changes nothing yet: A uniform in (-1, 1) / sqrt(in) as PEFT begins it, B zero; the same for the same seed.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="recipe">Rank, scaling and targets; 16, twice the rank and all-linear where nothing is given.</param>
    /// <param name="seed">Seed of the streams; each A has its own, named after it.</param>
    /// <exception cref="InputException">The targets name no linear layer of the model.</exception>
    public static LoraAdapter Of(Llama model, AdapterRecipe recipe, ulong seed)
    {
        var rank = recipe.Rank ?? 16;
        var adapter = new LoraAdapter(
            new LoraConfig
            {
                Rank = rank, Alpha = recipe.Alpha ?? 2 * rank, UseRslora = recipe.Rslora ?? false,
                TargetModules = recipe.TargetModules.Count > 0 ? recipe.TargetModules : [LoraConfig.AllLinear],
            }, model);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in adapter.Named.Where(w => w.Name.EndsWith(".lora_A.weight", StringComparison.Ordinal)))
        {
            var values = new float[weight.numel()];
            new PhiloxStream(seed, name).FillUniform(values); // [0, 1)
            weight.copy_(tensor(values, weight.shape, device: model.Device).Plus(-0.5).Times(2 / Math.Sqrt(weight.size(1))));
        }
        return adapter;
    }
}
