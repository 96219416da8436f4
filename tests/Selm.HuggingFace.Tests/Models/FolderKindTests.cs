using Selm.HuggingFace.Models;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>What people give as a checkpoint and is none is recognised, and the sentence has the step that helps.</summary>
public class FolderKindTests
{
    private const string Pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14483464192\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void a_lora_folder_names_its_base_and_how_to_merge(bool withConfig)
    {
        using var folder = new TempFolder();
        if (withConfig)
        {
            File.Copy(Golden.Path("hf-models", "llama-gqa-untied", "config.json"), folder.File("config.json"));
        }
        folder.Write("adapter_config.json", """{"peft_type":"LORA","base_model_name_or_path":"someone/sft-base","r":4,"target_modules":["q_proj"]}""");
        var message = Assert.Throws<InputException>(() => ModelFolder.Load(folder.Root)).Message;
        Assert.Contains("LoRA adapter of someone/sft-base", message, StringComparison.Ordinal);
        Assert.Contains($"selm merge --model someone/sft-base --adapter {folder.Root} --out OUT", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pytorch_model.bin", "safe_serialization=True")]
    [InlineData("pytorch_model-00001-of-00002.bin", "safe_serialization=True")]
    [InlineData("model.pt", "safe_serialization=True")]
    [InlineData("consolidated.00.pth", "_weights_to_hf.py")]
    [InlineData("consolidated.safetensors", "_weights_to_hf.py")]
    [InlineData("model-q4.gguf", "GGUF")]
    public void weights_of_another_format_are_named_with_their_conversion(string name, string cure)
    {
        using var files = new TinyFiles();
        File.Delete(files.Place("model.safetensors"));
        files.Write(name, "x");
        var message = files.Refusal();
        Assert.Contains(files.Place(name), message, StringComparison.Ordinal);
        Assert.Contains(cure, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    public void a_git_lfs_pointer_is_told_from_the_file(string name)
    {
        using var files = new TinyFiles();
        files.Write(name, Pointer);
        var message = files.Refusal();
        Assert.StartsWith(files.Place(name), message, StringComparison.Ordinal);
        Assert.Contains("git lfs pull", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama-reward", "LlamaForSequenceClassification")]
    [InlineData("qwen2-reward", "Qwen2ForSequenceClassification")]
    public void a_reward_model_given_as_the_model_is_sent_to_the_rankers(string name, string kind)
    {
        var folder = Golden.Path("hf-models", name);
        var message = Assert.Throws<InputException>(() => ModelFolder.Load(folder)).Message;
        Assert.Contains(kind, message, StringComparison.Ordinal);
        Assert.Contains($"rm:{folder}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void pairrm_given_as_the_model_is_sent_to_the_rankers() =>
        Assert.Contains("pairrm:", Assert.Throws<InputException>(() => ModelFolder.Load(Golden.Path("hf-models", "pairrm"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"ranker_type":"pairranker","model_name":"microsoft/deberta-v3-large"}""", "spm.model")]
    [InlineData("""{"ranker_type":"summareranker","model_name":"microsoft/deberta-v3-large"}""", "summareranker")]
    [InlineData("""{"ranker_type":"pairranker","model_name":"roberta-large"}""", "roberta-large")]
    public void a_ranker_of_llm_blenders_that_is_not_whole_or_another_names_the_other_form(string config, string named)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", config);
        var message = Assert.Throws<InputException>(() => PairRm.Load(folder.Root)).Message;
        Assert.Contains("llm-blender/PairRM-hf", message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void gemma_is_refused_by_name() =>
        Assert.Contains("\"gemma2\" is not known; the kit reads llama, mistral, phi3, qwen2, qwen3, deberta-v2", Gemma(), StringComparison.Ordinal);

    private static string Gemma()
    {
        using var files = new TinyFiles(config: json => json["model_type"] = "gemma2");
        return files.Refusal();
    }
}
