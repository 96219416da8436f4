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

    /// <summary>x / sqrt(mean(x^2) + eps) * weight, by rows; weight is [1, width].</summary>
    public static double[,] Norm(double[,] x, double[,] weight, double eps)
    {
        var y = new double[x.GetLength(0), x.GetLength(1)];
        for (var i = 0; i < y.GetLength(0); i++)
        {
            var mean = 0.0;
            for (var k = 0; k < y.GetLength(1); k++) mean += x[i, k] * x[i, k] / y.GetLength(1);
            for (var k = 0; k < y.GetLength(1); k++) y[i, k] = x[i, k] / Math.Sqrt(mean + eps) * weight[0, k];
        }
        return y;
    }

    /// <summary>norm(x) w'.</summary>
    public static double[,] NormLinear(double[,] x, double[,] norm, double eps, double[,] weight) => Product(Norm(x, norm, eps), Transpose(weight));

    /// <summary>x + (silu(gate) * up) down', where [gate, up] = norm(x) gateUp'.</summary>
    public static double[,] Mlp(double[,] x, double[,] norm, double eps, double[,] gateUp, double[,] down)
    {
        var wide = NormLinear(x, norm, eps, gateUp);
        var activation = new double[x.GetLength(0), down.GetLength(1)];
        for (var i = 0; i < activation.GetLength(0); i++)
            for (var k = 0; k < activation.GetLength(1); k++)
                activation[i, k] = wide[i, k] / (1 + Math.Exp(-wide[i, k])) * wide[i, activation.GetLength(1) + k];
        return Add(x, Product(activation, Transpose(down)));
    }

    /// <summary>Gradient of sum(g * f()) with respect to <paramref name="of"/>, which f reads, by central differences.</summary>
    public static double[,] Gradient(double[,] of, double[,] g, Func<double[,]> f)
    {
        var gradient = new double[of.GetLength(0), of.GetLength(1)];
        for (var i = 0; i < gradient.GetLength(0); i++)
        {
            for (var j = 0; j < gradient.GetLength(1); j++)
            {
                const double step = 1e-5;
                var at = of[i, j];
                of[i, j] = at + step;
                var above = Map(f(), g, (x, y) => x * y);
                of[i, j] = at - step;
                var below = Map(f(), g, (x, y) => x * y);
                of[i, j] = at;
                foreach (var difference in Map(above, below, (a, b) => a - b)) gradient[i, j] += difference / (2 * step);
            }
        }
        return gradient;
    }
}
