using Selm.Notebooks.Format;

namespace Selm.Notebooks.Commands;

/// <summary>A notebook to work on.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Relative">Its path inside the folder that was named, or its file name.</param>
internal sealed record NotebookFile(string Path, string Relative);

/// <summary>Files and folders from the command line as notebooks.</summary>
internal static class NotebookFiles
{
    /// <summary>Files as they are; folders as all their notebooks in the order of their names.</summary>
    public static IReadOnlyList<NotebookFile> Expand(IEnumerable<string> names)
    {
        var files = new List<NotebookFile>();
        foreach (var name in names)
        {
            if (!Directory.Exists(name))
            {
                files.Add(new(name, Path.GetFileName(name)));
                continue;
            }
            var found = Directory.EnumerateFiles(name, "*.ipynb", SearchOption.AllDirectories)
                .Where(path => !Path.GetRelativePath(name, path).Split(Path.DirectorySeparatorChar).Any(part => part.StartsWith('.')))
                .Order(StringComparer.Ordinal)
                .Select(path => new NotebookFile(path, Path.GetRelativePath(name, path)))
                .ToList();
            files.AddRange(found.Count > 0 ? found : throw new NotebookException($"{name} holds no .ipynb file; name a notebook or a folder with some."));
        }
        return files;
    }

    /// <summary>The same for a run: notebooks that ask to be left out of runs of a folder are named in one line and left out.</summary>
    public static IReadOnlyList<NotebookFile> ToRun(IReadOnlyList<string> names)
    {
        var kept = new List<NotebookFile>();
        foreach (var file in Expand(names))
        {
            if (!names.Contains(file.Path) && Notebook.Read(file.Path).SkipReason is { } reason)
            {
                Console.WriteLine($"{file.Path}: left out, {reason}");
                continue;
            }
            kept.Add(file);
        }
        return kept;
    }
}
