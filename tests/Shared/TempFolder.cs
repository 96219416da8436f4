namespace Selm.Tests;

/// <summary>A fresh folder that goes away with the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("selm-test-").FullName;

    public string File(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    public string[] Names() => [.. Directory.EnumerateFileSystemEntries(Root).Select(p => System.IO.Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
