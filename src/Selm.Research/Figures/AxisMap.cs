namespace Selm.Research.Figures;

/// <summary>From data units to drawing units along one axis.</summary>
/// <param name="Low">The data value at <paramref name="From"/>.</param>
/// <param name="High">The data value at <paramref name="To"/>.</param>
/// <param name="Log">Whether the axis is logarithmic.</param>
/// <param name="From">The drawing unit of the low end.</param>
/// <param name="To">The drawing unit of the high end.</param>
internal readonly record struct AxisMap(double Low, double High, bool Log, double From, double To)
{
    /// <summary>The drawing unit of a value.</summary>
    public double At(double value) => From + ((To - From) * Share(value));

    /// <summary>How long one category is.</summary>
    public double Slot => Math.Abs(To - From) / (High - Low);

    private double Share(double value) => Log
        ? (Math.Log10(value) - Math.Log10(Low)) / (Math.Log10(High) - Math.Log10(Low))
        : (value - Low) / (High - Low);
}

/// <summary>Where a panel begins and ends in the drawing, and how its data get there.</summary>
internal sealed record PlotArea(double Left, double Top, double Width, double Height, AxisMap X, AxisMap Y)
{
    public double Right => Left + Width;

    public double Bottom => Top + Height;
}
