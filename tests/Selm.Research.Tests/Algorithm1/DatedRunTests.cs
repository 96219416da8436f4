using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Tests.Models;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>A chat template that writes the date writes that of the run's start, whenever the run is continued.</summary>
public sealed class DatedRunTests : IDisposable
{
    private const string Template =
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}{{ strftime_now('%d %b %Y') }}<|assistant|>\n{% endif %}";

    private static readonly string[] results = ["metrics.jsonl", "answers.jsonl", "iteration-0/responses.jsonl", "iteration-0/preferences.jsonl", "iteration-0/model/model.safetensors", "iteration-0/model/README.md"];
    private readonly TinyRun tiny = new();

    public DatedRunTests()
    {
        var settings = Path.Combine(tiny.Recipe.Base!, "tokenizer_config.json");
        var json = JsonNode.Parse(File.ReadAllText(settings))!.AsObject();
        json["chat_template"] = Template;
        File.WriteAllText(settings, json.ToJsonString());
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void a_run_begun_on_another_day_goes_on_with_that_day()
    {
        var recipe = tiny.Recipe with { Iterations = 1, Portions = 4 };
        void Begin(string run, string? day, string? stopAfter = null)
        {
            SelmRun.Open(new(recipe, run), _ => TinyRun.Oracle()).Dispose();
            var file = Path.Combine(run, "run.json");
            var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            Assert.Equal(DateTime.Today.ToString("yyyy-MM-dd"), json["started"]!.ToString());
            json["started"] = day ?? json["started"]!.ToString();
            File.WriteAllText(file, json.ToJsonString());
            if (stopAfter is not null)
            {
                Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, run), _ => TinyRun.Oracle(), new Stop(stopAfter)));
            }
            SelmRun.Run(new(recipe, run, Resume: true), _ => TinyRun.Oracle());
        }
        Begin(tiny.File("leap"), "2024-02-29");
        Begin(tiny.File("leap-stopped"), "2024-02-29", "iteration 0: ranking");
        Begin(tiny.File("today"), null);

        Assert.All(results, name => Assert.Equal(File.ReadAllBytes(Path.Combine(tiny.File("leap"), name)), File.ReadAllBytes(Path.Combine(tiny.File("leap-stopped"), name))));
        Assert.NotEqual(File.ReadAllText(Path.Combine(tiny.File("leap"), "metrics.jsonl")), File.ReadAllText(Path.Combine(tiny.File("today"), "metrics.jsonl")));
        Assert.Contains("in a run of 2024-02-29", File.ReadAllText(Path.Combine(tiny.File("leap"), "iteration-0/model/README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void a_run_that_goes_on_neither_reads_nor_tokenises_what_finished_iterations_were_made_of()
    {
        // From another day on the template refuses the first portion's prompts: whoever renders one fails.
        var pairs = Enumerable.Range(0, 16).Select(k => PreferenceRecord.FromTexts($"{(k < 8 ? "first" : "second")} {k}?", "salt", "bread and so on"));
        PreferenceFile.Write(tiny.File("pairs.jsonl"), pairs);
        var settings = Path.Combine(tiny.Recipe.Base!, "tokenizer_config.json");
        var json = JsonNode.Parse(File.ReadAllText(settings))!.AsObject();
        json["chat_template"] = "{% for m in messages %}{% if strftime_now('%Y') == '2001' and 'first' in m.content %}{{ raise_exception('the first portion again') }}{% endif %}{% endfor %}" + Template;
        File.WriteAllText(settings, json.ToJsonString());
        var (recipe, run) = (tiny.Recipe with { Iterations = 2, Portions = 2, EvalFraction = 0, EvalEvery = 0 }, tiny.File("run"));
        Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, run), _ => TinyRun.Oracle(), new Stop("iteration 1: generating")));
        var file = Path.Combine(run, "run.json");
        var state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        state["started"] = "2001-01-01";
        File.WriteAllText(file, state.ToJsonString());
        foreach (var name in new[] { "responses.jsonl", "ranks.jsonl", "preferences.jsonl" })
        {
            File.WriteAllText(Path.Combine(run, "iteration-0", name), "no JSON");
        }

        Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, run, Resume: true), _ => TinyRun.Oracle(), new Stop("iteration 1: training")));

        // The answers at the end are to the first prompts, so that the trap is seen to work.
        var error = Assert.Throws<InputException>(() => SelmRun.Run(new(recipe, run, Resume: true), _ => TinyRun.Oracle()));
        Assert.Contains("the first portion again", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(run, "iteration-1", "model", "model.safetensors")));
    }

    [Fact]
    public void a_run_of_before_dates_were_kept_takes_the_day_on_which_it_is_continued_and_keeps_it()
    {
        var (run, file) = (tiny.File("run"), Path.Combine(tiny.File("run"), "run.json"));
        SelmRun.Open(new(tiny.Recipe, run), _ => TinyRun.Oracle()).Dispose();
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        json.Remove("started");
        File.WriteAllText(file, json.ToJsonString());

        SelmRun.Open(new(tiny.Recipe, run), _ => TinyRun.Oracle()).Dispose();

        Assert.Equal(DateOnly.FromDateTime(DateTime.Today).ToString("yyyy-MM-dd"), JsonNode.Parse(File.ReadAllText(file))!["started"]!.ToString());
    }

    [Fact]
    public void the_day_is_part_of_a_model_s_identity_where_its_template_asks_for_it_alone()
    {
        using var dated = ModelFolder.Load(tiny.Recipe.Base!);
        using var checkpoint = new TinyCheckpoint();
        using var plain = ModelFolder.Load(checkpoint.Root);
        (string, string) Of(DateTime day)
        {
            (dated.Now, plain.Now) = (day, day);
            return (Identity.Of(dated), Identity.Of(plain));
        }
        var (today, tomorrow) = (Of(new(2026, 11, 30)), Of(new(2026, 12, 1)));
        Assert.NotEqual(today.Item1, tomorrow.Item1);
        Assert.Equal(today.Item2, tomorrow.Item2);
        Assert.NotEqual(Prompt(new(2026, 11, 30)), Prompt(new(2026, 12, 1)));
        Assert.Equal(dated.PromptIds([new("user", "Hi")]), dated.Encoding.Prompt([new("user", "Hi")], new(100, 100)));

        int[] Prompt(DateTime day)
        {
            dated.Now = day;
            return dated.PromptIds([new("user", "Hi")]);
        }
    }

    [Fact]
    public void a_reward_model_reads_the_day_of_the_run()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { MaxPositionEmbeddings = 256 }, template: Template);
        var folder = checkpoint.Place("reward");
        using (var model = ModelFolder.Load(checkpoint.Root))
        using (var trainer = new Selm.Research.Training.RewardTrainer(model.Model, [.. Enumerable.Range(0, 16).Select(k => 0.1f * (k - 7))]))
        {
            trainer.Save(folder);
            model.CopyTextFiles(folder);
        }
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), new JsonObject { ["chat_template"] = "{{ strftime_now('%d %b %Y') }}" + Template }.ToJsonString());
        double[] Scores(DateOnly started)
        {
            using var ranker = new LazyRanker(() => RewardModel.Load(folder), started);
            return ranker.Value.Rank("What is tea?", ["A drink.", "No."]).Scores;
        }
        Assert.Equal(Scores(new(2024, 2, 29)), Scores(new(2024, 2, 29)));
        Assert.NotEqual(Scores(new(2024, 2, 29)), Scores(new(2025, 3, 1)));
    }

    private sealed class Stop(string stage) : IProgress<StepProgress>
    {
        public void Report(StepProgress value)
        {
            if (value.Stage == stage)
            {
                throw new OperationCanceledException();
            }
        }
    }
}
