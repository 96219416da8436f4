using Selm.HuggingFace.Tokenizers;

namespace Selm.HuggingFace.Tests.Tokenizers;

public class StreamingDecoderTests
{
    [Fact]
    public void an_emoji_of_four_byte_tokens_appears_at_once_and_whole()
    {
        var tokenizer = GoldenTokenizerTests.Load("byte-level-gpt2-style");
        var stream = new StreamingDecoder(tokenizer);
        Assert.Equal(["H", "", "", "", "🙂", "!"], tokenizer.Encode("H🙂!").Select(stream.Push));
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void a_run_of_byte_tokens_waits_for_its_end()
    {
        var tokenizer = GoldenTokenizerTests.Load("sentencepiece-llama2-style");
        var stream = new StreamingDecoder(tokenizer);
        var ids = tokenizer.Encode("a \u0416b");
        var pieces = ids.Select(stream.Push).ToList();
        Assert.Equal("a", pieces[0]);
        Assert.Equal("a \u0416b", string.Concat(pieces) + stream.Flush());
        Assert.DoesNotContain(pieces, piece => piece.Contains('\uFFFD', StringComparison.Ordinal));
    }

    [Fact]
    public void what_never_became_a_character_is_shown_at_the_end()
    {
        var tokenizer = GoldenTokenizerTests.Load("byte-level-gpt2-style");
        var stream = new StreamingDecoder(tokenizer);
        Assert.Equal("", stream.Push(tokenizer.Encode("🙂")[0]));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void an_unknown_id_is_refused()
    {
        var error = Assert.Throws<InputException>(() => new StreamingDecoder(GoldenTokenizerTests.Load("byte-level-gpt2-style")).Push(421));
        Assert.Contains("421", error.Message, StringComparison.Ordinal);
    }
}
