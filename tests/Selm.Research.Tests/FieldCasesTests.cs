using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Tests;

namespace Selm.Research.Tests;

/// <summary>What people's real files made of the kit, by public reports: right numbers, or a sentence that names the cause. Skipped where the cases are not there.</summary>
public class FieldCasesTests
{
    [SkippableTheory]
    [InlineData("01-int8-checkpoint/model", "01-int8-checkpoint/ids.jsonl", -33.5218)]
    [InlineData("03-v5-config/llama-theta-in-scaling", "03-v5-config/ids.jsonl", -181.7068)]
    [InlineData("03-v5-config/llama-v5", "03-v5-config/ids.jsonl", -181.7068)]
    [InlineData("03-v5-config/phi3-v5-whole", "03-v5-config/ids.jsonl", -181.7068)]
    [InlineData("08-boundary-space/model", "08-boundary-space/chat.jsonl", -209.0657)]
    [InlineData("17-checkpoint-shapes/module-prefix", "17-checkpoint-shapes/ids.jsonl", -33.5218)]
    [InlineData("17-checkpoint-shapes/orig-mod", "17-checkpoint-shapes/ids.jsonl", -33.5218)]
    [InlineData("17-checkpoint-shapes/no-prefix", "17-checkpoint-shapes/ids.jsonl", -33.5218)]
    [InlineData("17-checkpoint-shapes/stale-single", "17-checkpoint-shapes/ids.jsonl", -33.5218)]
    [InlineData("17-checkpoint-shapes/cfg-dtype-null", "17-checkpoint-shapes/ids.jsonl", -33.5218)]
    public void a_checkpoint_in_an_unusual_form_gives_the_reference_program_s_log_prob(string model, string input, double logprob)
    {
        var path = Case(model);
        using var folder = new TempFolder();
        using var opened = ModelFolder.Load(path);
        LogprobsFile.Run(opened, Case(input), folder.File("out.jsonl"), 8);
        Assert.Equal(logprob, JsonElement.Parse(File.ReadLines(folder.File("out.jsonl")).First()).GetProperty("logprob").GetDouble(), 2e-4);
    }

    [SkippableTheory]
    [InlineData("01-int8-checkpoint/model8", "quantization_config")]
    [InlineData("03-v5-config/phi3-v4-partial", "partial_rotary_factor")]
    [InlineData("03-v5-config/phi3-v5-partial", "partial_rotary_factor")]
    [InlineData("17-checkpoint-shapes/lora", "selm merge")]
    [InlineData("17-checkpoint-shapes/bin", "safe_serialization")]
    [InlineData("17-checkpoint-shapes/consolidated", "consolidated")]
    [InlineData("17-checkpoint-shapes/no-head", "lm_head.weight")]
    [InlineData("17-checkpoint-shapes/gptq", "gptq")]
    [InlineData("17-checkpoint-shapes/nf4", "bitsandbytes")]
    [InlineData("17-checkpoint-shapes/lfs", "git lfs pull")]
    [InlineData("17-checkpoint-shapes/shard-missing", "model-00002-of-00002.safetensors")]
    [InlineData("17-checkpoint-shapes/shard-wrong-place", "model-00002-of-00002.safetensors")]
    [InlineData("17-checkpoint-shapes/cfg-dynamic", "dynamic")]
    [InlineData("17-checkpoint-shapes/cfg-longrope", "longrope")]
    [InlineData("17-checkpoint-shapes/cfg-yarn", "yarn")]
    [InlineData("17-checkpoint-shapes/cfg-dtype-auto", "torch_dtype \"auto\"")]
    [InlineData("17-checkpoint-shapes/cfg-qwen2", "bias")]
    [InlineData("17-checkpoint-shapes/cfg-f8", "float8_e4m3fn")]
    [InlineData("17-checkpoint-shapes/cfg-gemma", "gemma")]
    [InlineData("17-checkpoint-shapes/cfg-vlm", "llava")]
    public void a_folder_that_is_no_plain_checkpoint_is_refused_by_name(string model, string named)
    {
        var path = Case(model);
        Assert.Contains(named, Assert.Throws<InputException>(() => ModelFolder.Load(path).Dispose()).Message, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableTheory]
    [InlineData("bom-crlf.jsonl")]
    [InlineData("bom.csv")]
    [InlineData("empty-chosen.jsonl")]
    [InlineData("explicit-prompt.jsonl")]
    [InlineData("hh-shape.jsonl")]
    [InlineData("identical.jsonl")]
    [InlineData("list-indented.json")]
    [InlineData("list.json")]
    [InlineData("openrlhf-prompt-key.jsonl")]
    [InlineData("orca-shape.jsonl")]
    [InlineData("prompt-list-texts.jsonl")]
    [InlineData("semicolon.csv")]
    [InlineData("x.jsonl.gz")]
    public void pairs_in_the_shapes_of_other_tools_are_read(string file)
    {
        var path = Case("06-trl-dataset-shapes/" + file);
        Assert.NotEmpty(PreferenceFile.Read(path).Records);
    }

    [SkippableTheory]
    [InlineData("content-parts.jsonl", "content")]
    [InlineData("fake.parquet", "Parquet")]
    [InlineData("null-content.jsonl", "null")]
    [InlineData("null-rejected.jsonl", "null")]
    [InlineData("utf16.jsonl", "UTF-16")]
    public void pairs_that_cannot_be_read_are_refused_by_what_they_are(string file, string named)
    {
        var path = Case("06-trl-dataset-shapes/" + file);
        Assert.Contains(named, Assert.Throws<InputException>(() => PreferenceFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void every_end_token_of_generation_config_or_config_ends_an_answer_and_the_former_wins()
    {
        int[] Answer(string model)
        {
            using var opened = ModelFolder.Load(Case("09-eos-list/" + model));
            return ResponseGenerator.Generate(opened.Model, [opened.PromptIds("Name a use of salt.")], new SamplingOptions(MaxNewTokens: 30), endIds: opened.EndIds)[0].OutputIds;
        }
        var whole = Answer("plain");
        var first = Array.IndexOf(whole, whole[6]);
        Assert.Equal(whole[..(first + 1)], Answer("list-in-generation"));
        Assert.Equal(whole[..(first + 1)], Answer("list-in-config"));
        Assert.Equal(whole, Answer("int-in-generation"));
    }

    [SkippableFact]
    public void runs_of_two_precisions_begin_at_log_2_whoever_filled_the_cache_first()
    {
        using var folder = new TempFolder();
        double FirstLoss(string recipe, string run, string cache)
        {
            var one = SelmRun.OneTraining(Recipe.Read(Case($"15-ref-cache-precision/{recipe}.yaml")), Case("15-ref-cache-precision/model"), Case("15-ref-cache-precision/pairs8.jsonl"));
            SelmRun.Run(new(one, folder.File(run), CacheFolder: folder.File(cache)), _ => throw new InvalidOperationException("nobody is ranked"));
            return JsonElement.Parse(File.ReadLines(folder.File(run, "metrics.jsonl")).First()).GetProperty("loss").GetDouble();
        }
        foreach (var (recipe, run, cache) in new[] { ("fp32", "a", "ab"), ("bf16", "b", "ab"), ("bf16", "c", "cd"), ("fp32", "d", "cd") })
        {
            Assert.Equal(Math.Log(2), FirstLoss(recipe, run, cache), 1e-6);
        }
    }

    [SkippableFact]
    public void answers_to_word_problems_are_read_as_the_benchmark_s_program_and_ratings_as_fastchat_reads_them()
    {
        var cases = JsonElement.Parse(File.ReadAllText(Case("21-gsm8k-extract/cases.json")));
        var item = new Gsm8kItem("q", cases.GetProperty("gold").GetString()!);
        var differ = cases.GetProperty("cases").EnumerateArray().Zip(cases.GetProperty("lmeval").EnumerateArray())
            .Where(t => Gsm8k.Score(t.First.GetString()!, item).Correct != t.Second[0].GetBoolean()).Select(t => t.First.GetString());
        Assert.Equal(["#### 1800."], differ); // right by lm-eval's filter, wrong by the benchmark's own program, which the kit follows

        var grades = MtBench.ReadGrades(Case("22-mtbench-rating/grades.jsonl"));
        Assert.Equal(7.642857, grades.Where(grade => grade.Score >= 0).Average(grade => grade.Score), 1e-6);
    }

    internal static string Case(string name)
    {
        var folder = Golden.Outside(["..", "field-cases", .. name.Split('/')]);
        Skip.If(folder is null, "the field cases are not there");
        return folder;
    }
}
