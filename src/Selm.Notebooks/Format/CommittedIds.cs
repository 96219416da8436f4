// VS Code drops the ids of cells, or makes new ones. Those of the last commit come back, where git knows the file.
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Format;

/// <summary>The cells of a notebook as it was last committed.</summary>
internal static class CommittedIds
{
    private sealed record Cell(string Id, string Type, string Source);

    /// <summary>Gives cells the ids that they have in the last commit: found by their text, else by their place.</summary>
    public static void Restore(Notebook notebook)
    {
        var committed = Read(notebook.Path);
        var known = committed.Select(cell => cell.Id).ToHashSet();
        var free = committed.ExceptBy(notebook.Cells.Select(cell => cell.Id), cell => cell.Id).ToList();
        var strangers = notebook.Cells.Where(cell => !known.Contains(cell.Id)).ToList();
        foreach (var cell in strangers)
        {
            Take(cell, free.FirstOrDefault(one => one.Type == cell.Type && one.Source == cell.Source));
        }
        foreach (var cell in strangers.Where(cell => !known.Contains(cell.Id) && notebook.Cells.Count == committed.Count))
        {
            Take(cell, free.FirstOrDefault(one => one == committed[cell.Number - 1] && one.Type == cell.Type));
        }

        void Take(NotebookCell cell, Cell? found)
        {
            if (found is not null)
            {
                cell.Id = found.Id;
                free.Remove(found);
            }
        }
    }

    private static List<Cell> Read(string path)
    {
        try
        {
            var full = Path.GetFullPath(path);
            var start = new ProcessStartInfo("git", ["show", $"HEAD:./{Path.GetFileName(full)}"])
            {
                WorkingDirectory = Path.GetDirectoryName(full),
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var git = Process.Start(start)!;
            git.ErrorDataReceived += (_, _) => { }; // "not in HEAD" and the like: then there is nothing to bring back
            git.BeginErrorReadLine();
            var text = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            return git.ExitCode != 0 ? [] : [.. JsonNode.Parse(text)!["cells"]!.AsArray()
                .Where(cell => cell!["id"] is not null)
                .Select(cell => new Cell((string)cell!["id"]!, (string)cell["cell_type"]!, NotebookCell.TextOf(cell["source"])))];
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or JsonException or InvalidOperationException or NullReferenceException)
        {
            return []; // no git, or what was committed is no notebook
        }
    }
}
