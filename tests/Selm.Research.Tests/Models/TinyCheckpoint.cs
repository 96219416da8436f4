using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Tests;
using Selm.Research.Training;

namespace Selm.Research.Tests.Models;

/// <summary>A random Llama with the llama2-style tokenizer of tests/golden, in a folder that goes away with the test.</summary>
internal sealed class TinyCheckpoint : IDisposable
{
    public const string Template =
        "{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}";

    public static readonly LlamaConfig Config = new()
    {
        ModelType = "llama", VocabSize = 600, HiddenSize = 16, IntermediateSize = 24, NumHiddenLayers = 2, NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 8,
        MaxPositionEmbeddings = 64, BosTokenId = 1, EosTokenIds = [2],
    };

    private readonly TempFolder folder = new();

    public TinyCheckpoint(LlamaConfig? config = null, bool tokenizer = true, string? template = Template)
    {
        using var model = new Llama(config ?? Config);
        RandomWeights.Fill(model, seed: 5, spread: 0.3);
        LlamaWeights.Save(model, folder.Root);
        if (tokenizer)
        {
            File.Copy(Golden.Path("tokenizers", "hf-tokenizer-json", "sentencepiece-llama2-style", "tokenizer.json"), folder.File("tokenizer.json"));
            folder.Write("tokenizer_config.json", JsonSerializer.Serialize(template is null ? new() : new Dictionary<string, string> { ["chat_template"] = template }));
        }
    }

    public string Root => folder.Root;

    public string Place(params string[] parts) => folder.File(parts);

    public string Write(string name, string text) => folder.Write(name, text);

    /// <summary>The rows of a JSONL file.</summary>
    public static JsonElement[] Rows(string path) => [.. File.ReadLines(path).Select(line => JsonElement.Parse(line))];

    public void Dispose() => folder.Dispose();
}
