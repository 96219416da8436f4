// #r "nuget: ..." through the installed SDK: an empty project is published once per set of packages, into the user's cache;
// the publish lays managed and native files side by side, which is where the script loader looks for them.
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace Selm.Notebooks.Engine;

/// <summary>Fetches packages.</summary>
internal static class PackageRestore
{
    /// <returns>The paths of the packages' assemblies and of all they depend on.</returns>
    /// <exception cref="NotebookException">The feed lacks one, or there is no SDK.</exception>
    public static IReadOnlyList<string> Assemblies(IReadOnlyCollection<PackageName> packages)
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
        return [.. Directory.EnumerateFiles(published, "*.dll").Where(file => Path.GetFileName(file) != "packages.dll" && IsManaged(file)).Order(StringComparer.Ordinal)];
    }

    private static string Project(IEnumerable<PackageName> packages) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
            <RuntimeIdentifier>{RuntimeInformation.RuntimeIdentifier}</RuntimeIdentifier>
            <SelfContained>false</SelfContained>
            <EnableDefaultItems>false</EnableDefaultItems>
            <ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>
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

    private static void Publish(string folder, IEnumerable<PackageName> packages)
    {
        var target = Path.Combine(folder, "publishing");
        var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine(folder, "packages.csproj"), "-c", "Release", "-o", target, "-v", "quiet", "-nologo", "-nodeReuse:false"])
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
