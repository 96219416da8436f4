using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Selm.Tests.Api;

/// <summary>Compiles C# text in memory against the assemblies of the running program.</summary>
internal static class RoslynCompiler
{
    /// <summary>The result of a compilation: the assembly's bytes, or its errors, one text each.</summary>
    public sealed record Result(byte[] Assembly, IReadOnlyList<string> Errors);

    /// <summary>Compiles sources (path and text) into a library.</summary>
    public static Result Compile(
        string name, IEnumerable<(string Path, string Text)> sources, IEnumerable<byte[]> references, params string[] symbols)
    {
        var options = new CSharpParseOptions(LanguageVersion.CSharp14, DocumentationMode.None, preprocessorSymbols: symbols);
        var trees = sources.AsParallel().AsOrdered().Select(source => CSharpSyntaxTree.ParseText(source.Text, options, source.Path));
        var compilation = CSharpCompilation.Create(
            name, trees, [.. OfTheRunningProgram.Value, .. references.Select(image => MetadataReference.CreateFromImage(image))],
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable,
                warningLevel: 0, generalDiagnosticOption: ReportDiagnostic.Suppress));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        var errors = result.Diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error).Select(found => found.ToString());
        return new(image.ToArray(), [.. errors]);
    }

    // The framework and the packages beside the tests, but none of the kit's own assemblies.
    private static readonly Lazy<List<MetadataReference>> OfTheRunningProgram = new(() =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("Selm.", StringComparison.Ordinal))
            .Where(path => !Path.GetFileName(path).StartsWith("TorchSharp", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ]);
}
