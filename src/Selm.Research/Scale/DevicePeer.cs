using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>The plain eager PyTorch program beside the kit's own work of the same shape on a device, step by step in turns.</summary>
internal static class DevicePeer
{
    private static readonly BenchShape half = new(32_000, 896, 24, 14, 2, 4864, 128, 64, 8, 5), tiny = new(64, 32, 2, 2, 1, 48, 4, 6, 2, 2);

    /// <summary>One mode; bfloat16, but float32 on the CPU.</summary>
    /// <exception cref="InputException">There is no Python with torch, or the program failed.</exception>
    internal static DeviceSpeed Run(string what, BenchMode mode, string device, bool small)
    {
        var shape = small ? tiny : half;
        var dtype = device == "cpu" ? ScalarType.Float32 : ScalarType.BFloat16;
        using var peer = new BenchPeer(mode, shape, tuned: true, device);
        using var work = BenchWork.Of(mode, shape, dtype, new Device(device));
        var (ours, theirs) = (new Times(), new Times());
        for (var k = -1; k < shape.Steps; k++)
        {
            work.Prepare(k + 1);
            var step = Times.Of(() =>
            {
                work.Reference();
                work.Step();
            });
            if (k >= 0)
            {
                ours.Add(step.Wall, step.Cpu);
                var other = peer.Step();
                theirs.Add(other.Wall, other.Cpu);
            }
        }
        return new(
            FormattableString.Invariant($"{what} {peer.Torch}: its time over ours {theirs.Wall / ours.Wall:F2}"), mode == BenchMode.Train ? "pairs/s" : "tokens/s",
            (mode == BenchMode.Train ? shape.Batch : BenchWork.TokensOf(mode, shape)) / theirs.Wall * 1e3, null, null, null, null);
    }
}
