using System.CommandLine;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Commands;

/// <summary><c>strip</c>: what differs from front end to front end and from run to run is removed, so that a saved notebook diffs as one by <c>run</c>.</summary>
internal static class StripCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILES") { Description = "Notebooks, or folders of them", Arity = ArgumentArity.OneOrMore };
        var command = new Command("strip", "Brings notebooks that VS Code or Jupyter has saved into the form of run: no counts, times and views; metadata and ids as committed; outputs stay.") { files };
        command.SetAction(parsed =>
        {
            foreach (var file in NotebookFiles.Expand(parsed.GetRequiredValue(files)))
            {
                var notebook = Notebook.Read(file.Path);
                CommittedIds.Restore(notebook);
                notebook.Strip();
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
