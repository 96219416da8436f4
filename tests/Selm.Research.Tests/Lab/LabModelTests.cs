using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Lab;

public class LabModelTests
{
    private static readonly LabLanguage language = LabLanguage.Standard;
    private static readonly SftOptions smoke = new() { Steps = 30, BatchSize = 16, SingleTurn = 200, TwoTurn = 50, Quiz = 50 };

    [Fact]
    public void the_policy_has_105856_weights_of_the_stated_spread()
    {
        using var model = LabPolicy.Create(language, 0);
        using var scope = NewDisposeScope();
        Assert.Equal(105_856, model.parameters().Sum(parameter => parameter.numel()));
        var weights = LlamaWeights.Named(model).ToDictionary(w => w.Name, w => w.Weight.detach());
        static float[] Values(Tensor t) => t.contiguous().data<float>().ToArray();
        Assert.Equal(0.05, Math.Sqrt(Values(weights["model.embed_tokens.weight"]).Average(v => (double)v * v)), 0.001);
        var down = Values(weights["model.layers.1.mlp.down_proj.weight"]);
        Assert.InRange(down.Max(), 0.99 / Math.Sqrt(160), 1 / Math.Sqrt(160));
        Assert.InRange(down.Min(), -1 / Math.Sqrt(160), -0.99 / Math.Sqrt(160));
        Assert.All(Values(weights["model.norm.weight"]), v => Assert.Equal(1, v));
    }

    [Fact]
    public void the_loss_of_a_step_is_the_mean_cross_entropy_of_its_tokens()
    {
        using var model = LabPolicy.Create(language, 0);
        // One row of each set: a batch is that row again and again, and a mean over tokens does not see it.
        var rows = LabDemonstrations.SingleTurn(language, LabPreset.Standard, 0, 1);
        using var scope = NewDisposeScope();
        var expected = -TokenLogps.Of(model, rows).Tokens.Average();
        var loss = SftTrainer.Run(model, [rows, rows, rows], 3, smoke with { Steps = 1 })[0];
        Assert.Equal(expected, loss, 1e-5);
        Assert.Equal(Math.Log(177), loss, 0.5);
    }

    [Fact]
    public void supervised_training_lowers_the_loss_and_repeats_itself_bit_by_bit()
    {
        var (first, second) = (Train(0), Train(0));
        Assert.Equal(first.Losses, second.Losses);
        Assert.Equal(first.Hash, second.Hash);
        Assert.InRange(first.Losses[0], 4.5, 5.5);
        Assert.True(first.Losses.TakeLast(5).Average() < 3.5, $"{first.Losses[^1]}");

        static (double[] Losses, string Hash) Train(ulong seed)
        {
            using var folder = new TempFolder();
            using var model = LabPolicy.Create(language, seed);
            var losses = SftTrainer.Run(model, SftTrainer.Data(language, LabPreset.Standard, seed, smoke), seed, smoke);
            LabPolicy.Save(model, language, folder.Root);
            return (losses, SafetensorsFolder.WeightHash(folder.Root));
        }
    }

    [Fact]
    public void a_saved_policy_answers_chats_of_the_lab_as_it_answers_ids()
    {
        using var folder = new TempFolder();
        using var model = LabPolicy.Create(language, 4);
        LabPolicy.Save(model, language, folder.Root);
        using var loaded = ModelFolder.Load(folder.Root);
        var prompt = language.Split.Test[0];
        Assert.Equal(prompt.Ids(language), loaded.PromptIds([new("user", prompt.Text(language))]));
        Assert.Equal(language.ResponseIds("the cat is nice ."), loaded.ResponseIds([new("user", prompt.Text(language))], "the cat is nice ."));
        Assert.Equal([language.EosId], loaded.EndIds);
        var options = new SamplingOptions(MaxNewTokens: 5);
        Assert.Equal(
            Selm.Research.Sampling.ResponseGenerator.Generate(model, [prompt.Ids(language)], options)[0].OutputIds,
            Selm.Research.Sampling.ResponseGenerator.Generate(loaded.Model, [loaded.PromptIds($"<user> {prompt.Text(language)} <bot>")], options)[0].OutputIds);
    }

    [Fact]
    public void scores_of_known_answers_are_those_of_the_reward()
    {
        var prompts = language.Split.Test.Take(3).ToArray();
        var baseline = LabEvaluation.Baseline(language, prompts).Select(response => response.Text(language)).ToArray();
        var equal = LabEvaluation.Scores(language, prompts, baseline);
        Assert.Equal((0.5, 1.0), (equal.ExactWinRate, equal.Grammatical));
        var broken = LabEvaluation.Scores(language, prompts, ["cat cat", "", baseline[2]]);
        Assert.Equal(1 / 3.0, broken.Grammatical, 1e-12);
        Assert.Equal([-2.06, -2.0, equal.Rewards[2]], broken.Rewards.Select(r => Math.Round(r, 10)));
        var best = LabEvaluation.Scores(language, language.Split.Test, [.. language.Split.Test.Select(prompt => LabReward.Best(language, prompt).Response.Text(language))]);
        Assert.InRange(best.ExactWinRate, 0.85, 0.95);
    }

    [Fact]
    public void corrupted_answers_stay_in_the_language_and_in_the_context()
    {
        var broken = 0;
        for (var row = 0; row < 500; row++)
        {
            var random = new PhiloxStream(1, "test", row);
            var prompt = language.Split.Train[random.NextInt(936)];
            var answer = LabRankerPairs.Corrupt(language, LabWriter.Keen.Write(language, prompt, random).Text(language), random);
            Assert.True(language.ResponseIds(answer).Length <= LabResponse.MaxTokens);
            broken += LabResponse.Parse(language, answer.Split(' ')) is null ? 1 : 0;
        }
        Assert.InRange(broken, 350, 500);
    }

    [Fact]
    public void a_ranker_learns_and_is_loaded_as_a_reward_model()
    {
        using var folder = new TempFolder();
        using var model = LabPolicy.Create(language, 0);
        using var untouched = LlamaWeights.Clone(model);
        var pairs = LabRankerPairs.Make(language, LabPreset.Standard, model, language.Split.Train, 1, LabStreams.RankerPairs, 300);
        Assert.InRange(pairs.Count(pair => pair.PrefersA), 110, 190);
        // Three pairs again and again: a ranker that can learn anything learns those.
        var few = pairs.Where(pair => Math.Abs(pair.Margin) > 1).Take(3).Select(pair => pair with { PrefersA = pair.Margin > 0 }).ToArray();
        var losses = LabRanker.Train(model, language, few, 1, new() { Steps = 60, BatchSize = 6, LearningRate = 3e-3 }, folder.File("rm"));
        Assert.InRange(losses[0], 0.3, 1.4);
        Assert.True(losses[^1] < 0.2, $"{losses[^1]}");
        Assert.All(model.parameters().Zip(untouched.parameters()), pair => Assert.Equal(pair.Second.data<float>().ToArray(), pair.First.data<float>().ToArray()));
        using var trained = RewardModel.Load(folder.File("rm"));
        var accuracy = LabRanker.Measure(trained.Score, language, few);
        Assert.Equal((1, 1, 1), (accuracy.OrderAccuracy, accuracy.LabelAgreement, accuracy.OracleLabelAgreement));
        // The true reward itself, on another scale, is the best of rankers.
        var oracle = new LabOracle(language);
        var best = LabRanker.Measure(rows => [.. rows.Select(row => 3 * oracle.Reward(row.Prompt, row.Response))], language, pairs);
        Assert.Equal((1, 1), (best.OrderAccuracy, Math.Round(best.MarginCorrelation, 9)));
        Assert.Equal(best.OracleLabelAgreement, best.LabelAgreement);
        Assert.InRange(best.LabelAgreement, 0.65, 0.85);
    }

    [Fact]
    public void shared_models_are_made_once_and_named_by_what_they_are_made_from()
    {
        using var folder = new TempFolder();
        var steps = 0;
        LabModels Models(int count) => new(folder.File("models"), language, LabPreset.Standard, new Counter(() => steps++))
        {
            Sft = smoke with { Steps = count },
            Ranker = new() { Pairs = 60, HeldOut = 40, Steps = 3, BatchSize = 4 },
        };
        var ranker = Models(2).RewardModelFolder();
        Assert.Equal(5, steps);
        Assert.Equal(ranker, Models(2).RewardModelFolder());
        var first = Models(2).BaseModel(LabModels.RankerSeed);
        Assert.Equal(5, steps);
        Assert.NotEqual(first, Models(3).BaseModel(LabModels.RankerSeed));
        Assert.Equal(8, steps);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(ranker, "training.json")));
        Assert.InRange(json.RootElement.GetProperty("result").GetProperty("held_out").GetProperty("order_accuracy").GetDouble(), 0.2, 0.9);
        Assert.Equal(3, Directory.EnumerateDirectories(folder.File("models")).Count());
        using var reward = RewardModel.Load(ranker);
        Assert.All(reward.Score([("describe the cat", "the cat is soft ."), ("describe the cat", "cat .")]), v => Assert.True(double.IsFinite(v)));
    }

    private sealed class Counter(Action count) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => count();
    }
}
