using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Tests.Models;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>
/// TRL's sequence log-probs and their gradient with respect to the logits. A head that is the identity makes hidden
/// states out of the given logits, so the kit's own code runs and its gradient of the hidden states is the one wanted.
/// </summary>
public class HeadBackwardTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void log_probs_and_the_closed_form_gradient_equal_trls(int number)
    {
        var entry = Golden.Json("preference-losses", "trl_sequence_logps.json")[number];
        var labels = GoldenModel.Matrix(entry.GetProperty("labels"));
        var vocabulary = entry.GetProperty("logits")[0][0].GetArrayLength();
        using var model = IdentityHead(vocabulary);
        var rows = labels.Select(Row).ToArray();
        using var scope = NewDisposeScope();
        using var plan = model.ScoringPlan(rows);
        using var targets = ResponseTargets.Of(rows, plan);
        var hidden = Cube(entry.GetProperty("logits")).narrow(1, 0, plan.Width).reshape(-1, vocabulary).index_select(0, targets.Predictors);

        var tokens = TokenLogps.Of(model, hidden, targets);
        var sums = targets.SumBySequence(TokenLogps.Read(tokens));
        var (expectedSums, expectedMeans) = (GoldenModel.Doubles(entry.GetProperty("sum_logps")), GoldenModel.Doubles(entry.GetProperty("mean_logps")));
        for (var k = 0; k < sums.Length; k++)
        {
            Assert.Equal(expectedSums[k], sums[k], 1e-6 * Math.Max(1, Math.Abs(expectedSums[k])));
            Assert.Equal(expectedMeans[k], sums[k] / targets.Lengths[k], 1e-6 * Math.Max(1, Math.Abs(expectedMeans[k])));
        }

        // A weight per sequence scales the gradient of that row alone.
        double[] weights = [.. Enumerable.Range(0, rows.Length).Select(k => k == 1 ? -2.0 : 1.0)];
        var perToken = tensor(targets.SpreadToTokens(weights), [targets.Count]);
        var gradient = StagedBackward.HeadBackward(model, hidden, targets, tokens, perToken);
        var full = Cube(entry.GetProperty("grad_logits_of_sum"));
        var everywhere = full.narrow(1, 0, plan.Width) * tensor(weights, [rows.Length, 1, 1]);
        var expected = everywhere.reshape(-1, vocabulary).index_select(0, targets.Predictors);
        Assert.Equal(everywhere.abs().sum().item<double>(), expected.abs().sum().item<double>(), 1e-9); // elsewhere it is zero
        Assert.True((gradient - expected).abs().max().item<double>() < 1e-6);
        if (plan.Width < full.size(1))
        {
            Assert.Equal(0, full.narrow(1, plan.Width, full.size(1) - plan.Width).abs().max().item<double>());
        }

        // The head's own gradient: sum over positions of d logits (x) hidden.
        var flat = expected.reshape(-1, vocabulary);
        var gap = (model.Head.grad! - flat.t().matmul(hidden)).abs().max().item<double>();
        Assert.True(gap < 1e-5 * Math.Max(1, hidden.abs().max().item<double>()), $"head: {gap}");
    }

    private static Llama IdentityHead(int vocabulary)
    {
        var model = new Llama(
            new LlamaConfig
            {
                ModelType = "llama", VocabSize = vocabulary, HiddenSize = vocabulary, IntermediateSize = 2, NumHiddenLayers = 1, NumAttentionHeads = 1, NumKeyValueHeads = 1, HeadDim = 2,
            },
            ScalarType.Float64);
        using var noGrad = no_grad();
        using var identity = eye(vocabulary, dtype: ScalarType.Float64);
        model.Head.copy_(identity);
        return model;
    }

    // The first label that counts is predicted one position before it.
    private static SharedRow Row(int[] labels)
    {
        var start = Array.FindIndex(labels, label => label != -100);
        var end = Array.FindLastIndex(labels, label => label != -100) + 1;
        Assert.DoesNotContain(-100, labels[start..end]);
        return new SharedRow(new int[start], [labels[start..end]]);
    }

    private static Tensor Cube(JsonElement values)
    {
        var shape = new long[] { values.GetArrayLength(), values[0].GetArrayLength(), values[0][0].GetArrayLength() };
        var flat = values.EnumerateArray().SelectMany(row => row.EnumerateArray().SelectMany(step => step.EnumerateArray().Select(Golden.Number)));
        return tensor(flat.ToArray(), shape);
    }
}
