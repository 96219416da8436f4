using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Selm.Research.Objectives;
using Selm.Tests;

namespace Selm.Research.Tests.Objectives;

/// <summary>The how-to of src/Selm.Research/Objectives/README.md: its file is compiled into the folder's classes, and run.</summary>
public class ReadmeObjectiveTests
{
    private static readonly string folder = Path.Combine(Golden.Root, "src", "Selm.Research", "Objectives");

    [Fact]
    public void the_readme_s_objective_is_one_file_that_is_listed_and_computes_its_gradient()
    {
        var readme = File.ReadAllText(Path.Combine(folder, "README.md"));
        var sample = readme.Split("```csharp\n")[1].Split("```")[0];
        var context = new Apart();
        try
        {
            var assembly = context.LoadFromStream(Compile(sample));
            Type Of(string name) => assembly.GetType($"Selm.Research.Objectives.{name}", throwOnError: true)!;
            var names = (IReadOnlyList<string>)Of("PreferenceLosses").GetProperty("Names")!.GetValue(null)!;
            Assert.Contains("exponential", names);
            Assert.DoesNotContain("exponential", PreferenceLosses.Names); // the kit's own list is another one

            var objective = Of("PreferenceLosses").GetMethod("Find")!.Invoke(null, ["exponential"])!;
            var loss = Of("Objective").GetMethod("With")!.Invoke(objective, [new[] { ("beta", 0.2) }])!;
            JsonElement Score(double chosen)
            {
                using var files = new Folder();
                var input = files.Write(FormattableString.Invariant($$"""{"policy_chosen":{{chosen}},"policy_rejected":-4,"ref_chosen":-3,"ref_rejected":-3.5}"""));
                Of("LossFile").GetMethod("Run")!.Invoke(null, [input, files.Output, loss]);
                return JsonElement.Parse(File.ReadAllText(files.Output));
            }
            var (at, up, down) = (Score(-2), Score(-2 + 1e-4), Score(-2 - 1e-4));
            Assert.Equal(Math.Exp(-0.2 * 1.5), at.GetProperty("loss").GetDouble(), 1e-12);
            Assert.Equal(
                (up.GetProperty("loss").GetDouble() - down.GetProperty("loss").GetDouble()) / 2e-4, at.GetProperty("grad_policy_chosen").GetDouble(), 1e-7);
        }
        finally
        {
            context.Unload();
        }
    }

    // The room anew, with one file more, on the library's other rooms. The name of this assembly lets it see their internals.
    private static MemoryStream Compile(string sample)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) != "Selm.Research.Tests.dll").Select(path => MetadataReference.CreateFromFile(path));
        var files = Directory.GetFiles(folder, "*.cs").Select(File.ReadAllText).Append(sample).Append(
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using Selm.HuggingFace;");
        var compilation = CSharpCompilation.Create(
            "Selm.Research.Tests", files.Select(text => CSharpSyntaxTree.ParseText(text)), references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        image.Position = 0;
        return image;
    }

    // With a copy of the library of its own, so that nothing it registers reaches other tests.
    private sealed class Apart() : AssemblyLoadContext("readme", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName name) => name.Name == "Selm.Research"
            ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, "Selm.Research.dll"))
            : null;
    }
}
