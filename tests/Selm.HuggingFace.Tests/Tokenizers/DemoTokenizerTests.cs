using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

public class DemoTokenizerTests
{
    [Fact]
    public void the_demo_tokenizer_reads_back_what_it_encodes()
    {
        using var folder = new TempFolder();
        DemoTokenizer.Write(folder.Root);
        var tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal((0, 1, 2, 3), (tokenizer.PadId, tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId));
        Assert.Equal(4 + 256 + 60, tokenizer.VocabularySize);
        Assert.True(tokenizer.AddsBos);
        const string Text = "What is the best way to say “naïve” in 日本語? 🙂\n";
        var ids = tokenizer.Encode(Text, addSpecialTokens: true);
        Assert.Equal(1, ids[0]);
        Assert.Equal(Text, tokenizer.Decode(ids));
        Assert.True(tokenizer.Encode("What is the best way").Length < 12, "merges are used");
    }

    [Fact]
    public void the_demo_chat_template_is_zephyrs_with_plain_markers()
    {
        using var folder = new TempFolder();
        DemoTokenizer.Write(folder.Root);
        var tokenizer = Tokenizer.Load(folder.Root);
        ChatMessage[] messages = [new("user", "Hi"), new("assistant", "Hello!"), new("user", "Bye")];
        const string Text = "<|user|>\nHi</s>\n<|assistant|>\nHello!</s>\n<|user|>\nBye</s>\n<|assistant|>\n";
        Assert.Equal(Text, tokenizer.ChatTemplate().Render(messages, addGenerationPrompt: true));
        Assert.Equal(ChatTemplate.Named("zephyr", "<s>", "</s>").Render(messages, false), tokenizer.ChatTemplate().Render(messages, false));
        var ids = tokenizer.Encode(Text);
        Assert.Equal(3, ids.Count(id => id == tokenizer.EosId));
        Assert.DoesNotContain(tokenizer.BosId!.Value, ids);
    }

    [Fact]
    public void the_ranker_tokenizer_reads_back_with_pairrms_markers()
    {
        using var folder = new TempFolder();
        DemoTokenizer.WriteRanker(folder.Root);
        var tokenizer = Assert.IsType<DebertaTokenizer>(Tokenizer.Load(folder.Root));
        Assert.Equal((0, 1, 2, 3), (tokenizer.PadId, tokenizer.ClsId, tokenizer.SepId, tokenizer.UnkId));
        string[] markers = ["[MASK]", "<|source|>", "<|candidate1|>", "<|candidate2|>", "<|candidate|>"];
        Assert.Equal(Enumerable.Range(tokenizer.MaskId, 5), markers.Select(marker => tokenizer.IdOf(marker)!.Value));
        Assert.Equal(tokenizer.MaskId + 5, tokenizer.VocabularySize);
        const string Text = "Which answer is better, and why? x = {1; 2} ~ café";
        var ids = tokenizer.Encode("<|source|>" + Text, addSpecialTokens: true);
        Assert.Equal([tokenizer.ClsId, tokenizer.IdOf("<|source|>")!.Value], ids[..2]);
        Assert.Equal(tokenizer.SepId, ids[^1]);
        Assert.DoesNotContain(tokenizer.UnkId!.Value, ids);
        Assert.Contains(tokenizer.IdOf("\u2581the") ?? -1, tokenizer.Encode("the better answer"));
        Assert.Equal(Text, tokenizer.Decode(ids));
        Assert.Equal([tokenizer.IdOf("\u2581")!.Value, tokenizer.UnkId.Value], tokenizer.Encode("日本"));
    }

    [Fact]
    public void both_write_the_same_bytes_every_time()
    {
        using var one = new TempFolder();
        using var two = new TempFolder();
        foreach (var folder in (TempFolder[])[one, two])
        {
            DemoTokenizer.Write(folder.File("model"));
            DemoTokenizer.WriteRanker(folder.File("ranker"));
        }
        string[] files = ["model/tokenizer.json", "model/tokenizer_config.json", "ranker/spm.model", "ranker/added_tokens.json", "ranker/tokenizer_config.json"];
        foreach (var file in files)
        {
            Assert.Equal(File.ReadAllBytes(one.File(file)), File.ReadAllBytes(two.File(file)));
        }
        Assert.Equal(Tokenizer.Load(one.File("model")).ContentHash, Tokenizer.Load(two.File("model")).ContentHash);
        Assert.NotEqual(Tokenizer.Load(one.File("model")).ContentHash, Tokenizer.Load(one.File("ranker")).ContentHash);
    }
}
