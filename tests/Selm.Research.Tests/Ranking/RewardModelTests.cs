using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Ranking;

public class RewardModelTests
{
    [Fact]
    public void a_reward_is_the_head_on_the_hidden_state_of_the_last_token()
    {
        using var checkpoint = new TinyCheckpoint();
        var head = WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        (string, string)[] pairs = [("Hello world", "a"), ("Hello world", "The quick brown fox."), ("a", "Hello world"), ("a", "")];

        var rewards = reward.Score(pairs);

        using var model = ModelFolder.Load(checkpoint.Root);
        for (var k = 0; k < pairs.Length; k++)
        {
            // Each row by itself, from the hidden states of the plain decoder.
            int[] ids = [.. model.PromptIds(pairs[k].Item1), .. model.ResponseIds(pairs[k].Item2)];
            Assert.Equal(2, ids[^1]);
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            using var plan = model.Model.Plan([new SharedRow(ids, [])]);
            var last = model.Model.Hidden(plan).select(0, ids.Length - 1).data<float>().ToArray();
            Assert.Equal(last.Zip(head, (h, w) => (double)h * w).Sum(), rewards[k], 1e-4);
        }
        Assert.Equal(4, rewards.Distinct().Count());
    }

    [Fact]
    public void batches_and_neighbours_change_nothing()
    {
        using var checkpoint = new TinyCheckpoint();
        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        using var single = RewardModel.Load(checkpoint.Place("rm"), batchSize: 1);
        (string, string)[] pairs = [("Hello world", "a"), ("b", "The quick brown fox."), ("Hello world", "a"), ("c", "Hello")];
        var together = reward.Score(pairs);
        Assert.Equal(together[0], together[2], 1e-5);
        Assert.All(together.Zip(single.Score(pairs)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void the_ranker_orders_by_reward()
    {
        using var checkpoint = new TinyCheckpoint();
        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        string[] candidates = ["a", "The quick brown fox.", "a", "Hello"];
        var ranked = ((IRanker)new RewardModelRanker(reward.Score)).Rank("Hello world", candidates);
        Assert.Equal(reward.Score([.. candidates.Select(c => ("Hello world", c))]), ranked.Scores);
        Assert.Equal(1, ranked.Ranks[Array.IndexOf(ranked.Scores, ranked.Scores.Max())]);
        Assert.Equal(ranked.Ranks[0], ranked.Ranks[2]);
    }

    [Fact]
    public void a_saved_reward_model_has_hugging_faces_names_and_loads_again()
    {
        using var checkpoint = new TinyCheckpoint();
        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        reward.Save(checkpoint.Place("again"));

        using (var files = SafetensorsFolder.Open(checkpoint.Place("again")))
        {
            Assert.Contains("score.weight", files.Names);
            Assert.Contains("model.layers.1.mlp.down_proj.weight", files.Names);
            Assert.DoesNotContain("lm_head.weight", files.Names);
        }
        var config = JsonElement.Parse(File.ReadAllBytes(checkpoint.Place("again", "config.json")));
        Assert.Equal("LlamaForSequenceClassification", config.GetProperty("architectures")[0].GetString());
        Assert.Single(config.GetProperty("id2label").EnumerateObject());
        Assert.False(config.GetProperty("tie_word_embeddings").GetBoolean());

        using var again = RewardModel.Load(checkpoint.Place("again"));
        Assert.Equal(reward.Score([("Hello", "world")]), again.Score([("Hello", "world")]));
    }

    [Fact]
    public void what_is_no_reward_model_or_does_not_fit_is_refused()
    {
        using var checkpoint = new TinyCheckpoint();
        Assert.Equal(
            $"{checkpoint.Root} has no tensor \"score.weight\", so it is no reward model; give a checkpoint made for sequence classification with one label.",
            Assert.Throws<InputException>(() => RewardModel.Load(checkpoint.Root)).Message);
        WriteRewardModel(checkpoint, checkpoint.Place("two"), labels: 2);
        Assert.Contains("\"score.weight\" has the shape [2, 16]", Assert.Throws<InputException>(() => RewardModel.Load(checkpoint.Place("two"))).Message, StringComparison.Ordinal);

        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        Assert.StartsWith("Pair 2 has", Assert.Throws<InputException>(() => reward.Score([("a", "b"), ("a", new string('x', 100))])).Message, StringComparison.Ordinal);
        Assert.StartsWith("Prompt 1 to the reward model is empty", Assert.Throws<InputException>(() => reward.Score([("", "b")])).Message, StringComparison.Ordinal);
        File.Delete(checkpoint.Place("rm", "tokenizer.json"));
        Assert.Contains("has no tokenizer", Assert.Throws<InputException>(() => RewardModel.Load(checkpoint.Place("rm"))).Message, StringComparison.Ordinal);
    }

    // The trunk of the checkpoint with a head made up here; returns the head.
    private static float[] WriteRewardModel(TinyCheckpoint checkpoint, string folder, int labels = 1)
    {
        using var model = ModelFolder.Load(checkpoint.Root);
        var hidden = model.Model.Config.HiddenSize;
        var head = Enumerable.Range(0, labels * hidden).Select(k => MathF.Sin(k + 1)).ToArray();
        using var score = tensor(head, [labels, hidden]);
        Directory.CreateDirectory(folder);
        RewardModel.Write(model.Model, score, model.Model.Config, folder);
        model.CopyTextFiles(folder);
        return head;
    }
}
