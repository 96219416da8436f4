using System.Text.Json;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Cli.Tests;

/// <summary>generate, logprobs and rank on the demo's models; their numbers are tested in the library against golden data.</summary>
public class ModelCommandTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    private const string Prompts = """
        {"prompt": "What is tea like?", "id": 1}
        {"messages": [{"role": "user", "content": "Describe bread."}]}
        {"input_ids": [1, 70, 71]}

        """;

    [Fact]
    public void generate_adds_ids_text_and_log_prob_whatever_the_batch_size()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", Prompts);

        var single = Generate(input, folder.File("single.jsonl"), "--batch-size", "1");
        var batched = Generate(input, folder.File("batched.jsonl"), "--batch-size", "3");

        Assert.Equal(3, single.Length);
        Assert.Equal(["prompt", "id", "output_ids", "response", "logprob"], single[0].EnumerateObject().Select(field => field.Name));
        foreach (var (a, b) in single.Zip(batched))
        {
            Assert.Equal(Ids(a), Ids(b));
            Assert.Equal(Logprob(a), Logprob(b), 1e-4);
        }
    }

    [Fact]
    public void an_adapter_beside_its_base_by_itself_and_merged_are_one_model()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", Prompts);
        var adapter = folder.File("adapter");
        using (var model = ModelFolder.Load(demo.Model))
        {
            model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe { Alpha = 512 }, seed: 1));
            using var noGrad = TorchSharp.torch.no_grad();
            foreach (var (_, weight) in model.Model.Adapter!.Named.Where(w => w.Name.EndsWith("lora_B.weight", StringComparison.Ordinal)))
            {
                weight.Fill(0.05);
            }
            model.Save(adapter);
        }

        var merged = folder.File("merged");
        var merge = SelmProcess.Run("merge", "--model", demo.Model, "--adapter", adapter, "--out", merged);
        Assert.True(merge.Code == 0, merge.Error);
        var together = Generate(input, folder.File("together.jsonl"), "--adapter", adapter);
        JsonElement[] Of(string model)
        {
            var run = SelmProcess.Run("generate", "--model", model, "--input", input, "--output", folder.File("of.jsonl"), "--max-new-tokens", "5");
            Assert.True(run.Code == 0, run.Error);
            return [.. File.ReadLines(folder.File("of.jsonl")).Select(line => JsonElement.Parse(line))];
        }

        var plain = Generate(input, folder.File("plain.jsonl"));
        Assert.NotEqual(plain.Select(Logprob), together.Select(Logprob));
        foreach (var other in new[] { Of(adapter), Of(merged) })
        {
            Assert.Equal(together.Select(Ids), other.Select(Ids));
            Assert.All(together.Zip(other), pair => Assert.Equal(Logprob(pair.First), Logprob(pair.Second), 1e-3));
        }
        SelmProcess.Run("merge", "--model", demo.Model, "--adapter", folder.Root, "--out", merged)
            .Refused($"{folder.Root} holds no adapter_config.json; give the folder of a LoRA adapter as PEFT saves it.");
        SelmProcess.Run("generate", "--model", merged, "--adapter", adapter, "--input", input, "--output", folder.File("twice.jsonl"))
            .Refused($"{adapter} is merged in this model already (config.json: selm_merged_adapter); give the merged model alone, or the adapter with its base model.");
    }

    [Fact]
    public void a_processor_without_wide_vectors_gives_the_same_answers()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", Prompts);

        var here = Generate(input, folder.File("here.jsonl"));
        var there = SelmProcess.RunWith([("DOTNET_EnableAVX2", "0")], "generate", "--model", demo.Model, "--input", input, "--output", folder.File("there.jsonl"), "--max-new-tokens", "5");

        Assert.Equal((0, ""), (there.Code, there.Out));
        var rows = File.ReadLines(folder.File("there.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(here.Select(Ids), rows.Select(Ids));
        Assert.All(here.Zip(rows), pair => Assert.Equal(Logprob(pair.First), Logprob(pair.Second), 1e-3));
    }

    [Fact]
    public void log_probs_of_a_generated_response_are_those_that_generate_told()
    {
        using var folder = new TempFolder();
        var generated = Generate(folder.Write("in.jsonl", """{"input_ids": [1, 70, 71]}"""), folder.File("out.jsonl"))[0];
        var input = folder.Write("back.jsonl", JsonSerializer.Serialize(new { input_ids = (int[])[1, 70, 71, .. Ids(generated)], response_start = 3 }));

        var run = SelmProcess.Run("logprobs", "--model", demo.Model, "--input", input, "--output", folder.File("logps.jsonl"));

        Assert.Equal((0, ""), (run.Code, run.Out));
        var row = JsonDocument.Parse(File.ReadAllText(folder.File("logps.jsonl"))).RootElement;
        Assert.Equal(Logprob(generated), Logprob(row), 1e-4);
        Assert.Equal(Logprob(row), row.GetProperty("token_logprobs").EnumerateArray().Sum(value => value.GetDouble()), 1e-4);
    }

    [Fact]
    public void rank_adds_scores_and_ranks_the_best_score_first()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"prompt": "What is tea like?", "candidates": ["Calm.", "No.", "Calm."], "id": 7}""");

        var run = SelmProcess.Run("rank", "--ranker", $"pairrm:{demo.Ranker}", "--input", input, "--output", folder.File("out.jsonl"));

        Assert.Equal((0, ""), (run.Code, run.Out));
        var row = JsonDocument.Parse(File.ReadAllText(folder.File("out.jsonl"))).RootElement;
        var scores = row.GetProperty("scores").EnumerateArray().Select(score => score.GetDouble()).ToArray();
        Assert.Equal(1, row.GetProperty("ranks")[Array.IndexOf(scores, scores.Max())].GetInt32());
        Assert.Equal(7, row.GetProperty("id").GetInt32());
    }

    [Fact]
    public void the_lab_s_oracle_ranks_by_the_true_reward()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"prompt": "tell me about the cat in a short way", "candidates": ["the cat is nice .", "the cat is soft because it purrs .", "the dog is nice ."]}""" + "\n");
        var output = folder.File("out.jsonl");

        var run = SelmProcess.Run("rank", "--ranker", "oracle:lab", "--input", input, "--output", output);

        Assert.Equal(0, run.Code);
        using var row = JsonDocument.Parse(File.ReadAllText(output));
        Assert.Equal([2, 1, 3], row.RootElement.GetProperty("ranks").EnumerateArray().Select(rank => rank.GetInt32()));
        Assert.Equal([0.45, 1.96, -2.15], row.RootElement.GetProperty("scores").EnumerateArray().Select(score => Math.Round(score.GetDouble(), 9)));
    }

    [Fact]
    public void the_noisy_oracle_repeats_itself_and_changes_with_its_seed()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"prompt": "tell me about the cat", "candidates": ["the cat is nice .", "the cat is soft ."]}""" + "\n");
        double[] Scores(string seed)
        {
            Assert.Equal(0, SelmProcess.Run("rank", "--ranker", $"oracle:lab-noisy:{seed}", "--input", input, "--output", folder.File("out.jsonl")).Code);
            using var row = JsonDocument.Parse(File.ReadAllText(folder.File("out.jsonl")));
            File.Delete(folder.File("out.jsonl"));
            return [.. row.RootElement.GetProperty("scores").EnumerateArray().Select(score => score.GetDouble())];
        }
        var scores = Scores("7");
        Assert.Equal(scores, Scores("7"));
        Assert.NotEqual(scores, Scores("8"));
        Assert.NotEqual(1, scores[1] - scores[0], 1e-6);
    }

    [Fact]
    public void a_prompt_outside_the_lab_is_refused_by_its_oracle()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"prompt": "good morning", "candidates": ["a"]}""" + "\n");
        SelmProcess.Run("rank", "--ranker", "oracle:lab", "--input", input, "--output", folder.File("out.jsonl"))
            .Refused("'good morning' is no prompt of the lab language; give one such as 'please describe the owl in a short way'.");
    }

    [Theory]
    [InlineData("pairrm:models/PairRM")]
    [InlineData("oracle:lab")]
    public void an_adapter_for_a_ranker_that_takes_none_is_refused_in_one_sentence(string ranker)
    {
        using var folder = new TempFolder();
        SelmProcess.Run("rank", "--ranker", ranker, "--adapter", "lora", "--input", folder.Write("in.jsonl", "{}"), "--output", folder.File("out.jsonl"))
            .Refused($"The ranker {ranker} takes no adapter; leave out --adapter, or give a reward model as rm:DIR.");
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Theory]
    [InlineData("pairm:demo", "There is no ranker 'pairm:demo'; did you mean 'pairrm:demo'? (pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED.)")]
    [InlineData("oracle", "There is no ranker 'oracle'; did you mean 'oracle:lab'? (pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED.)")]
    [InlineData("orcale:lba", "There is no ranker 'orcale:lba'; did you mean 'oracle:lab'? (pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED.)")]
    [InlineData("oracle:lab-noisy", "There is no ranker 'oracle:lab-noisy'; did you mean 'oracle:lab-noisy:SEED'? (pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED.)")]
    [InlineData("pairrm", "There is no ranker 'pairrm'; did you mean 'pairrm:DIR'? (pairrm:DIR, rm:DIR, oracle:lab or oracle:lab-noisy:SEED.)")]
    [InlineData("oracle:lab-noisy:many", "The ranker 'oracle:lab-noisy:many' must end in the seed of its noise, a whole number >= 0; write oracle:lab-noisy:7, for example.")]
    [InlineData("pairrm:/nowhere", "/nowhere/config.json does not exist; give the folder of a Hugging Face checkpoint, which holds config.json.")]
    public void a_ranker_that_is_not_there_is_answered_in_one_sentence(string ranker, string sentence)
    {
        using var folder = new TempFolder();

        SelmProcess.Run("rank", "--ranker", ranker, "--input", folder.Write("in.jsonl", "{}"), "--output", folder.File("out.jsonl")).Refused(sentence);
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Fact]
    public void rows_that_cannot_be_computed_are_refused_before_anything_is_written()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", Prompts + """{"prompt": ""}""");

        SelmProcess.Run("generate", "--model", demo.Model, "--input", input, "--output", folder.File("out.jsonl"))
            .Refused($"{input} line 4: the prompt is empty; write one or delete that line.");
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Fact]
    public void a_response_beyond_the_context_is_refused_with_its_line()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", JsonSerializer.Serialize(new { prompt = "Hi", response = new string('x', 600) }));

        var run = SelmProcess.Run("logprobs", "--model", demo.Model, "--input", input, "--output", folder.File("out.jsonl"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith($"{input} line 1: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("512", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    public void a_truncated_or_missing_file_of_a_model_is_named_and_nothing_is_written(string name)
    {
        using var folder = new TempFolder();
        var model = demo.CopyModel(folder);
        var file = Path.Combine(model, name);
        foreach (var damage in new Action[] { () => File.WriteAllBytes(file, File.ReadAllBytes(file)[..^100]), () => File.Delete(file) })
        {
            damage();

            var run = SelmProcess.Run("generate", "--model", model, "--input", folder.Write("in.jsonl", Prompts), "--output", folder.File("out.jsonl"));

            Assert.Equal((2, ""), (run.Code, run.Out));
            Assert.Equal(1, run.Error.Count(c => c == '\n'));
            Assert.Contains(model, run.Error, StringComparison.Ordinal);
            Assert.Equal(["in.jsonl", "model"], folder.Names());
        }
    }

    [Fact]
    public void without_libtorch_the_sentence_says_how_to_get_it()
    {
        using var folder = new TempFolder();
        var run = SelmProcess.RunWith(
            [("SELM_LIBTORCH", "/nowhere/torch")],
            "generate", "--model", demo.Model, "--input", folder.Write("in.jsonl", Prompts), "--output", folder.File("out.jsonl"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith("SELM_LIBTORCH is /nowhere/torch, which holds no libtorch_cpu.so; name the folder", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [SkippableFact]
    public void a_device_that_is_not_there_is_named()
    {
        Skip.If(TorchSharp.torch.cuda.device_count() > 0, "there is a CUDA device");
        using var folder = new TempFolder();

        var run = SelmProcess.Run("generate", "--model", demo.Model, "--device", "cuda", "--input", folder.Write("in.jsonl", Prompts), "--output", folder.File("out.jsonl"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith("The device 'cuda' is not there", run.Error, StringComparison.Ordinal);
    }

    private JsonElement[] Generate(string input, string output, params string[] options)
    {
        var run = SelmProcess.Run(["generate", "--model", demo.Model, "--input", input, "--output", output, "--max-new-tokens", "5", .. options]);
        Assert.Equal((0, ""), (run.Code, run.Out));
        Assert.EndsWith($"{output}: {File.ReadLines(output).Count()} rows\n", run.Error, StringComparison.Ordinal);
        return [.. File.ReadLines(output).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static int[] Ids(JsonElement row) => [.. row.GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32())];

    private static double Logprob(JsonElement row) => row.GetProperty("logprob").GetDouble();
}
