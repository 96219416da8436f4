using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Selm.Cli;

/// <summary>System.CommandLine's help, then details and examples.</summary>
internal sealed class ExamplesHelp : SynchronousCommandLineAction
{
    private const int Width = 120;

    private static readonly string[] first =
    [
        "selm doctor                                                what is installed and what is missing",
        "selm make-demo demo                                        a small model, a ranker and 100 pairs to try things on",
        "selm run --recipe demo/recipe.yaml --out data/runs/demo    two SELM iterations on them",
        "selm show data/runs/demo                                   its numbers and texts",
    ];

    private readonly HelpAction help = new() { MaxWidth = Width };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command as CliCommand;
        if (command?.Details is { } details)
        {
            output.WriteLine("Details:");
            foreach (var line in details.Split('\n'))
            {
                output.WriteLine($"  {line}");
            }
            output.WriteLine();
        }
        output.WriteLine("Examples:");
        foreach (var line in command?.Examples ?? first)
        {
            output.WriteLine($"  {line}");
        }
        return code;
    }
}
