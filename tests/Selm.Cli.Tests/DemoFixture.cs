namespace Selm.Cli.Tests;

/// <summary>One demo folder, made by the command itself, that the tests of a class read.</summary>
public sealed class DemoFixture : IDisposable
{
    private readonly TempFolder folder = new();

    public DemoFixture() => Made = SelmProcess.Run("make-demo", Root);

    internal SelmProcess Made { get; }

    public string Root => folder.File("demo");

    public string Model => Path.Combine(Root, "model");

    public string Ranker => Path.Combine(Root, "ranker");

    /// <summary>A copy of the model that a test may damage.</summary>
    internal string CopyModel(TempFolder to)
    {
        var copy = Directory.CreateDirectory(to.File("model")).FullName;
        foreach (var file in Directory.EnumerateFiles(Model))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }
        return copy;
    }

    public void Dispose() => folder.Dispose();
}
