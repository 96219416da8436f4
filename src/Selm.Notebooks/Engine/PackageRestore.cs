// #r "nuget: ..." through the installed SDK: an empty project is published once per set of packages, into the user's cache;
// the publish lays managed and native files side by side, which is where the script loader looks for them.
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Engine;

/// <summary>What packages bring.</summary>
/// <param name="Assemblies">The paths of their assemblies and of all they depend on.</param>
/// <param name="Extensions">Assemblies that teach .NET Interactive how to show the packages' types.</param>
internal sealed record RestoredPackages(IReadOnlyList<string> Assemblies, IReadOnlyList<string> Extensions);

/// <summary>Fetches packages.</summary>
internal static class PackageRestore
{
    private const string ExtensionFolder = "interactive-extensions/dotnet/";

    // What extensions are written for; some packages bring an extension and leave this to the tool.
    private static readonly PackageName interactive = new("Microsoft.DotNet.Interactive", "1.0.0-beta.26120.1");

    /// <exception cref="NotebookException">The feed lacks one, or there is no SDK.</exception>
    public static RestoredPackages Restore(IReadOnlyCollection<PackageName> packages)
    {
        var folder = Published(packages);
        var (ids, extensions) = Libraries(Path.Combine(folder, "obj", "project.assets.json"));
        if (extensions.Count > 0 && !ids.Contains(interactive.Id))
        {
            try
            {
                return new(Assemblies(Published([.. packages, interactive])), extensions);
            }
            catch (NotebookException)
            {
                return new(Assemblies(folder), []); // the feed lacks it: the packages work, and show their values as text
            }
        }
        return new(Assemblies(folder), extensions);
    }

    // The folder in which these packages lie published.
    private static string Published(IReadOnlyCollection<PackageName> packages)
    {
        var project = Project(packages);
        var folder = Path.Combine(Cache(), Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(project)))[..16]);
        var published = Path.Combine(folder, "published");
        if (!Directory.Exists(published))
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "packages.csproj"), project);
            Publish(folder, packages);
        }
        return folder;
    }

    private static IReadOnlyList<string> Assemblies(string folder) => [.. Directory.EnumerateFiles(Path.Combine(folder, "published"), "*.dll")
        .Where(file => Path.GetFileName(file) != "packages.dll" && IsManaged(file))
        .Order(StringComparer.Ordinal)];

    // What the restore has found: every package, and which files of each are extensions. They are not part of what is published.
    private static (HashSet<string> Ids, IReadOnlyList<string> Extensions) Libraries(string assets)
    {
        var found = JsonNode.Parse(File.ReadAllText(assets))!;
        var folders = found["packageFolders"]!.AsObject().Select(entry => entry.Key).ToList();
        var libraries = found["libraries"]!.AsObject();
        var extensions =
            from library in libraries
            from file in library.Value!["files"] as JsonArray ?? []
            let name = (string)file!
            where name.StartsWith(ExtensionFolder, StringComparison.Ordinal) && name.EndsWith(".dll", StringComparison.Ordinal)
            from path in folders.Select(root => Path.Combine(root, (string)library.Value!["path"]!, name)).Where(File.Exists).Take(1)
            select path;
        return (libraries.Select(library => library.Key.Split('/')[0]).ToHashSet(StringComparer.OrdinalIgnoreCase), [.. extensions]);
    }

    private static string Project(IEnumerable<PackageName> packages) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
            <RuntimeIdentifier>{RuntimeInformation.RuntimeIdentifier}</RuntimeIdentifier>
            <SelfContained>false</SelfContained>
            <EnableDefaultItems>false</EnableDefaultItems>
            <WarningsNotAsErrors>NU1603</WarningsNotAsErrors>
          </PropertyGroup>
          <ItemGroup>
            {string.Join("\n    ", packages.Select(package => $"""<PackageReference Include="{SecurityElement.Escape(package.Id)}" Version="{SecurityElement.Escape(package.Version ?? "*")}" />"""))}
          </ItemGroup>
        </Project>
        """;

    private static string Cache() => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "selm-notebooks",
        "packages");

    // A cache inside of a checkout must not take that checkout's settings.
    private static readonly string[] alone = ["-p:ImportDirectoryBuildProps=false", "-p:ImportDirectoryPackagesProps=false", "-p:ImportDirectoryBuildTargets=false"];

    private static void Publish(string folder, IEnumerable<PackageName> packages)
    {
        var target = Path.Combine(folder, "publishing");
        var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine(folder, "packages.csproj"), "-c", "Release", "-o", target, "-v", "quiet", "-nologo", "-nodeReuse:false", .. alone])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var wanted = string.Join(" and ", packages.Select(package => package.Version is null ? package.Id : $"{package.Id} {package.Version}"));
        try
        {
            using var sdk = Process.Start(start)!;
            sdk.StandardInput.Close();
            var errors = sdk.StandardError.ReadToEndAsync();
            var output = sdk.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
            sdk.WaitForExit();
            if (sdk.ExitCode != 0)
            {
                throw new NotebookException($"{wanted} cannot be restored: {FirstError(output)}");
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new NotebookException($"{wanted} cannot be restored: the command dotnet (.NET SDK {Environment.Version.Major}) is not on the PATH.");
        }
        Directory.Move(target, Path.Combine(folder, "published"));
    }

    // "...csproj : error NU1101: Unable to find package X. No packages exist with this id in source(s): nuget.org [...csproj]"
    private static string FirstError(string output)
    {
        var line = output.Split('\n').FirstOrDefault(text => text.Contains("error ", StringComparison.Ordinal))?.Trim() ?? "dotnet publish failed";
        var from = line.IndexOf("error ", StringComparison.Ordinal) + "error ".Length;
        var to = line.LastIndexOf(" [", StringComparison.Ordinal);
        return line[(from < "error ".Length ? 0 : from)..(to > from ? to : line.Length)];
    }

    private static bool IsManaged(string file)
    {
        try
        {
            AssemblyName.GetAssemblyName(file);
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }
}
