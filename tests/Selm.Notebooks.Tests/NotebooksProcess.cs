using System.Diagnostics;
using Selm.Tests;

namespace Selm.Notebooks.Tests;

/// <summary>Runs the published program as a process, as a user does.</summary>
internal sealed record NotebooksProcess(int Code, string Out, string Error)
{
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(1);

    /// <summary>The program compiled ahead of time, which every build leaves in artifacts/publish.</summary>
    public static string Program { get; } = Find();

    public static NotebooksProcess Run(string folder, params string[] arguments) => Run(folder, limit, arguments);

    public static NotebooksProcess Run(string folder, TimeSpan limit, string[] arguments)
    {
        using var process = Start(folder, arguments);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            throw new TimeoutException($"selm-notebooks {string.Join(' ', arguments)} did not end within {limit}");
        }
        return new(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    public static Process Start(string folder, params string[] arguments)
    {
        var start = DefaultSignals.Start(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Program, .. arguments]);
        start.WorkingDirectory = folder;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private static string Find()
    {
        var bin = new DirectoryInfo(AppContext.BaseDirectory); // artifacts/bin/Selm.Notebooks.Tests/release
        return Path.Combine(bin.Parent!.Parent!.Parent!.FullName, "publish", "Selm.Notebooks", bin.Name, "selm-notebooks.dll");
    }
}
