using System.Text.Json;

namespace Selm.Cli.Tests;

public class PlanCommandTests
{
    [Fact]
    public void json_holds_every_stage_with_work_memory_time_and_where_its_utilisation_comes_from()
    {
        var run = SelmProcess.Run("plan", "--recipe", "zephyr-selm", "--device", "h200", "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Out).RootElement;
        var stages = plan.GetProperty("stages").EnumerateArray().ToArray();

        Assert.Equal(["sampling", "ranking", "reference", "training"], stages.Select(stage => stage.GetProperty("name").GetString()));
        foreach (var stage in stages)
        {
            Assert.All(["flops", "bytes", "seconds", "disk_bytes"], name => Assert.True(stage.GetProperty(name).GetDouble() > 0, name));
            Assert.True(stage.GetProperty("peak").GetProperty("weights").GetDouble() > 14e9);
            Assert.False(stage.GetProperty("utilisation").GetProperty("measured").GetBoolean());
            Assert.Equal("assumed utilisation", stage.GetProperty("utilisation").GetProperty("source").GetString());
        }
        Assert.Equal("built-in shape of Mistral-7B", plan.GetProperty("model_source").GetString());
        Assert.Equal(plan.GetProperty("fits").GetBoolean(), plan.GetProperty("suggestions").GetArrayLength() == 0);
        Assert.True(plan.GetProperty("peak_bytes").GetDouble() > 14e9);
    }

    [Fact]
    public void a_recipe_that_does_not_fit_names_keys_cheapest_first_and_says_assumed_utilisation()
    {
        using var temp = new TempFolder();
        var run = SelmProcess.Run("plan", "--recipe", "zephyr-selm", "--device", "rtx4090", "--out", temp.Root);

        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("assumed utilisation", run.Out, StringComparison.Ordinal);
        Assert.Contains("does not fit: a peak of", run.Out, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^  .*adapter: \{rank: 16\}.*: \d+\.\d GB, fits \(", run.Out);
        Assert.True(run.Out.IndexOf("  batch_size: ", StringComparison.Ordinal) < run.Out.IndexOf("  adapter: ", StringComparison.Ordinal));
        Assert.StartsWith("<svg", File.ReadAllText(Path.Combine(temp.Root, "plan-zephyr-selm-rtx4090.svg")), StringComparison.Ordinal);
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(temp.Root, "plan-zephyr-selm-rtx4090.html")), StringComparison.Ordinal);
    }

    [Fact]
    public void the_plan_of_a_folder_reads_no_weights()
    {
        using var temp = new TempFolder();
        Directory.CreateDirectory(Path.Combine(temp.Root, "model"));
        File.WriteAllText(Path.Combine(temp.Root, "model", "config.json"), """
            {"model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64}
            """);
        File.WriteAllText(Path.Combine(temp.Root, "model", "model.safetensors"), "no weights at all");
        File.WriteAllText(Path.Combine(temp.Root, "r.yaml"), $"name: r\nbase: {temp.Root}/model\nranker: oracle:lab\neval_every: 1\neval_fraction: 0.1\n");

        var run = SelmProcess.Run("plan", "--recipe", Path.Combine(temp.Root, "r.yaml"), "--pairs", "400", "--json");

        Assert.Equal((0, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Out).RootElement;
        Assert.Equal(["sampling", "reference", "training", "evaluation"], plan.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("name").GetString()));
        Assert.Equal(("cpu", 400, "given"), (plan.GetProperty("device").GetProperty("name").GetString(), plan.GetProperty("amount").GetProperty("pairs").GetInt32(), plan.GetProperty("amount").GetProperty("pairs_source").GetString()));
        Assert.True(plan.GetProperty("fits").GetBoolean());
    }

    [Fact]
    public void utilisation_measured_by_a_bench_takes_the_place_of_the_assumed_one()
    {
        using var temp = new TempFolder();
        var file = Path.Combine(temp.Root, "bench.jsonl");
        File.WriteAllText(file, SelmProcess.Run("bench", "train", "--hidden", "32", "--ff", "32", "--layers", "1", "--heads", "2", "--kv-heads", "1", "--batch", "2", "--steps", "2", "--json").Out);

        var run = SelmProcess.Run("plan", "--recipe", "zephyr-selm", "--device", "cpu", "--bench", file, "--json");

        Assert.Equal((0, ""), (run.Code, run.Error));
        var training = JsonDocument.Parse(run.Out).RootElement.GetProperty("stages").EnumerateArray().Single(stage => stage.GetProperty("name").GetString() == "training").GetProperty("utilisation");
        Assert.Equal((true, file), (training.GetProperty("measured").GetBoolean(), training.GetProperty("source").GetString()));
        File.WriteAllText(file, "{}\n");
        SelmProcess.Run("plan", "--recipe", "zephyr-selm", "--bench", file).Refused($"{file} line 1 is no result of selm bench train, generate or logprobs; write it with selm bench MODE --json.");
    }

    [Fact]
    public void an_unknown_device_or_recipe_is_refused_with_the_known_ones()
    {
        SelmProcess.Run("plan", "--recipe", "zephyr-selm", "--device", "h100").Refused("There is no device 'h100'; did you mean 'h200'? selm plan knows h200, a100-80, rtx4090, cpu.");
        Assert.StartsWith("There is no recipe 'zephyr'", SelmProcess.Run("plan", "--recipe", "zephyr").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void help_ends_in_examples() => Assert.Contains("selm plan --recipe zephyr-selm --device rtx4090", SelmProcess.Run("plan", "--help").Out, StringComparison.Ordinal);
}
