using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Numerics;
using Selm.Research.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Sampling;

public class LogitsFilterTests
{
    private const int Vocabulary = 17;

    [Fact]
    public void filtered_scores_are_untouched_or_minus_infinity_and_their_softmax_sums_to_one() =>
        Check((logits, options) =>
        {
            using var scope = NewDisposeScope();
            var plain = (Scores(logits) / options.Temperature).data<double>().ToArray();
            var filtered = LogitsFilter.Apply(Scores(logits), options);
            var left = filtered.data<double>().ToArray();
            return left.Zip(plain).All(pair => double.IsNegativeInfinity(pair.First) || pair.First.Equals(pair.Second))
                && Math.Abs(filtered.softmax(-1).sum().item<double>() - 1) < 1e-12;
        });

    [Fact]
    public void top_k_keeps_the_k_best_and_their_ties() =>
        Check((logits, options) =>
        {
            using var scope = NewDisposeScope();
            var k = Math.Max(1, options.TopK);
            var kth = logits.OrderDescending().ElementAt(Math.Min(k, Vocabulary) - 1);
            return Kept(LogitsFilter.TopK(Scores(logits), k)).SequenceEqual(logits.Select(score => score >= kth));
        });

    [Fact]
    public void top_p_keeps_the_smallest_set_of_best_tokens_that_holds_more_than_p() =>
        Check((logits, options) =>
        {
            using var scope = NewDisposeScope();
            var kept = Kept(LogitsFilter.TopP(Scores(logits), options.TopP));
            var probabilities = Scores(logits).softmax(-1).data<double>().ToArray();
            var mass = probabilities.Where((_, token) => kept[token]).Sum();
            var least = probabilities.Where((_, token) => kept[token]).Min();
            var best = probabilities.Where((_, token) => !kept[token]).DefaultIfEmpty(0).Max();
            return mass >= options.TopP - 1e-12 && mass - least <= options.TopP + 1e-12 && best <= least;
        });

    [Fact]
    public void min_p_keeps_what_is_at_least_a_fraction_of_the_best() =>
        Check((logits, options) =>
        {
            using var scope = NewDisposeScope();
            var kept = Kept(LogitsFilter.MinP(Scores(logits), options.MinP));
            var probabilities = Scores(logits).softmax(-1).data<double>().ToArray();
            return kept.SequenceEqual(probabilities.Select(p => p >= options.MinP * probabilities.Max()));
        });

    [Fact]
    public void temperature_zero_applies_the_penalty_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var history = new TokenHistory([[0, 2]], 4, CPU);
        var options = new SamplingOptions(Temperature: 0, TopK: 1, TopP: 0.1, MinP: 0.9, RepetitionPenalty: 2);
        var scores = LogitsFilter.Apply(tensor(new float[] { 3, 1, -1, 0 }, [1, 4]), options, history);
        Assert.Equal([1.5f, 1, -2, 0], scores.data<float>().ToArray());
    }

    [Fact]
    public void half_precision_logits_are_filtered_in_float32()
    {
        using var scope = NewDisposeScope();
        var scores = LogitsFilter.Apply(tensor(new float[] { 3, 1, -1, 0 }, [1, 4]).bfloat16(), new SamplingOptions(0.7, TopK: 2));
        Assert.Equal(float32, scores.dtype);
        Assert.Equal([3 / 0.7f, 1 / 0.7f, float.NegativeInfinity, float.NegativeInfinity], scores.data<float>().ToArray());
    }

    [Fact]
    public void a_penalty_without_the_tokens_so_far_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => LogitsFilter.Apply(zeros(1, 4), new SamplingOptions(RepetitionPenalty: 1.1)));
    }

    [Theory]
    [InlineData(-0.1, 0, 1, 0, 1, 8, "temperature")]
    [InlineData(double.NaN, 0, 1, 0, 1, 8, "temperature")]
    [InlineData(1, -1, 1, 0, 1, 8, "top-k")]
    [InlineData(1, 0, 0, 0, 1, 8, "top-p")]
    [InlineData(1, 0, 1.1, 0, 1, 8, "top-p")]
    [InlineData(1, 0, double.NaN, 0, 1, 8, "top-p")]
    [InlineData(1, 0, 1, 1.5, 1, 8, "min-p")]
    [InlineData(1, 0, 1, 0, 0, 8, "repetition-penalty")]
    [InlineData(1, 0, 1, 0, 1, 0, "max-new-tokens")]
    public void an_option_outside_its_range_is_refused_by_name(double temperature, int topK, double topP, double minP, double penalty, int longest, string name)
    {
        new SamplingOptions().Validate();
        var error = Assert.Throws<InputException>(() => new SamplingOptions(temperature, topK, topP, minP, penalty, longest).Validate());
        Assert.StartsWith($"Sampling option {name} is ", error.Message, StringComparison.Ordinal);
    }

    // Random rows of distinct and of tied scores, and random options; 200 of each.
    private static void Check(Func<double[], SamplingOptions, bool> holds) =>
        Prop.ForAll(ArbMap.Default.ArbFor<uint>(), seed =>
        {
            var random = new PhiloxStream(seed, "filters");
            var tied = random.NextInt(2) == 0;
            var logits = Enumerable.Range(0, Vocabulary)
                .Select(_ => tied ? random.NextInt(5) - 2 : 3 * random.NextGaussian()).ToArray();
            var options = new SamplingOptions(
                0.3 + random.NextDouble(), random.NextInt(Vocabulary + 3), 0.05 + (0.94 * random.NextDouble()), 0.5 * random.NextDouble());
            return holds(logits, options);
        }).QuickCheckThrowOnFailure();

    private static Tensor Scores(double[] logits) => tensor(logits, [1, Vocabulary]);

    private static bool[] Kept(Tensor scores) => scores.isfinite().data<bool>().ToArray();
}
