using System.CommandLine;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli;

/// <summary>What <c>selm run</c> and <c>selm train</c> share: the run's folder, how it is continued, and the run itself.</summary>
/// <param name="byName">Whether a run without <c>--out</c> is data/runs/NAME of its recipe.</param>
internal sealed class RunFolderOptions(bool byName = false)
{
    /// <summary>Where models and pairs of the lab are kept.</summary>
    public static string LabModels { get; } = Path.Combine("data", "models", "lab");

    private readonly Option<string?> output = new("--out")
    {
        Description = $"The run's folder; a run that is there is continued{(byName ? " (default: data/runs/NAME of the recipe)" : "")}",
        HelpName = "DIR",
        Required = !byName,
    };

    private readonly Option<bool> resume = Values.Switch("--resume", "Demand that the run exists");
    private readonly Option<bool> anyMachine = Values.Switch("--allow-different-machine", "Continue under other threads or libraries; the last bits may differ");
    private readonly Option<string?> cache = Values.OptionalText("--cache", "DIR", "Keep reference log-probs and the base model's answers here, for other runs too, also at the same time (default: in the run); saves time and changes no byte of a result");
    private readonly Option<bool> json = Values.Json();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { output, resume, anyMachine, cache, json })
        {
            command.Add(option);
        }
    }

    /// <summary>Says what will be trained, runs or continues a recipe in the folder and prints the answers before and after.</summary>
    public int Run(ParseResult parsed, Recipe recipe)
    {
        var folder = parsed.GetValue(output) ?? Path.Combine("data", "runs", recipe.Name);
        var answers = Run(new RunOptions(recipe, folder, parsed.GetValue(resume), parsed.GetValue(anyMachine), parsed.GetValue(cache)), LabModels);
        AnswersView.Print(folder, answers, Rankers.TruthBehind(recipe.Ranker), parsed.GetValue(json));
        return SelmCommandLine.Success;
    }

    /// <summary>Says what will be trained, and runs or continues a recipe, whose model and data may be the lab's.</summary>
    /// <param name="options">What and where.</param>
    /// <param name="labModels">Where models and pairs of the lab are kept.</param>
    public static IReadOnlyList<BeforeAfter> Run(RunOptions options, string labModels)
    {
        var recipe = options.Recipe;
        if (recipe.Threads > 0)
        {
            Libtorch.Threads = recipe.Threads;
        }
        var device = DeviceName.Parse(recipe.Device);
        Check(recipe);
        RunFolder.IsThere(options.Folder, options.Resume);
        var resolved = LabSources.AreIn(recipe)
            ? ProgressView.Run(progress => LabSources.Resolve(recipe, labModels, device, progress, Interrupt.Token))
            : recipe;
        if (PlanCheck.Warning(resolved) is { } tooLarge)
        {
            Console.Error.WriteLine(tooLarge);
        }
        using var run = SelmRun.Open(options with { Recipe = resolved }, name => Rankers.Open(name, device));
        foreach (var line in run.Notes.Concat(run.Plan.Select(plan => plan.ToString())))
        {
            Console.Error.WriteLine(line);
        }
        if (ModelCode.Missing(resolved.Base!) is { Count: > 0 } missing)
        {
            Console.Error.WriteLine($"{Path.Combine(resolved.Base!, "config.json")}: auto_map names {string.Join(", ", missing)}, which is not in that folder; the trained model is saved without auto_map.");
        }
        return ProgressView.Run(progress => run.Finish(progress, Interrupt.Token));
    }

    /// <summary>Refuses a recipe that cannot be run; asks for no file.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="InputException">The sentence names the key and the cure.</exception>
    public static void Check(Recipe recipe)
    {
        SelmRun.Check(recipe);
        Rankers.Check(recipe.Ranker);
    }
}
