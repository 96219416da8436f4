// The sample of Selm.HuggingFace's readme (src/Selm.HuggingFace/PackageReadme.md holds the lines between the marks; a test
// compares them). It is compiled and run here so that it cannot rot.
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Tests;

// sample
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;

namespace Selm.Research.Tests.Samples;

public static class ScoreText
{
    /// <summary>log pi(answer | question) of a checkpoint in Hugging Face's format [nats], and how much each token has of it.</summary>
    public static (double Logp, float[] Tokens) Score(string path, string question, string answer)
    {
        using var folder = ModelFolder.Load(path);
        ChatMessage[] turns = [new("user", question)];
        var (prompt, response) = folder.ChatTemplate is null
            ? (folder.PromptIds(question), folder.ResponseIds(question, answer))
            : (folder.PromptIds(turns), folder.ResponseIds(turns, answer));
        var (sums, tokens) = TokenLogps.Of(folder.Model, [new SharedRow(prompt, [response])]);
        return (sums[0], tokens);
    }
}
// end of sample

/// <summary>Runs the sample, and holds the readme to it.</summary>
public class ScoreTextTests
{
    [Fact]
    public void the_sample_scores_an_answer_token_by_token()
    {
        var prompt = LabLanguage.Standard.Split.Test[0].Text(LabLanguage.Standard);
        var (logp, tokens) = ScoreText.Score(KitFolder.Find(Path.Combine("data", "lessons", "base")), prompt, prompt);
        Assert.True(logp < 0 && tokens.Length > 1);
        Assert.Equal(logp, tokens.Sum(token => (double)token), 4);
    }

    [Fact]
    public void the_package_readme_shows_the_sample_as_it_is_compiled()
    {
        var source = File.ReadAllText(Path.Combine(Golden.Root, "tests", "Selm.Research.Tests", "Samples", "ScoreText.cs"));
        var start = source.IndexOf("// sample\n", StringComparison.Ordinal) + "// sample\n".Length;
        var sample = source[start..source.IndexOf("// end of sample", StringComparison.Ordinal)].Replace("namespace Selm.Research.Tests.Samples;\n\n", "", StringComparison.Ordinal).Trim();
        Assert.Contains(sample, File.ReadAllText(Path.Combine(Golden.Root, "src", "Selm.HuggingFace", "PackageReadme.md")), StringComparison.Ordinal);
    }
}
