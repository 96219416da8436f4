namespace Selm.Research.Theory;

/// <summary>Functions of (prompt, response) as arrays, one row per prompt.</summary>
internal static class Tables
{
    /// <summary>The table of f, filled row by row.</summary>
    internal static double[][] Of(int prompts, int responses, Func<int, int, double> f)
    {
        var table = new double[prompts][];
        for (var x = 0; x < prompts; x++)
        {
            table[x] = new double[responses];
            for (var y = 0; y < responses; y++)
            {
                table[x][y] = f(x, y);
            }
        }
        return table;
    }

    /// <summary>The table of g(entry).</summary>
    internal static double[][] Map(double[][] table, Func<double, double> g) =>
        [.. table.Select(row => row.Select(g).ToArray())];

    /// <summary>The rows one after another, as both sides of a step hold them.</summary>
    internal static double[] Flat(double[][] table) => [.. table.SelectMany(row => row)];

    /// <summary>The mean of f(0), ..., f(count - 1).</summary>
    internal static double Mean(int count, Func<int, double> f)
    {
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            sum += f(i);
        }
        return sum / count;
    }
}
