// A tensor as a person looks at it: shape, type, place, spread, and whether something in it is not a number. Read in pieces,
// so that the summary of a large weight matrix needs no second copy of it.
using System.Globalization;
using MathNet.Numerics.Statistics;
using Selm.Research.Figures;
using Selm.Research.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Lessons;

/// <summary>Shape and statistics of a tensor; shows itself in notebooks. Derived in lesson 01.</summary>
/// <param name="Name">What the tensor is called; may be empty.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Device">Where it lies.</param>
/// <param name="NotFinite">Elements that are NaN or infinite; the statistics leave them out.</param>
/// <param name="Min">The smallest element; NaN where there is none.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Max">The largest element.</param>
/// <param name="Deviation">Their standard deviation, as of a whole population.</param>
[TypeFormatterSource(typeof(TensorFormatterSource), PreferredMimeTypes = ["text/html", "text/markdown", "text/plain"])]
public sealed record TensorSummary(
    string Name, IReadOnlyList<long> Shape, ScalarType Type, string Device, long NotFinite, double Min, double Mean, double Max, double Deviation)
{
    private const long Piece = 1 << 20; // elements read at once

    /// <summary>How many elements it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Looks at a tensor of any type and on any device.</summary>
    /// <param name="tensor">The tensor; stays as it is.</param>
    /// <param name="name">What to call it.</param>
    public static TensorSummary Of(Tensor tensor, string name = "")
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (flat, count) = (tensor.detach().flatten(), tensor.numel());
        var finite = new RunningStatistics();
        for (var start = 0L; start < count; start += Piece)
        {
            using var piece = NewDisposeScope();
            finite.PushRange(flat.narrow(0, start, Math.Min(Piece, count - start)).cpu().to_type(ScalarType.Float64).data<double>().ToArray().Where(double.IsFinite));
        }
        return new(name, tensor.shape, tensor.dtype, tensor.device.ToString(), count - finite.Count, finite.Minimum, finite.Mean, finite.Maximum, finite.PopulationStandardDeviation);
    }

    /// <summary>Several tensors below each other, such as <c>model.named_parameters()</c>.</summary>
    /// <param name="tensors">Names and tensors.</param>
    public static ResultTable Table<T>(IEnumerable<(string Name, T Tensor)> tensors)
        where T : Tensor => Table([.. tensors.Select(named => Of(named.Tensor, named.Name))]);

    /// <summary>Shape, type, place, statistics.</summary>
    public override string ToString() => TableWriter.PlainText(Table([this]));

    internal static ResultTable Table(IReadOnlyList<TensorSummary> summaries) => new(
        "tensors", summaries.Count == 1 ? "One tensor" : $"{summaries.Count} tensors, {summaries.Sum(summary => summary.Count).ToString("N0", CultureInfo.InvariantCulture)} numbers",
        [
            new("tensor"), new("shape"), new("type"), new("device"), new("min", Format: "0.000"), new("mean", Format: "0.000"), new("max", Format: "0.000"),
            new("standard deviation", Format: "0.000"), new("not finite", Format: "0"),
        ],
        [.. summaries.Select(summary => (IReadOnlyList<Cell>)
        [
            Cell.Text(summary.Name), Cell.Text($"[{string.Join(", ", summary.Shape)}]"), Cell.Text($"{summary.Type}"), Cell.Text(summary.Device),
            summary.Min, summary.Mean, summary.Max, summary.Deviation, summary.NotFinite,
        ])]);
}

/// <summary>How a <see cref="TensorSummary"/> shows itself: as a table of one row.</summary>
public sealed class TensorFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<TensorSummary>("text/html", summary => TableWriter.Html(TensorSummary.Table([summary]))),
        new DisplayFormatter<TensorSummary>("text/markdown", summary => TableWriter.Markdown(TensorSummary.Table([summary]))),
        new DisplayFormatter<TensorSummary>("text/plain", summary => summary.ToString()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}
