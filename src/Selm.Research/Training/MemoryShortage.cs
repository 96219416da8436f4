using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Selm.Research.Training;

/// <summary>A row of metrics.jsonl that says what a training changed about itself: after a step that ran out of memory, its passes are smaller.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="PairsPerPass">Pairs per forward pass from this step on.</param>
/// <param name="Note">The same in a sentence.</param>
internal sealed record MemoryRow(int Iteration, int PairsPerPass, string Note)
{
    /// <summary>"memory", where other rows have "train" or "eval".</summary>
    [JsonPropertyOrder(-1)]
    public string Phase { get; } = "memory";
}

/// <summary>What to do about a step that does not fit the memory of its device.</summary>
internal static class MemoryShortage
{
    /// <summary>Whether an exception, or one that it stands for, says that there was no memory: .NET's own, or libtorch's on the CPU or on CUDA.</summary>
    public static bool Is(Exception? e) => e switch
    {
        null => false,
        OutOfMemoryException => true,
        ExternalException when Says(e, "out of memory") || Says(e, "can't allocate memory") || Says(e, "not enough memory") => true,
        _ => Is(e.InnerException),
    };

    /// <summary>What the training does from now on.</summary>
    /// <param name="step">The step that failed, with its place in the training.</param>
    /// <param name="options">The training.</param>
    /// <param name="pairs">Pairs per forward pass in the step that failed.</param>
    /// <param name="kept">Which checkpoint there is, in words.</param>
    /// <exception cref="InputException">The passes have been halved before, hold one pair only, or cannot be smaller because the step is taken within the backward pass.</exception>
    public static MemoryRow Halved(string step, TrainerOptions options, int pairs, string kept)
    {
        var size = string.Create(CultureInfo.InvariantCulture, $"{pairs} {(pairs == 1 ? "pair" : "pairs")}");
        if (options.Optimizer.UpdateInBackward)
        {
            throw new InputException($"{step}: there was not enough memory for {size}, and with optimizer.update_in_backward a step has one forward pass; lower batch_size and start in a new folder; {kept}.");
        }
        if (pairs == 1 || pairs < options.BatchSize)
        {
            var halved = pairs < options.BatchSize ? $", half of batch_size {options.BatchSize}" : "";
            var lower = pairs == 1 ? "lower max_length" : "lower batch_size (and raise gradient_accumulation as much) or max_length";
            var also = options.ActivationCheckpointing ? "" : ", or set activation_checkpointing: true,";
            throw new InputException($"{step}: there was not enough memory for {size} per forward pass{halved}; {lower}{also} and start in a new folder; {kept}.");
        }
        var half = (pairs + 1) / 2;
        return new(options.Iteration, half, $"{step}: there was not enough memory for {size} per forward pass; from this step on it is {half}, which changes no gradient beyond rounding.");
    }

    private static bool Says(Exception e, string words) => e.Message.Contains(words, StringComparison.OrdinalIgnoreCase);
}
