using System.Runtime.CompilerServices;
using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;

namespace Selm.Research.Tests.Objectives;

/// <summary>An objective that the kit does not know, of another assembly: (h - target)^2 + pull log pi(y).</summary>
internal sealed record AddedObjective(double Target, double Pull) : IPreferenceLoss
{
    public const string Name = "added-by-a-test";

    public LossInputs Needs => LossInputs.ReferencePair | LossInputs.PolicySample;

    public LossResult Evaluate(in SequenceLogps logps)
    {
        var residual = logps.Margin - Target;
        return LossResult.Of(logps, 1, (residual * residual) + (Pull * logps.PolicySample), 2 * residual, -2 * residual, Pull);
    }

#pragma warning disable CA2255 // before any test looks at the list
    [ModuleInitializer]
    internal static void Add() => PreferenceLosses.Add(new(
        Name, "(h - target)^2 + pull log pi(y)", "this test",
        [LossParameter.FromZero("target", 1, "of the margin"), LossParameter.FromZero("pull", 0.1, "on y")],
        p => new AddedObjective(p["target"], p["pull"])));
#pragma warning restore CA2255
}

/// <summary>What is added at run time is listed, read from recipes, scored and trained like the kit's own; GradientTests checks its gradient.</summary>
public class AddedObjectiveTests
{
    [Fact]
    public void it_is_listed_and_a_recipe_may_name_it_with_its_parameters()
    {
        Assert.Contains(AddedObjective.Name, PreferenceLosses.Names);
        var recipe = Recipe.Parse($"loss: {{kind: {AddedObjective.Name}, target: 3}}", "r.yaml");
        Assert.Equal(new AddedObjective(3, 0.1), PreferenceLosses.Of(recipe.Loss));
        Methods.Check(recipe); // method selm takes an objective of nobody that reads y
        Assert.Throws<InputException>(() => Methods.Check(recipe with { Method = "iterative-dpo" }));
    }

    [Fact]
    public void it_scores_rows_and_says_which_field_it_lacks()
    {
        using var folder = new Folder();
        var input = folder.Write("""{"policy_chosen":-1,"policy_rejected":-2,"policy_reference":-4,"ref_chosen":-1,"ref_rejected":-1}""");
        var loss = PreferenceLosses.Find(AddedObjective.Name).With();
        LossFile.Run(input, folder.Output, loss);
        Assert.Equal(-0.4, JsonElement.Parse(File.ReadAllText(folder.Output)).GetProperty("loss").GetDouble(), 1e-12); // (1 - 1)^2 - 0.4
        var without = folder.Write("""{"policy_chosen":-1,"policy_rejected":-2,"ref_chosen":-1,"ref_rejected":-1}""");
        Assert.Contains("\"policy_reference\" is missing", Assert.Throws<InputException>(() => LossFile.Run(without, folder.Output, loss)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void it_trains()
    {
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        int[] prompt = [5, 9, 31];
        TokenRow Row(params int[] response) => new([.. prompt, .. response], prompt.Length);
        var pair = new TrainingExample(new TokenTriple(prompt, Row(11, 12, 2), Row(44, 45, 2), Row(7, 8, 2)));
        var loss = PreferenceLosses.Find(AddedObjective.Name).With(("pull", 0.01));
        var examples = new ReferenceLogps(null, "", "").Fill(model, [pair], needs: loss.Needs);
        Assert.True(double.IsNaN(examples[0].RefSample)); // it reads log pi(y) of the policy alone
        var rows = Trainer.Run(model, examples, [], loss, new TrainerOptions { LearningRate = 5e-4, Epochs = 20 });
        Assert.True(rows[^1].Loss < rows[0].Loss - 0.1, $"{rows[0].Loss} to {rows[^1].Loss}");
    }
}

/// <summary>A folder of a test.</summary>
internal sealed class Folder : IDisposable
{
    private readonly string path = Directory.CreateTempSubdirectory("selm-objective-").FullName;

    public string Output => Path.Combine(path, "out.jsonl");

    public string Write(params string[] lines)
    {
        var file = Path.Combine(path, "in.jsonl");
        File.WriteAllLines(file, lines);
        return file;
    }

    public void Dispose() => Directory.Delete(path, recursive: true);
}
