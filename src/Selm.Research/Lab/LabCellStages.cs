// Everything that cells share lies in folders named by the hash of what it is made from, so that it is computed once,
// whichever cell comes first: base models and the ranker (LabModels), the first policy's measures, the DPO iteration
// that methods and alphas have in common, and the checkpoints of the alpha = 0 twin.
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;

namespace Selm.Research.Lab;

/// <summary>The shared stages of cells in a cache folder.</summary>
/// <param name="folder">The cache folder.</param>
/// <param name="cancellation">Ends the waiting for a stage that another process makes.</param>
internal sealed class LabCellStages(string folder, CancellationToken cancellation = default)
{
    // Part of every name: raised when the code changes what a stage becomes.
    private const string Format = "lab-stage-3";

    private sealed record Record<T>(T Result);

    /// <summary>A stage's folder, made first where it is absent, and what was recorded when it was made.</summary>
    /// <param name="kind">What it is; part of its name.</param>
    /// <param name="parts">Everything it is made from.</param>
    /// <param name="make">Fills the folder that it is given.</param>
    public (string Folder, T Result) Get<T>(string kind, IReadOnlyList<string> parts, Func<string, T> make)
    {
        var path = LabModels.Made(PathOf(kind, parts), make, cancellation);
        var file = Path.Combine(path, "training.json");
        try
        {
            return (path, JsonFormat.Read<Record<T>>(File.ReadAllBytes(file)).Result);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new InputException($"{file} cannot be read ({e.Message.TrimEnd('.')}); delete {path} and start again.", e);
        }
    }

    /// <summary>Keeps the policy that a twin has after an iteration.</summary>
    /// <param name="twin">The alpha = 0 cell.</param>
    /// <param name="iteration">From 0.</param>
    /// <param name="policy">The policy.</param>
    public void KeepCheckpoint(LabCellSpec twin, int iteration, Llama policy) => LabModels.Made(CheckpointOf(twin, iteration), temporary =>
    {
        LlamaWeights.Save(policy, temporary);
        return new { Kind = "checkpoint", Spec = twin, Iteration = iteration };
    }, cancellation);

    /// <summary>The folder of the policy that a twin has after an iteration, or null where it was not kept.</summary>
    /// <param name="twin">The alpha = 0 cell.</param>
    /// <param name="iteration">From 0.</param>
    public string? Checkpoint(LabCellSpec twin, int iteration) => CheckpointOf(twin, iteration) is var path && Directory.Exists(path) ? path : null;

    private string CheckpointOf(LabCellSpec twin, int iteration) => PathOf(FormattableString.Invariant($"twin-{iteration}"), [twin.Hash]);

    private string PathOf(string kind, IReadOnlyList<string> parts) =>
        Path.Combine(folder, "stages", $"{kind}-{ContentHash.Combine([Format, kind, .. parts])[..16]}");
}
