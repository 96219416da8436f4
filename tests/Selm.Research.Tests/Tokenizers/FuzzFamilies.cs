using System.Text.Json.Nodes;
using Google.Protobuf;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Lab;
using Selm.Tests;

namespace Selm.Research.Tests.Tokenizers;

/// <summary>tokenizer.json of every family that the kit reads: golden files, what the kit writes, and variants of both.</summary>
internal static class FuzzFamilies
{
    private const string Qwen2Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The file of a family.</summary>
    /// <param name="family">Its name.</param>
    public static JsonObject Make(string family) => family switch
    {
        "gpt2" => Read("byte-level-gpt2-style"),
        "llama3" => Read("byte-level-llama3-style"),
        "llama2" => Read("sentencepiece-llama2-style"),
        "qwen2" => Qwen2(),
        "qwen2-nfd" => Decomposed(),
        "mistral-metaspace" => Metaspace(),
        "gemma" => Gemma(),
        "phi3" => Phi3(),
        "deberta-v3" => Unigram("unigram-deberta-like", "[CLS]", "[SEP]"),
        "unigram-byte-fallback" => Unigram("unigram-bytefallback", "<s>", "</s>"),
        "demo" => Written(DemoTokenizer.Write),
        "lab" => Written(folder => LabTokenizer.Write(folder, LabLanguage.Standard)),
        _ => throw new ArgumentException(family),
    };

    private static JsonObject Read(string name) => Parse(Golden.Path("tokenizers", "hf-tokenizer-json", name, "tokenizer.json"));

    private static JsonObject Parse(string path) => JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();

    private static JsonObject Written(Action<string> write)
    {
        using var folder = new TempFolder();
        write(folder.Root);
        return Parse(Path.Combine(folder.Root, "tokenizer.json"));
    }

    // Digits one by one, ChatML's tokens, and NFC before everything.
    private static JsonObject Qwen2()
    {
        var file = Read("byte-level-llama3-style");
        file["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = Qwen2Pattern;
        file["normalizer"] = JsonNode.Parse("""{"type": "NFC"}""");
        file["model"]!["ignore_merges"] = false;
        file["post_processor"] = JsonNode.Parse("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}""");
        file["added_tokens"]![3]!["content"] = "<|im_start|>";
        file["added_tokens"]![4]!["content"] = "<|im_end|>";
        return file;
    }

    private static JsonObject Decomposed()
    {
        var file = Qwen2();
        file["normalizer"]!["type"] = "NFD";
        return file;
    }

    // Llama's file as newer tools write it: the mark comes from a pre-tokenizer, and only before the first word.
    private static JsonObject Metaspace()
    {
        var file = Read("sentencepiece-llama2-style");
        file["normalizer"] = null;
        file["pre_tokenizer"] = JsonNode.Parse("""{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": false}""");
        return file;
    }

    private static JsonObject Gemma()
    {
        var file = Read("sentencepiece-llama2-style");
        file["normalizer"] = JsonNode.Parse("""{"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}""");
        file["pre_tokenizer"] = JsonNode.Parse("""{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}""");
        file["decoder"]!["decoders"]!.AsArray().RemoveAt(3);
        return file;
    }

    // Tokens that take the spaces beside them along, that must stand alone, and that are found in normalized text.
    private static JsonObject Phi3()
    {
        var file = Read("sentencepiece-llama2-style");
        var tokens = file["added_tokens"]!.AsArray();
        foreach (var (content, flag, special) in new[] { ("word", "single_word", false), ("ord", "normalized", false), ("two words", "normalized", false), ("<|user|>", "rstrip", true), ("<|end|>", "lstrip", true) })
        {
            var token = tokens[0]!.DeepClone().AsObject();
            (token["id"], token["content"], token[flag], token["special"]) = (600 + tokens.Count - 3, content, true, special);
            tokens.Add((JsonNode)token);
        }
        return file;
    }

    // As Hugging Face's converter writes a DeBERTa-v2 tokenizer.
    private static JsonObject Unigram(string model, string first, string last)
    {
        var (pieces, map, unk, fallback) = ReadSentencePiece(Golden.Path("tokenizers", "sentencepiece", model + ".model"));
        var names = pieces.ConvertAll(piece => piece.Text);
        JsonObject End(string token) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } };
        JsonObject Use(string token) => new() { ["id"] = token, ["ids"] = new JsonArray(names.IndexOf(token)), ["tokens"] = new JsonArray(token) };
        var sequence = JsonNode.Parse("""{"Sequence": {"id": "A", "type_id": 0}}""")!;
        var metaspace = JsonNode.Parse("""{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true}""")!;
        return new()
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. new[] { first, last, "[MASK]", names[unk] }.Select((token, i) => new JsonObject
            {
                ["id"] = token == "[MASK]" ? names.Count : names.IndexOf(token),
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = token == "[MASK]",
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["normalizers"] = new JsonArray(
                    JsonNode.Parse("""{"type": "Strip", "strip_left": true, "strip_right": true}"""),
                    new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = Convert.ToBase64String(map) },
                    JsonNode.Parse("""{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}""")),
            },
            ["pre_tokenizer"] = metaspace,
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(End(first), sequence, End(last)),
                ["pair"] = new JsonArray(sequence.DeepClone(), JsonNode.Parse("""{"Sequence": {"id": "B", "type_id": 1}}""")),
                ["special_tokens"] = new JsonObject { [first] = Use(first), [last] = Use(last) },
            },
            ["decoder"] = metaspace.DeepClone(),
            ["model"] = new JsonObject
            {
                ["type"] = "Unigram",
                ["unk_id"] = unk,
                ["vocab"] = new JsonArray([.. pieces.Select(piece => new JsonArray(piece.Text, (double)piece.Score))]),
                ["byte_fallback"] = fallback,
            },
        };
    }

    // ModelProto: 1 pieces (1 text, 2 score, 3 kind), 2 trainer (35 byte fallback), 3 normalizer (2 map).
    private static (List<(string Text, float Score)> Pieces, byte[] Map, int Unk, bool Fallback) ReadSentencePiece(string path)
    {
        var (pieces, map, unk, fallback) = (new List<(string, float)>(), Array.Empty<byte>(), 0, false);
        Fields(new(File.ReadAllBytes(path)), (field, input) =>
        {
            var (text, score, kind) = ("", 0f, 1);
            Action<int, CodedInputStream> inner = field switch
            {
                1 => (number, piece) => _ = number switch { 1 => (text = piece.ReadString(), 0f, 0), 2 => ("", score = piece.ReadFloat(), 0), _ => ("", 0f, kind = piece.ReadInt32()) },
                2 => (number, trainer) => { if (number == 35) { fallback = trainer.ReadBool(); } else { trainer.SkipLastField(); } },
                3 => (number, normalizer) => { if (number == 2) { map = normalizer.ReadBytes().ToByteArray(); } else { normalizer.SkipLastField(); } },
                _ => (_, other) => other.SkipLastField(),
            };
            Fields(input.ReadBytes().CreateCodedInput(), inner);
            if (field == 1)
            {
                unk = kind == 2 ? pieces.Count : unk;
                pieces.Add((text, score));
            }
        });
        return (pieces, map, unk, fallback);
    }

    private static void Fields(CodedInputStream input, Action<int, CodedInputStream> read)
    {
        while (input.ReadTag() is not 0 and var tag)
        {
            read(WireFormat.GetTagFieldNumber(tag), input);
        }
    }
}
