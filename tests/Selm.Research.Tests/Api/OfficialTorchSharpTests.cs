using System.Xml.Linq;
using Selm.Tests;
using Selm.Tests.Api;

namespace Selm.Research.Tests.Api;

/// <summary>The library's sources hold against TorchSharp's published API, whose package need not be there.</summary>
public class OfficialTorchSharpTests
{
    private static readonly string Library = Path.Combine(Golden.Root, "src", "Selm.Research");

    private static readonly Lazy<byte[]> Stub = new(() =>
    {
        var stub = RoslynCompiler.Compile("TorchSharp", [("stub.cs", StubSource.Write(ApiList.TorchSharp))], []);
        Assert.True(stub.Errors.Count == 0, string.Join("\n", stub.Errors));
        return stub.Assembly;
    });

    [Fact]
    public void the_library_compiles_against_official_TorchSharp()
    {
        var sources = Directory.EnumerateFiles(Library, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (Path.GetRelativePath(Golden.Root, path), File.ReadAllText(path)));
        // CS8795: what the SDK's own generators write (regular expressions) is not written here.
        var errors = Compile(sources).Where(error => !error.Contains("CS8795", StringComparison.Ordinal)).ToArray();
        Assert.True(errors.Length == 0, $"{errors.Length} errors:\n{string.Join("\n", errors.Take(50))}");
    }

    [Theory]
    [InlineData("static Tensor f(Tensor x) => x.softmax(-1).log();", null)]
    [InlineData("static Tensor f(Tensor x) => x.rms_norm(1e-6);", "CS1061")]
    [InlineData("static Tensor f(Tensor x) => x.softmax(axis: -1);", "CS1739")]
    [InlineData("sealed class M() : nn.Module<Tensor, Tensor>(\"m\") { public override Tensor forward(Tensor input) => input; }", null)]
    [InlineData("sealed class M() : nn.Module<Tensor, Tensor>(\"m\") { }", "CS0534")]
    public void what_TorchSharp_lacks_does_not_compile(string member, string? error)
    {
        var errors = Compile([("sample.cs", $$"""
            using TorchSharp;
            using static TorchSharp.torch;
            internal static class Sample { {{member}} }
            """)]);
        Assert.Equal(error is null, errors.Count == 0);
        Assert.All(errors, text => Assert.Contains(error!, text, StringComparison.Ordinal));
    }

    private static IReadOnlyList<string> Compile(IEnumerable<(string Path, string Text)> sources) =>
        RoslynCompiler.Compile("Selm.Research", [.. sources, ("usings.cs", Usings())], [Stub.Value], "TORCHSHARP_PACKAGE", "NET", "NET10_0_OR_GREATER").Errors;

    // What the SDK adds with ImplicitUsings, and the project's own <Using> items.
    private static string Usings()
    {
        string[] common =
        [
            "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading",
            "System.Threading.Tasks",
        ];
        var own = XDocument.Load(Path.Combine(Library, "Selm.Research.csproj")).Descendants("Using")
            .Select(use => (use.Attribute("Static") is null ? "" : "static ") + use.Attribute("Include")?.Value);
        return string.Join("\n", common.Concat(own).Select(space => $"global using {space};"));
    }
}
