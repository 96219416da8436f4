using System.CommandLine;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Commands;

/// <summary><c>strip</c>: what differs from run to run is removed, so that a run by a front end diffs as one by <c>run</c>.</summary>
internal static class StripCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILES") { Description = "Notebooks, or folders of them", Arity = ArgumentArity.OneOrMore };
        var command = new Command("strip", "Removes execution counts, execution times and display ids; outputs stay.") { files };
        command.SetAction(parsed =>
        {
            foreach (var file in NotebookFiles.Expand(parsed.GetRequiredValue(files)))
            {
                var notebook = Notebook.Read(file.Path);
                foreach (var cell in notebook.Cells)
                {
                    cell.Strip();
                }
                if (notebook.Text() != File.ReadAllText(file.Path))
                {
                    notebook.Write(file.Path);
                    Console.WriteLine($"{file.Path}: stripped");
                }
            }
            return Program.Success;
        });
        return command;
    }
}
