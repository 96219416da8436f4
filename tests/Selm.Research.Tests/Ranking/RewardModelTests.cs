using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Tests.Models;
using Selm.Tests;
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
            int[] ids = [.. model.PromptIds(pairs[k].Item1), .. model.ResponseIds(pairs[k].Item1, pairs[k].Item2)];
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
            $"{checkpoint.Root} has no tensor \"score.weight\", so it is no reward model but a LlamaForCausalLM; give a checkpoint made for sequence classification with one label.",
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

    [Fact]
    public void the_ranker_formats_prompt_and_candidates_by_the_models_own_template()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 });
        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"), batchSize: 2);
        string[] candidates = ["a", "The quick brown fox.", "a", "Hello"];
        ChatMessage[] chat = [new("system", "Be brief."), new("user", "Hello"), new("assistant", "Hi."), new("user", "Hello world")];
        var ranked = reward.Rank([new("Hello world", candidates), RankRequest.Of(chat, candidates)]);

        using var model = ModelFolder.Load(checkpoint.Root);
        foreach (var (result, turns) in ranked.Zip([[new ChatMessage("user", "Hello world")], chat]))
        {
            // TinyCheckpoint's template written out by hand, one row at a time.
            var before = string.Concat(turns.Select(turn => $"[{turn.Role}]{turn.Content}</s>"));
            var byHand = candidates.Select(candidate => RewardOf(model, model.PromptIds($"{before}[assistant]{candidate}</s>"))).ToArray();
            Assert.All(byHand.Zip(result.Scores), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            Assert.Equal(result.Scores[0], result.Scores[2], 1e-5);
        }
        Assert.NotEqual(ranked[0].Scores, ranked[1].Scores);
        Assert.NotEqual(reward.Score([("Hello world", "a")])[0], ranked[0].Scores[0]);
    }

    [Fact]
    public void a_chat_without_a_template_is_refused_and_a_question_is_read_as_text()
    {
        using var checkpoint = new TinyCheckpoint(template: null);
        WriteRewardModel(checkpoint, checkpoint.Place("rm"));
        using var reward = RewardModel.Load(checkpoint.Place("rm"));
        Assert.Equal(reward.Score([("Hello", "world")]), reward.Rank([new("Hello", ["world"])])[0].Scores);
        ChatMessage[] chat = [new("system", "Be brief."), new("user", "Hello")];
        Assert.Contains("has no chat template", Assert.Throws<InputException>(() => reward.Rank([RankRequest.Of(chat, ["a"])])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama-reward")]
    [InlineData("qwen2-reward")]
    public void rewards_equal_hugging_faces_alone_padded_and_with_the_padding_id_inside(string name)
    {
        var cases = Golden.Json("hf-models", name, "expected.json");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var files = SafetensorsFolder.Open(Golden.Path("hf-models", name));
        var config = LlamaConfig.Load(Golden.Path("hf-models", name)) with { TieWordEmbeddings = true };
        using var trunk = LlamaWeights.Load(files, config, null, null, others: "score.weight");
        var score = files.ReadWeight("score.weight", [1, config.HiddenSize]);

        double[] Rewards(IEnumerable<SharedRow> rows) =>
            RewardModel.Rewards(trunk, score, [.. rows]).data<float>().ToArray().Select(value => (double)value).ToArray();

        void Close(JsonElement expected, double[] actual) =>
            Assert.All(GoldenModel.Doubles(expected).Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-5 * Math.Max(1, Math.Abs(pair.First))));

        var texts = GoldenModel.Matrix(cases.GetProperty("texts"));
        Close(cases.GetProperty("alone").GetProperty("scores"), [.. texts.Select(ids => Rewards([Row(ids)])[0])]);
        Close(cases.GetProperty("right_padded").GetProperty("scores"), Rewards(texts.Select(Row)));
        Close(cases.GetProperty("left_padded").GetProperty("scores"), Rewards(texts.Select(ids => Row(ids) with { LeftPadding = 3, FirstPosition = 3 })));
        var inside = cases.GetProperty("pad_id_inside");
        Close(inside.GetProperty("scores_last_non_pad_token"), Rewards(GoldenModel.Matrix(inside.GetProperty("input_ids")).Select(Row)));

        SharedRow Row(int[] ids) => new(ids[..2], [ids[2..]]);
    }

    // The hidden state of the last token times the head that WriteRewardModel makes up.
    private static double RewardOf(ModelFolder model, int[] ids)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var plan = model.Model.Plan([new SharedRow(ids, [])]);
        var last = model.Model.Hidden(plan).select(0, ids.Length - 1).data<float>().ToArray();
        return last.Select((value, k) => (double)value * MathF.Sin(k + 1)).Sum();
    }

    // The trunk of the checkpoint with a head made up here; returns the head.
    internal static float[] WriteRewardModel(TinyCheckpoint checkpoint, string folder, int labels = 1)
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
