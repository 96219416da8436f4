using System.Text.Json.Nodes;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.Research.Lab;

/// <summary>
/// Writes the lab language's tokenizer in Hugging Face's format: one token per word, words parted by spaces, no token
/// for unknown words. Its chat template gives what <see cref="LabPrompt.Ids"/> gives.
/// </summary>
public static class LabTokenizer
{
    private const string ChatTemplate =
        "{% for message in messages %}{{ '<user> ' + message['content'] + ' ' if message['role'] == 'user' else '<bot> ' + message['content'] + ' <eos> ' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<bot>' }}{% endif %}";

    private static readonly string[] special = ["<pad>", "<bos>", "<user>", "<bot>", "<eos>", "<vs>"];

    /// <summary>Writes tokenizer.json and tokenizer_config.json; the same bytes every time.</summary>
    /// <param name="folder">Where to; made if absent.</param>
    /// <param name="language">The language.</param>
    /// <exception cref="InputException">The folder cannot be written.</exception>
    public static void Write(string folder, LabLanguage language)
    {
        var vocabulary = new JsonObject();
        foreach (var word in language.Words)
        {
            vocabulary.Add(word, vocabulary.Count);
        }
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer.json"), new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. special.Select(token => new JsonObject
            {
                ["id"] = language.IdOf(token),
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
            ["post_processor"] = null,
            ["decoder"] = null,
            ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = vocabulary, ["unk_token"] = "<unk>" },
        });
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["bos_token"] = "<bos>",
            ["eos_token"] = "<eos>",
            ["pad_token"] = "<pad>",
            ["chat_template"] = ChatTemplate,
            ["clean_up_tokenization_spaces"] = false,
        });
    }
}
