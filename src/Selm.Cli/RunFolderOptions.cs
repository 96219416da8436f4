using System.CommandLine;
using Selm.Research.Alignment;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>What <c>selm run</c> and <c>selm train</c> share: the run's folder, how it is continued, and the run itself.</summary>
internal sealed class RunFolderOptions
{
    private readonly Option<string> output = Values.Text("--out", "DIR", "The run's folder; a run that is there is continued");
    private readonly Option<bool> resume = Values.Switch("--resume", "Demand that the run exists");
    private readonly Option<bool> anyMachine = Values.Switch("--allow-different-machine", "Continue under other threads or libraries; the last bits may differ");
    private readonly Option<string?> cache = Values.OptionalText("--cache", "DIR", "Keep reference log-probs here, for other runs too (default: in the run)");
    private readonly Option<bool> json = Values.Json();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { output, resume, anyMachine, cache, json })
        {
            command.Add(option);
        }
    }

    /// <summary>Runs or continues a recipe in the folder and prints the answers before and after.</summary>
    public int Run(ParseResult parsed, Recipe recipe)
    {
        var folder = parsed.GetRequiredValue(output);
        var options = new RunOptions(recipe, folder, parsed.GetValue(resume), parsed.GetValue(anyMachine), parsed.GetValue(cache));
        Threads.Limit(recipe.Threads);
        var device = Devices.Parse(recipe.Device);
        var answers = ProgressView.Run(progress => SelmRun.Run(options, name => Rankers.Open(name, device), progress, Interrupt.Token));
        AnswersView.Print(folder, answers, parsed.GetValue(json));
        return SelmCommandLine.Success;
    }
}
