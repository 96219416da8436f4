using System.Diagnostics;
using Selm.Tests;

namespace Selm.Cli.Tests;

public class LauncherTests
{
    [Fact]
    public void a_clone_without_a_writable_folder_for_its_build_is_told_in_one_sentence()
    {
        using var folder = new TempFolder();
        File.Copy(Path.Combine(Golden.Root, "selm"), folder.File("selm"));
        var file = folder.Write("artifacts", ""); // no folder can be made where a file is, not even by root
        var start = new ProcessStartInfo("bash", [folder.File("selm"), "doctor"]) { RedirectStandardError = true };
        start.Environment["XDG_CACHE_HOME"] = file;

        using var run = Process.Start(start)!;
        var error = run.StandardError.ReadToEnd();
        run.WaitForExit();

        Assert.Matches(@"^selm: neither \S+ nor \S+/artifacts/selm/[0-9a-f]{12} can be written to, so nothing can be built; copy the kit to a folder you may write to, or name one by XDG_CACHE_HOME\.\n$", error);
        Assert.Equal(2, run.ExitCode);
    }

    [Theory]
    [InlineData(null, "glibc.malloc.hugetlb=1")]
    [InlineData("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2")]
    [InlineData("", "")]
    public void the_kit_starts_with_huge_pages_unless_the_user_says_otherwise(string? set, string seen)
    {
        using var folder = new TempFolder();
        File.Copy(Path.Combine(Golden.Root, "selm"), folder.File("selm"));
        foreach (var inner in new[] { "bin", "src", "data/recipes", "built", "artifacts/selm" })
        {
            Directory.CreateDirectory(folder.File(inner));
        }
        folder.Write("bin/dotnet", "#!/bin/sh\nprintf %s \"$GLIBC_TUNABLES\"\n");
        folder.Write("src/a.cs", "");
        folder.Write("data/recipes/a.yaml", "");
        folder.Write("Directory.Build.props", "");
        folder.Write("built/selm.dll", "");
        Process.Start("chmod", ["+x", folder.File("bin/dotnet")]).WaitForExit();
        folder.Write("artifacts/selm/current", folder.File("built") + "\n");
        var start = new ProcessStartInfo("bash", [folder.File("selm"), "doctor"]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{folder.File("bin")}:{start.Environment["PATH"]}";
        start.Environment.Remove("GLIBC_TUNABLES");
        if (set is not null)
        {
            start.Environment["GLIBC_TUNABLES"] = set;
        }

        using var run = Process.Start(start)!;

        Assert.Equal(seen, run.StandardOutput.ReadToEnd());
    }
}
