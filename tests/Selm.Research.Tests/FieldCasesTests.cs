using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Sampling;
using Selm.Tests;

namespace Selm.Research.Tests;

/// <summary>What people's real files made of the kit, by public reports: right numbers, or a sentence that names the cause. Skipped where the cases are not there.</summary>
public class FieldCasesTests
{
    [SkippableTheory]
    [InlineData("01-int8-checkpoint/model", "01-int8-checkpoint/ids.jsonl", -33.5218)]
    [InlineData("03-v5-config/llama-theta-in-scaling", "03-v5-config/ids.jsonl", -181.7068)]
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

    private static string Case(string name)
    {
        var folder = Golden.Outside(["..", "field-cases", .. name.Split('/')]);
        Skip.If(folder is null, "the field cases are not there");
        return folder;
    }
}
