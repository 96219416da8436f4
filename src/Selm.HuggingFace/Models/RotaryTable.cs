using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Cosines and sines of the rotary position embedding: pair d of a head turns by position * theta^(-2d/D), with the
/// published stretchings "linear" and "llama3".
/// </summary>
public sealed class RotaryTable : IDisposable
{
    /// <summary>Builds the table for positions 0 .. positions - 1.</summary>
    /// <param name="config">Base, stretching and head width.</param>
    /// <param name="positions">How many positions.</param>
    /// <param name="device">Where the table lives.</param>
    public RotaryTable(LlamaConfig config, int positions, Device device)
    {
        var frequencies = Frequencies(config);
        var (cos, sin) = (new float[positions * frequencies.Length], new float[positions * frequencies.Length]);
        for (var p = 0; p < positions; p++)
        {
            for (var d = 0; d < frequencies.Length; d++)
            {
                // The angle is rounded to float32 before the cosine, as every published implementation does.
                var angle = (double)((float)p * (float)frequencies[d]);
                cos[(p * frequencies.Length) + d] = (float)Math.Cos(angle);
                sin[(p * frequencies.Length) + d] = (float)Math.Sin(angle);
            }
        }
        Count = positions;
        Cos = tensor(cos, [positions, frequencies.Length], device: device).DetachFromDisposeScope();
        Sin = tensor(sin, [positions, frequencies.Length], device: device).DetachFromDisposeScope();
    }

    /// <summary>Number of positions in the table.</summary>
    public int Count { get; }

    /// <summary>Cosines, [positions, headDim / 2], float32.</summary>
    public Tensor Cos { get; }

    /// <summary>Sines, [positions, headDim / 2], float32.</summary>
    public Tensor Sin { get; }

    /// <summary>Angle per position of each pair, after stretching.</summary>
    /// <param name="config">Base, stretching and head width.</param>
    /// <returns>headDim / 2 frequencies.</returns>
    public static double[] Frequencies(LlamaConfig config)
    {
        var frequencies = new double[config.HeadDim / 2];
        for (var d = 0; d < frequencies.Length; d++)
        {
            frequencies[d] = Stretch(1 / Math.Pow(config.RopeTheta, 2.0 * d / config.HeadDim), config.RopeScaling);
        }
        return frequencies;
    }

    /// <summary>The rows of the table at the given positions, for heads laid out as [rows, heads, width, headDim].</summary>
    /// <param name="positions">[rows, width].</param>
    /// <param name="dtype">Element type to return.</param>
    /// <returns>Two tensors [rows, 1, width, headDim / 2].</returns>
    internal (Tensor Cos, Tensor Sin) At(Tensor positions, ScalarType dtype)
    {
        var flat = positions.reshape(-1);
        Tensor Rows(Tensor table) => table.index_select(0, flat).view(positions.size(0), 1, positions.size(1), -1).to_type(dtype);
        return (Rows(Cos), Rows(Sin));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }

    private static double Stretch(double frequency, RopeScaling? scaling)
    {
        switch (scaling?.Type)
        {
            case null:
                return frequency;
            case "linear":
                return frequency / scaling.Factor;
            default: // llama3: short waves stay, long waves are divided, those between are blended
                var wavelength = 2 * Math.PI / frequency;
                double lowest = scaling.OriginalMaxPositionEmbeddings / scaling.LowFreqFactor, highest = scaling.OriginalMaxPositionEmbeddings / scaling.HighFreqFactor;
                if (wavelength < highest)
                {
                    return frequency;
                }
                if (wavelength > lowest)
                {
                    return frequency / scaling.Factor;
                }
                var blend = ((scaling.OriginalMaxPositionEmbeddings / wavelength) - scaling.LowFreqFactor) / (scaling.HighFreqFactor - scaling.LowFreqFactor);
                return ((1 - blend) * frequency / scaling.Factor) + (blend * frequency);
        }
    }
}
