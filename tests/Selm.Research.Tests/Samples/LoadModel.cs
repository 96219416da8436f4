// The sample of README's section "From C#" (a test compares them). It is compiled and run here so that it cannot rot.
using System.Text.RegularExpressions;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Tests;

// sample
using Selm.HuggingFace.Models;
using Selm.Research.Sampling;

namespace Selm.Research.Tests.Samples;

public static class LoadModel
{
    /// <summary>The model's greedy answer to a text; float32 on the CPU unless Load is told a dtype and a device.</summary>
    public static string Answer(string path, string text)
    {
        var folder = ModelFolder.Load(path);
        var prompt = folder.Tokenizer.Encode(text, addSpecialTokens: true); // or folder.ChatTemplate for messages
        var answer = ResponseGenerator.Generate(folder.Model, [prompt], new SamplingOptions(MaxNewTokens: 64), endIds: folder.EndIds)[0];
        return folder.Tokenizer.Decode(answer.OutputIds);
    }
}
// end of sample

/// <summary>Runs the sample, and holds README to it and to the lessons it lists.</summary>
public class LoadModelTests
{
    private static readonly string readme = File.ReadAllText(Path.Combine(Golden.Root, "README.md"));

    [Fact]
    public void the_sample_answers_with_words_of_the_model()
    {
        var prompt = LabLanguage.Standard.Split.Test[0].Text(LabLanguage.Standard);
        var answer = LoadModel.Answer(KitFolder.Find(Path.Combine("data", "lessons", "base")), $"<user> {prompt} <bot>");
        Assert.True(answer.Split(' ').Length > 3, answer);
    }

    [Fact]
    public void README_shows_the_sample_as_it_is_compiled()
    {
        var source = File.ReadAllText(Path.Combine(Golden.Root, "tests", "Selm.Research.Tests", "Samples", "LoadModel.cs"));
        var start = source.IndexOf("// sample\n", StringComparison.Ordinal) + "// sample\n".Length;
        var sample = source[start..source.IndexOf("// end of sample", StringComparison.Ordinal)].Replace("namespace Selm.Research.Tests.Samples;\n\n", "", StringComparison.Ordinal).Trim();
        Assert.Contains(sample, readme, StringComparison.Ordinal);
    }

    [Fact]
    public void README_lists_every_lesson_with_the_title_and_the_seconds_that_the_lesson_names()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Golden.Root, "notebooks"), "*.ipynb"))
        {
            var text = File.ReadAllText(file);
            var title = Regex.Match(text, "\"# (.*?)(\\\\n)?\"").Groups[1].Value;
            var seconds = Regex.Match(text, @"Running time: (\d+) s on two cores").Groups[1].Value;
            Assert.Contains($"| [{title}](notebooks/{Path.GetFileName(file)}) | {seconds} |", readme, StringComparison.Ordinal);
        }
    }
}
