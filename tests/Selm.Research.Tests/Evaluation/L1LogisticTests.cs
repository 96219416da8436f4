using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Evaluation;

public class L1LogisticTests
{
    private static readonly double[] Strengths = [1e-4, 0.01, 0.3, 2.78, 166, 1e4];

    [Fact]
    public void the_optimality_conditions_hold_at_every_strength() =>
        Prop.ForAll<uint>(seed =>
        {
            var (regression, weights) = Made(seed);
            return Strengths.All(c =>
            {
                var beta = regression.Fit(weights, c);
                // In units of the penalty's slope of 1; the gradient itself is a sum of C times this many terms.
                return regression.OptimalityGap(beta, weights, c) <= 1e-9 * Math.Max(1, c);
            });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void no_point_nearby_is_better() =>
        Prop.ForAll<uint>(seed =>
        {
            var (regression, weights) = Made(seed);
            var random = new PhiloxStream(seed, "nearby");
            var beta = regression.Fit(weights, 2);
            var best = regression.Objective(beta, weights, 2);
            return Enumerable.Range(0, 50).All(_ =>
                regression.Objective([.. beta.Select(b => b + (0.1 * random.NextGaussian()))], weights, 2) >= best);
        }).QuickCheckThrowOnFailure();

    // One constant feature: the derivative of |b| + C W (mean log-loss) vanishes at sigma(b) = y - sign(b) / (C W).
    [Theory]
    [InlineData(0.8, 3, 0.8 - (1 / 30.0))]
    [InlineData(0.2, 3, 0.2 + (1 / 30.0))]
    [InlineData(0.8, 1e4, 0.8 - 1e-5)]
    [InlineData(1, 3, 1 - (1 / 30.0))]
    public void one_constant_feature_has_the_closed_form(double label, double c, double probability)
    {
        var regression = new L1Logistic([.. Enumerable.Repeat(1.0, 10)], [.. Enumerable.Repeat(label, 10)]);
        var beta = regression.Fit([.. Enumerable.Repeat(1.0, 10)], c);
        Assert.Equal(probability, LogMath.Sigmoid(beta[0]), 1e-12);
    }

    [Fact]
    public void the_penalty_holds_a_weak_feature_at_exactly_zero()
    {
        // The gradient at zero is C * sum (1/2 - y) = 0.3 * 10 * 0.3 = 0.9, below the penalty's slope of 1.
        var regression = new L1Logistic([.. Enumerable.Repeat(1.0, 10)], [.. Enumerable.Repeat(0.8, 10)]);
        Assert.Equal(0, regression.Fit([.. Enumerable.Repeat(1.0, 10)], 0.3)[0]);
        Assert.NotEqual(0, regression.Fit([.. Enumerable.Repeat(1.0, 10)], 0.34)[0]);
    }

    [Fact]
    public void a_soft_label_is_two_weighted_rows()
    {
        double[] features = [0.3, 1, -0.9, 1, 0.5, 1, 0.1, 1];
        double[] labels = [0.9, 0.2, 0.55, 0.4];
        double[] weights = [1, 0.1, 2, 1];
        var soft = new L1Logistic(features, labels).Fit(weights, 5);
        var hard = new L1Logistic([.. features, .. features], [1, 1, 1, 1, 0, 0, 0, 0]).Fit(
            [.. weights.Zip(labels, (w, y) => w * y), .. weights.Zip(labels, (w, y) => w * (1 - y))], 5);
        Assert.Equal(hard[0], soft[0], 1e-10);
        Assert.Equal(hard[1], soft[1], 1e-10);
    }

    [Fact]
    public void a_weight_is_a_number_of_copies_and_weight_zero_is_absence()
    {
        var weighted = new L1Logistic([1, 2, 5], [1, 0, 0.5]).Fit([2, 1, 0], 3);
        var copies = new L1Logistic([1, 1, 2], [1, 1, 0]).Fit([1, 1, 1], 3);
        Assert.Equal(copies[0], weighted[0], 1e-10);
    }

    [Fact]
    public void separable_rows_and_a_useless_feature_still_have_an_optimum()
    {
        var regression = new L1Logistic([-2, 0, -1, 0, 1, 0, 3, 0], [0, 0, 1, 1]);
        double[] weights = [1, 1, 1, 1];
        var beta = regression.Fit(weights, 1e4);
        Assert.True(beta[0] > 5);
        Assert.Equal(0, beta[1]);
        Assert.True(regression.OptimalityGap(beta, weights, 1e4) < 1e-6);
    }

    // tanh of large gaps beside the column of ones: the two differ by 1e-3 down to nothing.
    [Fact]
    public void columns_that_are_nearly_the_same_have_an_optimum() =>
        Prop.ForAll<uint>(seed =>
        {
            var random = new PhiloxStream(seed, "collinear");
            var (scale, shift) = (Math.Pow(10, -3 - (9 * random.NextDouble())), random.NextInt(3) == 0 ? 0 : 1e-4);
            double[] features = [.. Enumerable.Range(0, 144).SelectMany(_ => new[] { -1 + shift + (scale * random.NextDouble()), 1.0 })];
            double[] labels = [.. Enumerable.Range(0, 144).Select(_ => LogMath.Sigmoid(-1 + random.NextGaussian()))];
            double[] weights = [.. Enumerable.Repeat(1.0, 144)];
            var regression = new L1Logistic(features, labels);
            return Strengths.All(c =>
            {
                var beta = regression.Fit(weights, c);
                return regression.OptimalityGap(beta, weights, c) <= 1e-9 * Math.Max(1, c);
            });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void liblinear_stops_near_the_optimum_and_each_place_of_a_path_elsewhere()
    {
        var (features, labels, weights) = MadeData(6);
        var regression = new L1Logistic(features, labels);
        foreach (var c in Strengths)
        {
            var optimum = regression.Fit(weights, c);
            var one = LiblinearFit.Fit(features, labels, weights, c, place: 0);
            Assert.All(optimum.Zip(one), pair => Assert.Equal(pair.First, pair.Second, 0.01));
            Assert.True(regression.Objective(one, weights, c) - regression.Objective(optimum, weights, c) < 1e-3 * (1 + c));
            Assert.Equal(one, LiblinearFit.Fit(features, labels, weights, c, place: 0));
        }
        Assert.NotEqual(LiblinearFit.Fit(features, labels, weights, 166, 0), LiblinearFit.Fit(features, labels, weights, 166, 1));
    }

    [Fact]
    public void nonsense_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new L1Logistic([1, 2, 3], [0, 1]));
        Assert.Throws<ArgumentException>(() => new L1Logistic([], []));
        Assert.Throws<ArgumentException>(() => new L1Logistic([double.NaN], [0]));
        Assert.Throws<ArgumentException>(() => new L1Logistic([1], [1.5]));
        Assert.Throws<ArgumentException>(() => new L1Logistic([1], [1]).Fit([1, 1], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new L1Logistic([1], [1]).Fit([1], 0));
    }

    private static (L1Logistic Regression, double[] Weights) Made(uint seed)
    {
        var (features, labels, weights) = MadeData(seed);
        return (new(features, labels), weights);
    }

    // 60 rows of three features of the GLM's shape: a squashed gap, a difficulty, a flag; labels from a random truth, some of them hard.
    private static (double[] Features, double[] Labels, double[] Weights) MadeData(uint seed)
    {
        var random = new PhiloxStream(seed, "l1-logistic");
        var (features, labels, weights) = (new List<double>(), new List<double>(), new List<double>());
        double[] truth = [2 * random.NextGaussian(), random.NextGaussian(), random.NextGaussian()];
        for (var i = 0; i < 60; i++)
        {
            double[] x = [Math.Tanh(random.NextGaussian()), random.NextGaussian(), i % 3 == 0 ? 0 : 1];
            var p = LogMath.Sigmoid(x.Zip(truth, (a, b) => a * b).Sum() + random.NextGaussian());
            features.AddRange(x);
            labels.Add(i % 4 == 0 ? Math.Round(p) : p);
            weights.Add(i % 3 == 0 ? 0.1 : 1);
        }
        return ([.. features], [.. labels], [.. weights]);
    }
}
