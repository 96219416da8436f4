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
}
