using System.Globalization;

namespace Selm.Research.Figures;

/// <summary>A place on an axis and its label; minor ticks have none.</summary>
internal readonly record struct Tick(double Value, string Label);

/// <summary>Round places for ticks: steps of 1, 2 or 5 times a power of ten; whole powers of ten on a logarithmic axis.</summary>
internal static class Ticks
{
    private static readonly int[] factors = [1, 2, 5];

    /// <summary>Ticks of a linear axis, at most <paramref name="count"/> and at least one where a round value lies inside.</summary>
    public static IReadOnlyList<Tick> Linear(double low, double high, int count)
    {
        // The finest round step that keeps to the count; a span of n steps may hold n + 1 ticks or n.
        var (step, first, last) = new[] { count + 2, count + 1, count }.Select(n => Step(high - low, n))
            .Select(step => (step, First: Math.Ceiling((low / step) - 1e-9), Last: Math.Floor((high / step) + 1e-9)))
            .First(choice => choice.Last - choice.First < count || choice.step == Step(high - low, count));
        var format = LabelFormat(step, Math.Max(Math.Abs(low), Math.Abs(high)));
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step).Select(v => new Tick(v, Numerals.Format(v, format)))];
    }

    /// <summary>The smallest round step of which at most <paramref name="count"/> ticks lie in a span.</summary>
    public static double Step(double span, int count)
    {
        var raw = span / Math.Max(1, count - 1);
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw) + 1e-12));
        return (raw / power) switch
        {
            <= 1 + 1e-9 => power,
            <= 2 + 1e-9 => 2 * power,
            <= 5 + 1e-9 => 5 * power,
            _ => 10 * power,
        };
    }

    /// <summary>Ticks of a logarithmic axis: every decade or every few; also 2 and 5 where less than two decades show.</summary>
    public static IReadOnlyList<Tick> Log(double low, double high, int count)
    {
        var (first, last) = ((int)Math.Ceiling(Math.Log10(low) - 1e-9), (int)Math.Floor(Math.Log10(high) + 1e-9));
        if (last - first >= 1)
        {
            var stride = (int)Math.Ceiling((last - first + 1.0) / Math.Max(2, count));
            return [.. Enumerable.Range(0, ((last - first) / stride) + 1).Select(i => Decade(first + (i * stride), 1))];
        }
        var fine = Enumerable.Range(first - 1, last - first + 3)
            .SelectMany(exponent => factors.Select(factor => Decade(exponent, factor)))
            .Where(tick => tick.Value >= low * (1 - 1e-9) && tick.Value <= high * (1 + 1e-9))
            .ToArray();
        return fine.Length >= 2 ? fine : Linear(low, high, count);
    }

    private static Tick Decade(int exponent, int factor)
    {
        var value = factor * Math.Pow(10, exponent);
        return new(value, exponent is >= -4 and <= 4
            ? Numerals.Format(value, "0.####")
            : $"{factor}e{exponent.ToString(CultureInfo.InvariantCulture).Replace('-', '\u2212')}");
    }

    private static string LabelFormat(double step, double largest)
    {
        if (largest >= 1e6 || step < 1e-5)
        {
            return "0.##e0";
        }
        var decimals = Math.Max(0, (int)-Math.Floor(Math.Log10(step) + 1e-9));
        return decimals == 0 ? "0" : "0." + new string('0', decimals);
    }
}
