using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Tests;

namespace Selm.Research.Tests.Ranking;

public class PairRmRankerTests
{
    [Theory]
    [InlineData("pairrm")]
    [InlineData("pairrm-truncation")]
    public void logits_scores_ranks_and_bubble_equal_the_golden_ones(string model)
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", model));
        foreach (var group in Groups(model))
        {
            var batch = Batch(group);
            var matrices = ranker.Compare(batch);
            var ranked = ranker.Rank(batch);
            for (var row = 0; row < batch.Length; row++)
            {
                var matrix = matrices[row];
                var expected = group.GetProperty("comparison_matrix")[row].EnumerateArray().SelectMany(Doubles).ToArray();
                Near(expected, [.. matrix.Cast<double>()], 1e-4);
                Near(Doubles(group.GetProperty("scores_max_logits")[row]), ranked[row].Scores, 1e-4);
                Near(Doubles(group.GetProperty("scores_max_wins")[row]), Comparisons.MaxWins(matrix), 1e-6);
                Assert.Equal(Ints(group.GetProperty("ranks")[row]), ranked[row].Ranks);
                var bubble = group.GetProperty("bubble");
                Assert.Equal(bubble.GetProperty("best")[row].GetInt32(), Comparisons.Bubble((i, j) => matrix[i, j], Ints(bubble.GetProperty("initial_permutation"))));
            }
        }
    }

    [Theory]
    [InlineData("pairrm")]
    [InlineData("pairrm-truncation")]
    public void parts_and_packed_pairs_equal_the_golden_ids(string model)
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", model));
        var packing = new PairRmPacking(PairRmConfig.Load(Golden.Path("hf-models", model)));
        foreach (var group in Groups(model))
        {
            var batch = Batch(group);
            var (sources, candidates) = packing.Cut(
                [.. batch.Select(r => ranker.Source(r.Prompt))], [.. batch.Select(r => r.Candidates.Select(ranker.Candidate).ToArray())]);
            for (var row = 0; row < batch.Length; row++)
            {
                Assert.Equal(Unpadded(group, "source_ids", "source_attention_mask", row), sources[row]);
                for (var k = 0; k < candidates[row].Length; k++)
                {
                    var ids = Ints(group.GetProperty("candidate_ids")[row][k]);
                    Assert.Equal(ids[..Ints(group.GetProperty("candidate_attention_mask")[row][k]).Sum()], candidates[row][k]);
                }
                var packed = packing.Pack(sources[row], candidates[row][0], candidates[row][1]);
                Assert.Equal(Unpadded(group.GetProperty("pair_0_1"), "input_ids", "attention_mask", row), packed.Ids);
                Assert.Equal((513, 514, 515), (packed.Ids[1], packed.Ids[packed.LeftAt], packed.Ids[packed.RightAt]));
            }
        }
    }

    [Theory]
    [InlineData("pairrm")]
    [InlineData("pairrm-truncation")]
    public void single_pairs_pack_and_compare_as_the_hugging_face_class_does(string model)
    {
        var folder = Golden.Path("hf-models", model);
        var expected = Golden.Json("hf-models", model, "expected.json").GetProperty("hf_style_packing");
        using var network = PairRm.Load(folder);
        using var ranker = PairRmRanker.Load(folder);
        var packing = new PairRmPacking(network.Config with
        {
            SourceMaxLength = expected.GetProperty("source_max_length").GetInt32(),
            CandidateMaxLength = expected.GetProperty("candidate_max_length").GetInt32(),
        });
        var packed = Enumerable.Range(0, 3).Select(row => packing.PackAlone(
            ranker.Source(expected.GetProperty("sources")[row].GetString()!),
            ranker.Candidate(expected.GetProperty("candidates_a")[row].GetString()!),
            ranker.Candidate(expected.GetProperty("candidates_b")[row].GetString()!))).ToArray();
        for (var row = 0; row < 3; row++)
        {
            Assert.Equal(Unpadded(expected, "input_ids", "attention_mask", row), packed[row].Ids);
        }
        Near(Doubles(expected.GetProperty("logits")), network.Compare(packed), 1e-4);
    }

    [Fact]
    public void equal_candidates_tie_exactly_wherever_they_stand()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        var ranked = ((IRanker)ranker).Rank("Quiet river?", ["one stone", "two candle silver", "one stone", "helpful", "one stone"]);
        Assert.Equal(ranked.Scores[0], ranked.Scores[2]);
        Assert.Equal(ranked.Scores[0], ranked.Scores[4]);
        Assert.Equal(ranked.Ranks[0], ranked.Ranks[2]);
    }

    [Fact]
    public void a_batch_of_mixed_lengths_has_the_scores_of_each_request_alone_in_the_given_order()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        string[] texts = ["one stone", "two candle silver quiet river helpful stone", "a", "quiet river quiet river quiet river quiet river candle", "helpful"];
        RankRequest[] batch = [.. Enumerable.Range(0, 7).Select(k => new RankRequest(string.Join(' ', texts[..(1 + (k * 3 % 5))]), [texts[k % 5], texts[(k + 1) % 5], texts[(k + 3) % 5]]))];
        var together = ranker.Compare(batch);
        for (var k = 0; k < batch.Length; k++)
        {
            Near([.. ranker.Compare([batch[k]])[0].Cast<double>()], [.. together[k].Cast<double>()], 1e-5);
        }
    }

    [Fact]
    public void one_candidate_has_score_zero_and_rank_one()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        var ranked = ranker.Rank([new RankRequest("Quiet river?", ["one stone"])])[0];
        Assert.Equal((0.0, 1), (ranked.Scores.Single(), ranked.Ranks.Single()));
        Assert.Empty(ranker.Rank([]));
    }

    private static JsonElement[] Groups(string model) =>
        [.. Golden.Json("hf-models", model, "expected.json").GetProperty("groups").EnumerateArray()];

    private static RankRequest[] Batch(JsonElement group) =>
        [.. group.GetProperty("sources").EnumerateArray().Zip(group.GetProperty("candidates").EnumerateArray(), (source, candidates) =>
            new RankRequest(source.GetString()!, [.. candidates.EnumerateArray().Select(c => c.GetString()!)]))];

    private static int[] Unpadded(JsonElement value, string ids, string mask, int row) =>
        Ints(value.GetProperty(ids)[row])[..Ints(value.GetProperty(mask)[row]).Sum()];

    private static int[] Ints(JsonElement row) => [.. row.EnumerateArray().Select(id => id.GetInt32())];

    private static double[] Doubles(JsonElement row) => [.. row.EnumerateArray().Select(number => number.GetDouble())];

    private static void Near(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.First - pair.Second, -tolerance, tolerance));
    }
}

[Collection(LiveTensors.Name)]
public class PairRmLeakTests
{
    [Fact]
    public void ranking_leaves_no_tensor_behind_and_disposal_none_at_all()
    {
        var before = LiveTensors.Count();
        using (var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm")))
        {
            var loaded = TorchSharp.torch.Tensor.TotalCount;
            Assert.True(loaded > before);
            ranker.Rank([new RankRequest("Quiet river?", ["one stone", "two candle silver"]), new RankRequest("Candle?", ["a", "b", "c"])]);
            Assert.Equal(loaded, TorchSharp.torch.Tensor.TotalCount);
        }
        Assert.Equal(before, TorchSharp.torch.Tensor.TotalCount);
    }
}
