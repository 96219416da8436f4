using System.CommandLine;
using Selm.Research.Alignment;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm reproduce</c>: the main job, two SELM iterations on the demo.</summary>
internal static class ReproduceCommand
{
    private const ulong Seed = 42;
    private const int Pairs = 100;

    public static Command Create()
    {
        var json = Values.Json();
        var command = new CliCommand(
            "reproduce",
            "Runs the main job: two SELM iterations of a random-weight model on 100 made-up pairs.",
            [
                "selm reproduce",
            ],
            """
            Writes data/models/demo and data/runs/demo below the current folder (./selm: below the checkout). A run that is
            there is continued; delete data/runs/demo to start again.
            """)
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var (demo, folder) = (Path.Combine("data", "models", "demo"), Path.Combine("data", "runs", "demo"));
            DemoFolder.Write(demo, Pairs, Seed);
            var options = new RunOptions(Recipe.Read(Path.Combine(demo, "recipe.yaml")), folder);
            Threads.Limit(options.Recipe.Threads);
            var device = Devices.Parse(options.Recipe.Device);
            var answers = ProgressView.Run(progress => SelmRun.Run(options, name => Rankers.Open(name, device), progress, Interrupt.Token));
            AnswersView.Print(folder, answers, parsed.GetValue(json));
            return SelmCommandLine.Success;
        });
        return command;
    }
}
