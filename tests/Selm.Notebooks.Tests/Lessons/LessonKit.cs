namespace Selm.Notebooks.Tests.Lessons;

/// <summary>
/// A folder that looks like a checkout after <c>./selm build</c>: the lessons and notebooks/packages as copies, the data, and as artifacts/lib the
/// library that was built along with these tests. Nothing has to be published by hand first.
/// </summary>
public sealed class LessonKit : IDisposable
{
    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("selm-lessons-test-");

    public LessonKit()
    {
        var bin = new DirectoryInfo(AppContext.BaseDirectory); // artifacts/bin/Selm.Notebooks.Tests/release
        Link("artifacts/lib", Path.Combine(bin.Parent!.Parent!.FullName, "Selm.Interactive", bin.Name));
        Link("data", Path.Combine(Lesson.Root, "data"));
        Notebooks = root.CreateSubdirectory("notebooks").FullName;
        foreach (var lesson in Lesson.All)
        {
            File.Copy(lesson.Path, Path.Combine(Notebooks, lesson.Name));
        }
        Directory.CreateDirectory(Path.Combine(Notebooks, "packages"));
        foreach (var notebook in Directory.EnumerateFiles(Path.Combine(Lesson.Folder, "packages"), "*.ipynb"))
        {
            File.Copy(notebook, Path.Combine(Notebooks, "packages", Path.GetFileName(notebook)));
        }
    }

    /// <summary>The folder of the copies.</summary>
    public string Notebooks { get; }

    /// <summary>Runs lessons with the published runner; on a busy machine a lesson may take minutes.</summary>
    internal NotebooksProcess Run(params string[] arguments) => NotebooksProcess.Run(Notebooks, TimeSpan.FromMinutes(10), ["run", .. arguments]);

    public void Dispose() => root.Delete(recursive: true);

    private void Link(string name, string target)
    {
        var path = Path.Combine(root.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Directory.CreateSymbolicLink(path, target);
    }
}
