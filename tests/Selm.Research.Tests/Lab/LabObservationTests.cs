using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Lab;

/// <summary>What a cell records beside rewards: novelty, forms, its ranker's score, the favour of short responses; and its cycles of the rate.</summary>
public sealed class LabObservationTests(LabCellTests.Folders shared) : IClassFixture<LabCellTests.Folders>
{
    private static readonly LabCellSpec smoke = new() { Seed = 100, Budget = LabBudget.Smoke, Alpha = 0, LearningRate = 2e-3 };
    private static readonly LabLanguage language = LabLanguage.Standard;

    [Fact]
    public void an_answer_is_new_where_neither_training_nor_earlier_policies_had_its_text()
    {
        var result = Run(smoke with { Method = LoopMethod.OfflineDpo });
        var met = result.Start!.Answers.ToHashSet();
        foreach (var iteration in result.Iterations)
        {
            met.UnionWith(LabPairs.Offline(language, LabPreset.Standard.Writers, 100, iteration.Iteration, 64).SelectMany(pair => new[] { pair.Chosen.Text(language), pair.Rejected.Text(language) }));
            Assert.Equal(iteration.Evaluation.Answers.Count(answer => !met.Contains(answer)) / 144.0, iteration.Novelty, 1e-6);
            met.UnionWith(iteration.Evaluation.Answers);
        }
        Assert.Contains(result.Iterations, iteration => iteration.Novelty is > 0 and < 1);
        Assert.Equal(result.Iterations[0].Novelty, Run(smoke).Iterations[0].Novelty); // which SELM reads from the stage that both share
    }

    [Fact]
    public void the_rankers_own_score_is_the_true_reward_only_where_that_labels()
    {
        Assert.All(Run(smoke).Iterations, iteration => Assert.Equal(iteration.Evaluation.MeanReward, iteration.ExternalReward));
        var learned = Run(smoke with { Ranker = LabJudge.Model });
        Assert.All(learned.Iterations, iteration => Assert.True(double.IsFinite(iteration.ExternalReward) && iteration.ExternalReward != iteration.Evaluation.MeanReward));
    }

    [Fact]
    public void forms_are_counted_with_the_topic_and_its_facts_masked()
    {
        string Masked(string prompt, string response) => LabCellMeasure.Masked(language, LabPrompt.Read(language, prompt), response);
        Assert.Equal("the TOPIC is ADJECTIVE because it VERB .", Masked("describe the cat", "the cat is soft because it purrs ."));
        Assert.Equal(Masked("describe the cat", "the cat is soft in the house ."), Masked("explain the lake", "the lake is calm in the park ."));
        Assert.NotEqual(Masked("describe the cat", "the cat is soft ."), Masked("describe the cat", "the cat is loud ."));
        Assert.All(Run(smoke).Iterations, iteration => Assert.Equal(iteration.Evaluation.Answers.Select((answer, k) => LabCellMeasure.Masked(language, language.Split.Test[k], answer)).Distinct().Count(), iteration.Evaluation.Spread));
    }

    [Fact]
    public void the_slope_of_short_responses_is_that_of_log_pi_on_the_true_reward_within_prompts()
    {
        using var policy = LlamaWeights.Load(BaseModel());
        var responses = new LabShortResponses(language, language.Split.Test);
        var now = responses.Logps(policy);
        Assert.Equal(24 * 25, now.Length);
        Assert.Equal((0, 0), responses.Change(policy, now) is var none ? (none.Slope, none.Mean) : default);
        double[] rewards =
        [
            .. from prompt in language.Split.Test.Where((_, k) => k % 6 == 0)
               from response in language.Adjectives.Prepend("nice")
               select LabReward.Of(language, prompt, $"the {language.Topics[prompt.Topic].Name} is {response} ."),
        ];
        // Planted: 0.7 per unit of r*, and another constant for every prompt, which must not matter.
        var then = now.Select((logp, k) => logp - (0.7 * rewards[k]) - (k / 25)).ToArray();
        Assert.Equal(0.7, responses.Change(policy, then).Slope, 1e-6);
        Assert.Equal(rewards.Average() * 0.7 + 11.5, responses.Change(policy, then).Mean, 1e-6);
    }

    [Fact]
    public void cycles_of_the_rate_differ_where_they_say()
    {
        var (last, constant, linear) = (Run(smoke), Run(smoke with { Cycle = LabCycle.Constant }), Run(smoke with { Cycle = LabCycle.Linear }));
        Assert.Equal(Json(last.Iterations.Take(3)), Json(constant.Iterations.Take(3)));
        Assert.NotEqual(Json(last.Iterations[3].Evaluation), Json(constant.Iterations[3].Evaluation));
        Assert.Equal(Json(last.Iterations[0]), Json(linear.Iterations[0]));
        Assert.NotEqual(Json(last.Iterations[1].Evaluation), Json(linear.Iterations[1].Evaluation));
        // Two iterations of the line are the whole rate and a fifth of it, as the default's.
        Assert.Equal(Json(Run(smoke with { Iterations = 2 }).Iterations), Json(Run(smoke with { Iterations = 2, Cycle = LabCycle.Linear }).Iterations));
        Assert.Equal(3, new[] { smoke, constant.Spec, linear.Spec }.Select(spec => spec.Hash).Distinct().Count());
        Assert.Contains("The field cycle", Assert.Throws<InputException>(() => (smoke with { Iterations = 2, CurveSteps = [1], Cycle = LabCycle.Linear }).Resolved()).Message, StringComparison.Ordinal);
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, JsonFormat.Line);

    private LabCellResult Run(LabCellSpec spec) => LabCells.Run(spec, shared.Models, shared.Cache);

    // The base model that the cells start from.
    private string BaseModel()
    {
        Run(smoke);
        return Directory.GetDirectories(shared.Models, "lab-sft-100-*").Single();
    }
}
