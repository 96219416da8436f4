using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Selm.Tests;

namespace Selm.Research.Tests;

/// <summary>The library's folders are its rooms, and data flows through them in one direction.</summary>
public class RoomsTests
{
    /// <summary>Of Selm.Research: each room uses only those before it.</summary>
    private static readonly string[] Rooms =
    [
        "Numerics", "Runs", "Theory", "Data", "Objectives", "Sampling", "Ranking", "Training", "Algorithm1", "Evaluation", "Lab", "Figures", "Scale", "Claims", "Lessons",
    ];

    private static readonly string source = Path.Combine(Golden.Root, "src", "Selm.Research");

    [Fact]
    public void the_folders_are_the_rooms() =>
        Assert.Equal(Rooms.Order(StringComparer.Ordinal), Directory.GetDirectories(source).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal));

    [Fact]
    public void a_namespace_is_its_folder() => Assert.All(Trees(), tree => Assert.Equal(
        Path.GetRelativePath(source, Path.GetDirectoryName(tree.FilePath)!) is var folder && folder == "." ? "Selm.Research" : $"Selm.Research.{folder}",
        tree.GetRoot().DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().Single().Name.ToString()));

    [Fact]
    public void a_room_uses_only_rooms_above_it()
    {
        var trees = Trees();
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) != "Selm.Research.dll").Select(path => MetadataReference.CreateFromFile(path));
        var usings = CSharpSyntaxTree.ParseText(
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; "
            + "global using System.Threading; global using System.Threading.Tasks; global using Selm.HuggingFace;");
        var compilation = CSharpCompilation.Create("rooms", [.. trees, usings], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));

        var uses = trees.AsParallel().SelectMany(tree => Uses(compilation, tree)).Distinct().ToArray();
        var upward = uses.Where(use => use.Upward).Select(use => use.What).Order(StringComparer.Ordinal).ToArray();

        Assert.True(uses.Length > 500, $"only {uses.Length} uses were found");
        Assert.True(upward.Length == 0, string.Join('\n', upward));
    }

    // "file: Type of Room" for every type of another room that the file names.
    private static IEnumerable<(bool Upward, string What)> Uses(Compilation compilation, SyntaxTree tree)
    {
        var own = Array.IndexOf(Rooms, Path.GetFileName(Path.GetDirectoryName(tree.FilePath)));
        var model = compilation.GetSemanticModel(tree);
        return from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
               let symbol = model.GetSymbolInfo(name).Symbol
               let type = symbol as INamedTypeSymbol ?? symbol?.ContainingType
               let room = type is { ContainingNamespace: { } space } && space.ToString()!.StartsWith("Selm.Research.", StringComparison.Ordinal) ? Array.IndexOf(Rooms, space.Name) : -1
               where own >= 0 && room >= 0 && room != own
               select (room > own, $"{Path.GetRelativePath(source, tree.FilePath)}: {type!.Name} of {Rooms[room]}");
    }

    private static SyntaxTree[] Trees() =>
        [.. Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories).Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: file))];
}
