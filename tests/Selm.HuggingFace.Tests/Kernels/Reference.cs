namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>What the kernels compute, as plain loops in double precision.</summary>
internal static class Reference
{
    /// <summary>a [m, k] b [k, n].</summary>
    public static double[,] Product(double[,] a, double[,] b)
    {
        var c = new double[a.GetLength(0), b.GetLength(1)];
        for (var i = 0; i < c.GetLength(0); i++)
            for (var p = 0; p < b.GetLength(0); p++)
                for (var j = 0; j < c.GetLength(1); j++) c[i, j] += a[i, p] * b[p, j];
        return c;
    }

    public static double[,] Transpose(double[,] a)
    {
        var t = new double[a.GetLength(1), a.GetLength(0)];
        for (var i = 0; i < a.GetLength(0); i++) for (var j = 0; j < a.GetLength(1); j++) t[j, i] = a[i, j];
        return t;
    }

    public static double[,] Map(double[,] a, Func<double, double> f) => Map(a, a, (x, _) => f(x));

    public static double[,] Add(double[,] a, double[,] b) => Map(a, b, (x, y) => x + y);

    /// <summary>Element by element.</summary>
    public static double[,] Map(double[,] a, double[,] b, Func<double, double, double> f)
    {
        var c = new double[a.GetLength(0), a.GetLength(1)];
        for (var i = 0; i < c.GetLength(0); i++) for (var j = 0; j < c.GetLength(1); j++) c[i, j] = f(a[i, j], b[i, j]);
        return c;
    }
}
