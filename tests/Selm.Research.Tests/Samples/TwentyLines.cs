// The sample of the package's readme (src/Selm.Research/PackageReadme.md holds the lines between the marks; a test
// compares them). It is compiled and run here so that it cannot rot.
using Selm.Tests;

// sample
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.HuggingFace.Models;
using Selm.Research.Sampling;
using Selm.Research.Training;

namespace Selm.Research.Tests.Samples;

public static class TwentyLines
{
    /// <summary>One SELM step on one preference pair; returns log pi(y|x) of the model's own answer before and after.</summary>
    public static (double Before, double After) Align(Llama model, int[] prompt, int[] chosen, int[] rejected)
    {
        var y = ResponseGenerator.Generate(model, [prompt], new SamplingOptions(MaxNewTokens: 16))[0];
        TokenRow Row(int[] response) => new([.. prompt, .. response], prompt.Length);
        var pair = new TrainingExample(new TokenTriple(prompt, Row(chosen), Row(rejected), Row(y.OutputIds)));
        var examples = new ReferenceLogps(null, "model", "tokenizer").Fill(model, [pair]);
        var loss = new SelmLoss(Beta: 0.1, Alpha: 0.01); // -log sigma(beta margin) + alpha beta log pi(y)
        Trainer.Run(model, examples, [], loss, new TrainerOptions { LearningRate = 1e-3, Epochs = 5 });
        return (y.Logp, PreferenceStep.Evaluate(model, loss, examples, 1).ReferenceLogp);
    }
}
// end of sample

/// <summary>Runs the sample, and holds the readme to it.</summary>
public class TwentyLinesTests
{
    [Fact]
    public void the_sample_aligns_a_model()
    {
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        var (before, after) = TwentyLines.Align(model, [5, 9, 31], [11, 12, 2], [44, 45, 2]);
        Assert.True(double.IsFinite(before) && double.IsFinite(after));
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void the_package_readme_shows_the_sample_as_it_is_compiled()
    {
        var source = File.ReadAllText(Path.Combine(Golden.Root, "tests", "Selm.Research.Tests", "Samples", "TwentyLines.cs"));
        var start = source.IndexOf("// sample\n", StringComparison.Ordinal) + "// sample\n".Length;
        var sample = source[start..source.IndexOf("// end of sample", StringComparison.Ordinal)].Replace("namespace Selm.Research.Tests.Samples;\n\n", "", StringComparison.Ordinal).Trim();
        Assert.Contains(sample, File.ReadAllText(Path.Combine(Golden.Root, "src", "Selm.Research", "PackageReadme.md")), StringComparison.Ordinal);
    }
}
