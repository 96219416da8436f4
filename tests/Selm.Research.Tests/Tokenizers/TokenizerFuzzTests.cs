using System.Globalization;
using System.Runtime.InteropServices;
using Selm.Tests;

namespace Selm.Research.Tests.Tokenizers;

/// <summary>
/// The kit's tokenizers beside Hugging Face's own library on random texts and ids. SELM_FUZZ sets how many per family.
/// </summary>
public class TokenizerFuzzTests
{
    private const int Usual = 5000;

    // A seed found to matter can be put here; each row has numbers of its own.
    private const ulong Seed = 20_261_130;

    public static TheoryData<string> Families =>
        ["gpt2", "llama3", "llama2", "qwen2", "qwen2-nfd", "mistral-metaspace", "gemma", "phi3", "deberta-v3", "unigram-byte-fallback", "demo", "lab"];

    [SkippableTheory]
    [MemberData(nameof(Families))]
    public void random_texts_and_ids_are_encoded_and_decoded_as_hugging_faces_library_does(string family)
    {
        Skip.IfNot(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "Hugging Face's library is a test package for Linux on x64 only");
        using var folder = new TempFolder();
        var file = FuzzFamilies.Make(family);
        using var pair = new TokenizerPair(family, file, folder.Root);
        var count = Environment.GetEnvironmentVariable("SELM_FUZZ") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : Usual;
        for (var row = 0; row < count; row++)
        {
            pair.Compare(Seed, row);
        }
    }
}
