using System.CommandLine;
using Selm.Research.Claims;
using Selm.Research.Figures;

namespace Selm.Cli.Commands;

/// <summary><c>selm tour</c>: the paper's mathematics and two figures, without tensors and without libtorch.</summary>
internal static class TourCommand
{
    private const int LadderWorlds = 20, FigureWorlds = 20;

    public static Command Create()
    {
        var output = Values.Text("--out", "DIR", "Folder for the figures", "data/runs/tour");
        var command = new CliCommand(
            "tour",
            "Shows the derivation as a ladder of residuals, as printed and repaired, and draws two figures; needs no libtorch.",
            [
                "selm tour",
                "selm tour --out tour",
            ],
            """
            A residual is how far the two sides of an equation are apart when the numbers of random finite worlds are put in. Below
            1e-12 is rounding. A step that fails as printed and holds repaired has an erratum. Writes figure1.svg and exploration-glance.svg.
            """)
        {
            output,
        };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(output)!;
            var ladder = Theorem31Check.Ladder(LadderWorlds);
            Console.WriteLine(TableWriter.PlainText(ladder));
            foreach (var figure in new[] { Figure1.Run(ClaimRules.Read(), FigureWorlds, Environment.ProcessorCount).Figures[0], Exploration.Glance(FigureWorlds, Environment.ProcessorCount) })
            {
                var path = Path.Combine(folder, $"{figure.Id}.svg");
                SvgWriter.Save(figure, path);
                Console.WriteLine($"{path}: {figure.Title}");
            }
            return SelmCommandLine.Success;
        });
        return command;
    }
}
