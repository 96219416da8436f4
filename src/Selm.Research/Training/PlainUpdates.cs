using Selm.HuggingFace.Engine;
using Selm.Research.Runs;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>The optimisers beside AdamW, with PyTorch's constants and order of operations.</summary>
internal static class PlainUpdates
{
    private const double Decay = 0.99; // of RMSprop's mean of squares

    /// <summary>v = 0.99 v + 0.01 g^2; p -= lr g / (sqrt(v) + eps), where g holds the weight decay.</summary>
    /// <param name="parameter">Updated in place.</param>
    /// <param name="gradient">Left as it is.</param>
    /// <param name="square">v, updated in place.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="recipe">The constants.</param>
    /// <param name="scale">The gradient is multiplied by this first.</param>
    public static void RmsProp(Tensor parameter, Tensor gradient, Tensor square, double learningRate, OptimizerRecipe recipe, double scale)
    {
        var g = Decayed(parameter, gradient, recipe.WeightDecay, scale);
        square.MultiplyInPlace(Decay);
        square.AddProductInPlace(g, g, 1 - Decay);
        parameter.AddQuotientInPlace(g, square.sqrt().Plus(recipe.Eps), -learningRate);
    }

    /// <summary>p -= lr g, where g holds the weight decay.</summary>
    /// <param name="parameter">Updated in place.</param>
    /// <param name="gradient">Left as it is.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="recipe">The constants.</param>
    /// <param name="scale">The gradient is multiplied by this first.</param>
    public static void Sgd(Tensor parameter, Tensor gradient, double learningRate, OptimizerRecipe recipe, double scale) =>
        parameter.AddInPlace(Decayed(parameter, gradient, recipe.WeightDecay, scale), -learningRate);

    private static Tensor Decayed(Tensor parameter, Tensor gradient, double weightDecay, double scale)
    {
        var g = gradient.Times(scale);
        return weightDecay == 0 ? g : g.Plus(parameter.Times(weightDecay));
    }
}
