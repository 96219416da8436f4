using Selm.HuggingFace.Files;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Files;

public sealed class ContentHashTests : IDisposable
{
    private static readonly DateTime Before = new(2024, 2, 29, 12, 0, 0, DateTimeKind.Utc);
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void a_known_file_is_read_again_only_when_its_size_or_time_changes()
    {
        var path = folder.Write("weights", "first");
        File.SetLastWriteTimeUtc(path, Before);
        var first = ContentHash.OfKnownFile(path);
        Assert.Equal(ContentHash.OfFile(path), first);

        File.WriteAllText(path, "other");
        File.SetLastWriteTimeUtc(path, Before);
        Assert.Equal(first, ContentHash.OfKnownFile(path)); // as if nothing had changed: it was not read
        File.SetLastWriteTimeUtc(path, Before.AddSeconds(1));
        Assert.Equal(ContentHash.OfFile(path), ContentHash.OfKnownFile(path));
        File.WriteAllText(path, "longer than before");
        File.SetLastWriteTimeUtc(path, Before.AddSeconds(1));
        Assert.Equal(ContentHash.OfFile(path), ContentHash.OfKnownFile(path));
    }

    [Fact]
    public void a_file_that_was_just_written_is_read_each_time()
    {
        var path = folder.Write("weights", "first");
        var now = File.GetLastWriteTimeUtc(path).AddMinutes(1); // as young as can be, however slow this test is
        File.SetLastWriteTimeUtc(path, now);
        var first = ContentHash.OfKnownFile(path);
        File.WriteAllText(path, "other");
        File.SetLastWriteTimeUtc(path, now);
        Assert.NotEqual(first, ContentHash.OfKnownFile(path));
        Assert.Contains("missing", Assert.Throws<InputException>(() => ContentHash.OfKnownFile(folder.File("missing"))).Message, StringComparison.Ordinal);
    }
}
