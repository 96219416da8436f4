using System.Security.Cryptography;
using System.Text;
using Selm.HuggingFace.Tokenizers;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>NFC and NFD beside what Python's unicodedata 14 gives, as digests over many texts.</summary>
public class CanonicalFormsTests
{
    private static readonly (int First, int Last)[] ranges =
        [(0x41, 0x7A), (0xC0, 0x17F), (0x300, 0x36F), (0x591, 0x5C7), (0x5D0, 0x5EA), (0x900, 0x9FF), (0xB40, 0xE00), (0x1025, 0x103A), (0x1100, 0x1112), (0x1161, 0x1175), (0x11A7, 0x11C2), (0x1E00, 0x1FFE), (0x3040, 0x30FF), (0xAC00, 0xAC40), (0xF900, 0xFAD9), (0xFB1D, 0xFB4E), (0x110A0, 0x110BA), (0x1D158, 0x1D172)];

    [Theory]
    [InlineData("plain text", "plain text", "plain text")]
    [InlineData("e\u0301", "\u00E9", "e\u0301")]
    [InlineData("A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\u212B", "\u00C5", "A\u030A")]
    [InlineData("s\u0307\u0323", "\u1E69", "s\u0323\u0307")]
    [InlineData("s\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\uAC01\u11A8", "\uAC01\u11A8", "\u1100\u1161\u11A8\u11A8")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C")] // never composed
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("\uFB01", "\uFB01", "\uFB01")] // a compatibility character stays
    [InlineData("a\u0315\u0300\u05AE\u0062", "\u00E0\u05AE\u0315b", "a\u05AE\u0300\u0315b")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\U000110A5\U000110BA", "\U000110AB", "\U000110A5\U000110BA")]
    public void known_texts_have_their_forms(string text, string composed, string decomposed)
    {
        Assert.Equal(composed, CanonicalForms.Nfc(text));
        Assert.Equal(decomposed, CanonicalForms.Nfd(text));
    }

    [Fact]
    public void every_code_point_has_the_forms_of_unicodedata()
    {
        var points = Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(point => new Rune(point).ToString()).ToList();
        Assert.Equal("1ffc8e6ce9e83df8e49fd62d6abb68f981775aed0b5101b88c213d4653e9b540", Digest(points.Select(CanonicalForms.Nfc)));
        Assert.Equal("e3c4baa47152e83c55acd38c0d54fd729ab84ca0ec4a24a5e3267e7a95344516", Digest(points.Select(CanonicalForms.Nfd)));
    }

    [Fact]
    public void random_runs_of_letters_and_marks_have_the_forms_of_unicodedata()
    {
        Assert.Equal("ebff8a7bc722ccadcfaf3193037c303cdf549bbd7ad7974fddf6abab2944b149", Digest(Texts().Select(text => CanonicalForms.Nfc(text) + "\n")));
        Assert.Equal("fdb010db56155e6eed6b1c3ae8e8f93b67bcdca7f1e15ede2cd4070455707f83", Digest(Texts().Select(text => CanonicalForms.Nfd(text) + "\n")));
    }

    [Fact]
    public void forms_are_idempotent_and_equal_for_canonically_equal_texts() => Assert.All(Texts(), text =>
    {
        var (composed, decomposed) = (CanonicalForms.Nfc(text), CanonicalForms.Nfd(text));
        Assert.Equal(composed, CanonicalForms.Nfc(composed));
        Assert.Equal(composed, CanonicalForms.Nfc(decomposed));
        Assert.Equal(decomposed, CanonicalForms.Nfd(composed));
        Assert.Equal(decomposed, CanonicalForms.Nfd(decomposed));
    });

    // The same texts as those behind the digests: a linear congruential generator, one to eight characters each.
    private static IEnumerable<string> Texts()
    {
        var pool = ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).ToArray();
        var state = 12345UL;
        ulong Next() => (state = (state * 6364136223846793005) + 1442695040888963407) >> 33;
        for (var row = 0; row < 20_000; row++)
        {
            var text = new StringBuilder();
            for (var count = 1 + (Next() % 8); count > 0; count--)
            {
                text.Append(new Rune(pool[Next() % (ulong)pool.Length]));
            }
            yield return text.ToString();
        }
    }

    private static string Digest(IEnumerable<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
