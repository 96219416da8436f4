using System.Text;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Numerics;
using Reference = Tokenizers.DotNet.Tokenizer;

namespace Selm.Research.Tests.Tokenizers;

/// <summary>
/// One tokenizer.json in the kit and in Hugging Face's library. The library's interface has no flags, so what it shall
/// not do is taken out of its file: the post-processor, or the special tokens.
/// </summary>
internal sealed class TokenizerPair : IDisposable
{
    private readonly string _family;
    private readonly Tokenizer _kit;
    private readonly Reference _whole, _bare, _plain;
    private readonly string[] _specials;
    private readonly int[] _ids;
    private readonly string[] _words;

    public TokenizerPair(string family, JsonObject file, string folder)
    {
        _family = family;
        var path = Write(file, folder, "whole");
        _kit = Tokenizer.Load(path);
        _whole = new(path);
        var added = file["added_tokens"]!.AsArray();
        _specials = [.. added.Select(token => token!["content"]!.GetValue<string>())];
        _ids = [.. Enumerable.Range(0, _kit.VocabularySize).Where(_kit.Has)];
        _words = file["model"]!["type"]?.GetValue<string>() == "WordLevel" ? [.. _ids.Select(_kit.TokenOf)] : [];
        var rest = file.DeepClone().AsObject();
        rest["post_processor"] = null;
        _bare = new(Write(rest, folder, "bare"));
        rest["added_tokens"] = new JsonArray([.. added.Where(token => !token!["special"]!.GetValue<bool>()).Select(token => token!.DeepClone())]);
        _plain = new(Write(rest, folder, "plain"));
    }

    /// <summary>Encodes one random text in every way and decodes one random list of ids.</summary>
    /// <exception cref="Xunit.Sdk.FailException">The two differ; the message has the smallest input found.</exception>
    public void Compare(ulong seed, int row)
    {
        var random = new PhiloxStream(seed, "tokenizers/" + _family, row);
        var text = _words.Length > 0 ? FuzzTexts.Words(random, _words) : FuzzTexts.Next(random, _specials);
        CompareText(text, "encode with special tokens", t => _kit.Encode(t, addSpecialTokens: true), _whole);
        CompareText(text, "encode", t => _kit.Encode(t), _bare);
        CompareText(text, "encode special tokens as text", t => _kit.Encode(t, parseSpecialTokens: false), _plain);
        var ids = new int[random.NextInt(24)];
        var known = TryEncode(t => _kit.Encode(t), text) ?? [];
        // Ids of a real text, a few of them swapped, reach what ids by lot never do: bytes that make characters.
        var replaced = known.Length > 0 ? random.NextInt(5) : 4;
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = random.NextInt(4) < replaced ? _ids[random.NextInt(_ids.Length)] : known[i % known.Length];
        }
        CompareIds(ids, seed, row);

        void CompareText(string text, string what, Func<string, int[]> encode, Reference reference)
        {
            if (!Differs(text))
            {
                return;
            }
            var runes = FuzzTexts.Shrink([.. text.EnumerateRunes()], runes => Differs(string.Concat(runes)));
            var least = string.Concat(runes);
            Assert.Fail($"""
                {_family}, seed {seed}, row {row}: {what}
                "{FuzzTexts.Escape(least)}"
                kit: {Show(TryEncode(encode, least))}
                Hugging Face: {Show(TryReference(reference, least))}
                """);

            bool Differs(string t)
            {
                var (ours, theirs) = (TryEncode(encode, t), TryReference(reference, t));
                return ours is null || theirs is null ? ours != theirs : !ours.AsSpan().SequenceEqual(theirs);
            }
        }
    }

    public void Dispose()
    {
        _whole.Dispose();
        _bare.Dispose();
        _plain.Dispose();
    }

    private void CompareIds(int[] ids, ulong seed, int row)
    {
        if (Differs(ids))
        {
            var least = FuzzTexts.Shrink(ids, Differs);
            Assert.Fail($"""
                {_family}, seed {seed}, row {row}: decode {Show(least)} = "{FuzzTexts.Escape(string.Join("\" \"", least.Select(_kit.TokenOf)))}"
                kit: "{FuzzTexts.Escape(_kit.Decode(least))}"
                Hugging Face: "{FuzzTexts.Escape(Decode(least))}"
                """);
        }

        bool Differs(int[] some) => _kit.Decode(some) != Decode(some);

        string Decode(int[] some) => _whole.Decode(Array.ConvertAll(some, id => (uint)id));
    }

    // A vocabulary without an unknown token refuses unknown words; null then.
    private static int[]? TryEncode(Func<string, int[]> encode, string text)
    {
        try
        {
            return encode(text);
        }
        catch (InputException)
        {
            return null;
        }
    }

    private static int[]? TryReference(Reference reference, string text)
    {
        try
        {
            return Array.ConvertAll(reference.Encode(text), id => (int)id);
        }
        catch (global::Tokenizers.DotNet.TokenizerException)
        {
            return null;
        }
    }

    private static string Show(int[]? ids) => ids is null ? "refused" : $"[{string.Join(", ", ids)}]";

    private static string Write(JsonObject file, string folder, string name)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, name)).FullName, "tokenizer.json");
        File.WriteAllText(path, file.ToJsonString());
        return path;
    }
}
