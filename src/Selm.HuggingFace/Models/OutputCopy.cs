using System.Reflection;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// TorchSharp keeps with every node of a graph an empty tensor of the size of its output, to make zeros of where no gradient comes. A
/// kernel has one output and its gradient always comes, so that this is as much memory as all activations, for nothing.
/// </summary>
internal static class OutputCopy
{
    // Members that TorchSharp does not show; where another version has none of them the copies stay, which costs memory and nothing else.
    private static readonly FieldInfo? node = typeof(autograd.AutogradContext).GetField("_node", BindingFlags.Instance | BindingFlags.NonPublic);
    private static FieldInfo? copies;

    /// <summary>Lets go of the copies of a node's outputs.</summary>
    /// <param name="context">The context of the node.</param>
    public static void Drop(autograd.AutogradContext context)
    {
        if (node?.GetValue(context) is not { } owner)
        {
            return;
        }
        copies ??= owner.GetType().GetField("_outputCache", BindingFlags.Instance | BindingFlags.NonPublic);
        if (copies?.GetValue(owner) is not List<Tensor?> kept)
        {
            return;
        }
        for (var k = 0; k < kept.Count; k++)
        {
            kept[k]?.Dispose();
            kept[k] = null;
        }
    }
}
