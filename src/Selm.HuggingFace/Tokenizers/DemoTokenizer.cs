using System.Text.Json.Nodes;
using Google.Protobuf;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// Writes the tokenizers of the kit's demo checkpoints in Hugging Face's formats: for the language model a byte-level
/// BPE whose merges are learned here from a few sentences, for the ranker a DeBERTa-style SentencePiece model.
/// The same bytes every time.
/// </summary>
public static class DemoTokenizer
{
    // Enough for the common short words of the corpus, few enough that every text still shows its letters.
    private const int MergeCount = 60;
    private static readonly string[] s_special = ["<pad>", "<s>", "</s>", "<unk>"];
    private static readonly string[] s_markers = ["[MASK]", "<|source|>", "<|candidate1|>", "<|candidate2|>", "<|candidate|>"];

    private const string ChatTemplate =
        "{% for message in messages %}\n{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token }}\n{% endfor %}\n"
        + "{% if add_generation_prompt %}\n{{ '<|assistant|>\\n' }}\n{%- endif %}";

    private const string Corpus =
        """
        What is the best way to learn a new language? Read a little every day, listen to people who speak it, and use the
        words you know. Write short notes, make mistakes, and ask someone to correct them.
        How do I cook rice? Rinse the rice, add two cups of water for each cup of rice, bring it to the boil, then cover the
        pot and let it stand over low heat until the water is gone.
        Why is the sky blue? The air scatters blue light more than red light, so from every side of the sky some blue light
        reaches the eye.
        Please explain how a bicycle stays upright. When it leans to one side, the front wheel turns to that side, and the
        wheels move back under the rider. That is why it is easier to ride fast than to ride slowly.
        Can you help me write a letter to my landlord? Yes. Say what is broken, since when, and what you would like to be
        done about it. Keep it short and friendly, and keep a copy.
        Which answer is better, and why? The better answer says what was asked, in plain words, and nothing that is not true.
        Give me three ideas for a rainy day. You could bake bread, read the book that has been waiting for you, or call an
        old friend and tell them what you have been thinking about.
        """;

    /// <summary>
    /// Writes tokenizer.json and tokenizer_config.json: ids 0 to 3 are pad, bos, eos and unknown, 4 to 259 the bytes,
    /// the rest merges. The chat template is Zephyr's form with its markers as plain text.
    /// </summary>
    /// <param name="folder">Where to write; created if missing.</param>
    /// <exception cref="InputException">The folder cannot be written.</exception>
    public static void Write(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var vocabulary = new JsonObject();
        foreach (var token in s_special)
        {
            vocabulary.Add(token, vocabulary.Count);
        }
        for (var b = 0; b < 256; b++)
        {
            vocabulary.Add(ByteLevel.CharOf((byte)b).ToString(), vocabulary.Count);
        }
        var merges = new JsonArray();
        foreach (var (left, right) in LearnMerges())
        {
            vocabulary.Add(left + right, vocabulary.Count);
            merges.Add($"{left} {right}");
        }
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer.json"), TokenizerJson(vocabulary, merges));
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["pad_token"] = s_special[0],
            ["bos_token"] = s_special[1],
            ["eos_token"] = s_special[2],
            ["unk_token"] = s_special[3],
            ["chat_template"] = ChatTemplate,
            ["clean_up_tokenization_spaces"] = false,
        });
    }

    /// <summary>
    /// Writes the tokenizer of a PairRM-shaped ranker: spm.model (Unigram; [PAD] 0, [CLS] 1, [SEP] 2, [UNK] 3),
    /// added_tokens.json with [MASK] and PairRM's four markers, and tokenizer_config.json. Read the ids back with
    /// <see cref="DebertaTokenizer.Load"/>.
    /// </summary>
    /// <param name="folder">Where to write; created if missing.</param>
    /// <exception cref="InputException">The folder cannot be written.</exception>
    public static void WriteRanker(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var pieces = RankerPieces();
        var model = Message(output =>
        {
            foreach (var (text, score, kind) in pieces)
            {
                Field(output, 1, Message(piece =>
                {
                    Field(piece, 1, text);
                    Field(piece, 2, score);
                    Field(piece, 3, (int)kind);
                }));
            }
            Field(output, 2, Message(trainer =>
            {
                foreach (var (number, value) in ((int, int)[])[(3, 1), (4, pieces.Count), (40, 3), (41, 1), (42, 2), (43, 0)])
                {
                    Field(trainer, number, value);
                }
                foreach (var (number, token) in ((int, string)[])[(45, "[UNK]"), (46, "[CLS]"), (47, "[SEP]"), (48, "[PAD]")])
                {
                    Field(trainer, number, token);
                }
            }));
            Field(output, 3, Message(normalizer =>
            {
                Field(normalizer, 1, "identity");
                Field(normalizer, 3, 1);
                Field(normalizer, 4, 1);
                Field(normalizer, 5, 1);
            }));
        });
        AtomicFile.Write(Path.Combine(folder, "spm.model"), model.WriteTo);
        var added = new JsonObject();
        foreach (var marker in s_markers)
        {
            added.Add(marker, pieces.Count + added.Count);
        }
        AtomicFile.WriteJson(Path.Combine(folder, "added_tokens.json"), added);
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject
        {
            ["tokenizer_class"] = "DebertaV2Tokenizer",
            ["do_lower_case"] = false,
            ["split_by_punct"] = false,
            ["cls_token"] = "[CLS]",
            ["sep_token"] = "[SEP]",
            ["pad_token"] = "[PAD]",
            ["unk_token"] = "[UNK]",
            ["mask_token"] = "[MASK]",
        });
    }

    private static ByteString Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }
        return UnsafeByteOperations.UnsafeWrap(bytes.ToArray());
    }

    private static void Field(CodedOutputStream output, int number, int value)
    {
        output.WriteTag(number, WireFormat.WireType.Varint);
        output.WriteInt32(value);
    }

    private static void Field(CodedOutputStream output, int number, float value)
    {
        output.WriteTag(number, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
    }

    private static void Field(CodedOutputStream output, int number, ByteString value)
    {
        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(value);
    }

    private static void Field(CodedOutputStream output, int number, string value) => Field(output, number, ByteString.CopyFromUtf8(value));

    private static JsonObject TokenizerJson(JsonObject vocabulary, JsonArray merges)
    {
        var bos = new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = s_special[1], ["type_id"] = 0 } };
        var text = new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } };
        var second = new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "B", ["type_id"] = 1 } };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. s_special.Select((token, id) => new JsonObject
            {
                ["id"] = id,
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = Bytes(),
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(bos.DeepClone(), text.DeepClone()),
                ["pair"] = new JsonArray(bos, text, second),
                ["special_tokens"] = new JsonObject
                {
                    [s_special[1]] = new JsonObject { ["id"] = s_special[1], ["ids"] = new JsonArray(1), ["tokens"] = new JsonArray(s_special[1]) },
                },
            },
            ["decoder"] = Bytes(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = merges,
            },
        };

        static JsonObject Bytes() => new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = true,
        };
    }

    /// <summary>Byte pair encoding's training: again and again the pair that stands together most often.</summary>
    private static List<(string Left, string Right)> LearnMerges()
    {
        var words = new SplitPattern(ByteLevel.Gpt2Pattern, "the demo tokenizer").Split(CorpusText())
            .ConvertAll(word => ByteLevel.Encode(word).Select(c => c.ToString()).ToList());
        var merges = new List<(string Left, string Right)>();
        while (merges.Count < MergeCount)
        {
            var counts = new Dictionary<(string Left, string Right), int>();
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    counts[(word[i], word[i + 1])] = counts.GetValueOrDefault((word[i], word[i + 1])) + 1;
                }
            }
            var best = counts
                .OrderByDescending(entry => entry.Value)
                .ThenBy(entry => entry.Key.Left, StringComparer.Ordinal)
                .ThenBy(entry => entry.Key.Right, StringComparer.Ordinal)
                .First().Key;
            merges.Add(best);
            words.ForEach(word => Join(word, best));
        }
        return merges;
    }

    private static void Join(List<string> word, (string Left, string Right) pair)
    {
        for (var i = 0; i + 1 < word.Count; i++)
        {
            if (word[i] == pair.Left && word[i + 1] == pair.Right)
            {
                word[i] += word[i + 1];
                word.RemoveAt(i + 1);
            }
        }
    }

    /// <summary>Special pieces, then the corpus's repeated words, then single characters, scored by log frequency.</summary>
    private static List<Piece> RankerPieces()
    {
        List<Piece> pieces =
        [
            new("[PAD]", 0, PieceKind.Control), new("[CLS]", 0, PieceKind.Control),
            new("[SEP]", 0, PieceKind.Control), new("[UNK]", 0, PieceKind.Unknown),
        ];
        var corpus = CorpusText();
        var words = corpus.Split(' ', '\n', '.', ',', '?')
            .Where(word => word.Length > 0)
            .GroupBy(word => "\u2581" + word, StringComparer.Ordinal)
            .Where(group => group.Count() > 1)
            .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal);
        double total = corpus.Length;
        foreach (var word in words)
        {
            pieces.Add(new Piece(word.Key, (float)Math.Log(word.Count() / total), PieceKind.Normal));
        }
        // Every printable ASCII character, so that English text has no unknown pieces; Latin-1 for names.
        foreach (var c in Enumerable.Range('!', '~' - '!' + 1).Concat(Enumerable.Range(0xA1, 0xFF - 0xA1 + 1)).Select(code => (char)code).Prepend('\u2581'))
        {
            var count = 1 + corpus.Count(other => other == (c == '\u2581' ? ' ' : c));
            pieces.Add(new Piece(c.ToString(), (float)Math.Log(count / (4 * total)), PieceKind.Normal));
        }
        return pieces;
    }

    private static string CorpusText() => Corpus.ReplaceLineEndings("\n");
}
