using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Selm.Tests.Hostile;
using Xunit.Abstractions;

namespace Selm.Notebooks.Tests;

/// <summary>SIGKILL at random moments of a run: the notebook is whole at each of them, and the same command ends with the same bytes. SELM_CHAOS sets how often.</summary>
public sealed class KillTests(ITestOutputHelper output) : IDisposable
{
    private readonly TempNotebooks folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void a_notebook_whose_run_was_killed_at_random_is_whole_and_the_same_command_ends_with_the_same_bytes()
    {
        var kills = Environment.GetEnvironmentVariable("SELM_CHAOS") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 1;
        string[] cells = ["var x = 20;\nConsole.WriteLine(x);", "System.Threading.Thread.Sleep(300);\nx + 1"];
        folder.Write("whole.ipynb", cells);
        folder.Write("a.ipynb", cells);
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, folder.Run("whole.ipynb").Code);
        var (length, dice, met) = (clock.Elapsed, new Dice(20_261_130), 0);
        for (var tries = 0; met < kills && tries < 4 * kills + 10; tries++)
        {
            met += KilledAfter(length * (0.05 + 0.95 * dice.Below(1000) / 1000)) ? 1 : 0;
            Assert.NotNull(JsonNode.Parse(folder.Text("a.ipynb")));
        }
        Assert.Equal(kills, met);

        Assert.Equal(0, folder.Run("a.ipynb").Code);

        Assert.Equal(folder.Text("whole.ipynb"), folder.Text("a.ipynb"));
        output.WriteLine($"notebooks | {met} kills");
    }

    private bool KilledAfter(TimeSpan delay)
    {
        using var run = NotebooksProcess.Start(folder.Root, "run", "a.ipynb");
        run.StandardInput.Close();
        _ = (run.StandardOutput.ReadToEndAsync(), run.StandardError.ReadToEndAsync());
        if (run.WaitForExit(delay))
        {
            return false;
        }
        run.Kill(entireProcessTree: true);
        run.WaitForExit();
        return true;
    }
}
