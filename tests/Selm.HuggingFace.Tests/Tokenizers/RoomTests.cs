using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

public class RoomTests
{
    [Fact]
    public void tokenizers_know_nothing_of_models()
    {
        var files = Directory.GetFiles(Path.Combine(Golden.Root, "src", "Selm.HuggingFace", "Tokenizers"), "*.cs");
        Assert.True(files.Length > 10);
        Assert.All(files, file => Assert.DoesNotContain("Models", File.ReadAllText(file), StringComparison.Ordinal));
    }
}
