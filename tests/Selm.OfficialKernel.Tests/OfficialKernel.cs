// .NET Interactive's own C# kernel, embedded: runs one notebook and writes each code cell's outputs as nbformat keeps them.
// Usage: NOTEBOOK OUTPUTS.json. Everything it prints about a failure names the cell.
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.CSharp;
using Microsoft.DotNet.Interactive.Events;
using Microsoft.DotNet.Interactive.PackageManagement;
using Selm.Notebooks.Format;

namespace Selm.OfficialKernel.Tests;

/// <summary>The program that the tests start, one process per notebook.</summary>
internal static class OfficialKernel
{
    public const int Success = 0, Failure = 1;

    // Lessons are compiled with nullable off, where a mark such as string? is a warning and nothing else.
    private const string NullableMark = "CS8632";

    public static async Task<int> Main(string[] arguments)
    {
        AppDomain.CurrentDomain.AssemblyResolve += OneFSharpCore;
        var notebook = Notebook.Read(Path.GetFullPath(arguments[0]));
        var target = Path.GetFullPath(arguments[1]);
        Environment.CurrentDirectory = Path.GetDirectoryName(notebook.Path)!;
        using var kernel = Create();
        var outputs = new JsonObject();
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
        {
            var result = await kernel.SendAsync(new SubmitCode(cell.Source));
            if (result.Events.OfType<CommandFailed>().FirstOrDefault() is { } failed)
            {
                await Console.Error.WriteLineAsync($"{notebook.Path}: cell {cell.Number}: {failed.Message}");
                return Failure;
            }
            outputs[$"{cell.Number}"] = Outputs(result.Events);
        }
        await File.WriteAllTextAsync(target, outputs.ToJsonString());
        Environment.Exit(Success); // also when a cell has left threads behind
        return Success;
    }

    private static CompositeKernel Create()
    {
        var kernel = new CompositeKernel { new CSharpKernel().UseNugetDirective(LoadExtensions).UseKernelHelpers().UseValueSharing() };
        kernel.DefaultKernelName = "csharp";
        return kernel;
    }

    // What the tool does for every package: its assemblies for the compiler, and its display of its own types.
    private static async Task LoadExtensions(CSharpKernel kernel, IReadOnlyList<ResolvedPackageReference> packages)
    {
        kernel.AddAssemblyReferences(packages.SelectMany(package => package.AssemblyPaths));
        foreach (var folder in packages.Select(package => Path.Combine(package.PackageRoot, "interactive-extensions", "dotnet")).Where(Directory.Exists))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*.dll").Order(StringComparer.Ordinal))
            {
                foreach (var type in Assembly.LoadFrom(file).GetExportedTypes().Where(type => type.IsAssignableTo(typeof(IKernelExtension)) && !type.IsAbstract))
                {
                    await ((IKernelExtension)Activator.CreateInstance(type)!).OnLoadAsync(kernel);
                }
            }
        }
    }

    // Plotly.NET asks for a newer FSharp.Core than F#'s package resolver does; the one that is loaded serves both.
    private static Assembly? OneFSharpCore(object? sender, ResolveEventArgs wanted) => new AssemblyName(wanted.Name).Name == "FSharp.Core"
        ? AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(loaded => loaded.GetName().Name == "FSharp.Core")
        : null;

    private static JsonArray Outputs(IEnumerable<KernelEvent> events)
    {
        var outputs = new JsonArray();
        foreach (var happened in events)
        {
            switch (happened)
            {
                case StandardOutputValueProduced or StandardErrorValueProduced:
                    Stream(outputs, happened is StandardOutputValueProduced ? "stdout" : "stderr", Text((DisplayEvent)happened));
                    break;
                case DisplayedValueProduced or ReturnValueProduced:
                    var value = (DisplayEvent)happened;
                    outputs.Add(new JsonObject { ["data"] = Data(value), ["output_type"] = happened is ReturnValueProduced ? "execute_result" : "display_data" });
                    break;
                case DiagnosticsProduced found when found.Diagnostics.Any(one => one.Code != NullableMark):
                    Stream(outputs, "stderr", string.Join('\n', found.Diagnostics.Where(one => one.Code != NullableMark)));
                    break;
            }
        }
        return outputs;
    }

    private static void Stream(JsonArray outputs, string name, string text)
    {
        if (outputs is not [.., JsonObject last] || (string?)last["name"] != name)
        {
            last = new() { ["name"] = name, ["output_type"] = "stream", ["text"] = "" };
            outputs.Add(last);
        }
        last["text"] = (string?)last["text"] + text;
    }

    private static string Text(DisplayEvent value) => value.FormattedValues.First().Value;

    // JSON types come as text, which nbformat keeps as objects.
    private static JsonObject Data(DisplayEvent value) => new(value.FormattedValues.Select(formatted => KeyValuePair.Create(
        formatted.MimeType,
        formatted.MimeType.EndsWith("+json", StringComparison.Ordinal) ? JsonNode.Parse(formatted.Value) : JsonValue.Create(formatted.Value))));
}
