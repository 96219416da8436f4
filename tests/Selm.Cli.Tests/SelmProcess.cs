using System.Diagnostics;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>Runs the built command line as a process of its own, as a user does.</summary>
internal sealed record SelmProcess(int Code, string Out, string Error)
{
    public static SelmProcess Run(params string[] arguments) => Start([], arguments).Finish();

    public static SelmProcess RunWith((string Name, string Value)[] environment, params string[] arguments) =>
        Start(environment, arguments).Finish();

    /// <summary>Starts it in a folder, where its relative paths then lie.</summary>
    public static RunningSelm StartIn(string folder, params string[] arguments) => Start(folder, [], arguments);

    /// <summary>Starts it as a script's background job is started: it is to ignore Ctrl-C.</summary>
    public static RunningSelm StartInBackground(params string[] arguments) =>
        Start(new ProcessStartInfo("sh", ["-c", "trap '' INT; exec \"$@\"", "sh", Dotnet, Program, .. arguments]));

    public static RunningSelm Start((string Name, string Value)[] environment, params string[] arguments) =>
        Start(Environment.CurrentDirectory, environment, arguments);

    private static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Program => Path.Combine(AppContext.BaseDirectory, "selm.dll");

    private static RunningSelm Start(string folder, (string Name, string Value)[] environment, string[] arguments)
    {
        var start = DefaultSignals.Start(Dotnet, [Program, .. arguments]);
        start.WorkingDirectory = folder;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        return Start(start);
    }

    private static RunningSelm Start(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = true;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new RunningSelm(process, process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    /// <summary>Asserts that a person's mistake was answered: exit code 2, nothing on stdout, exactly this sentence on stderr.</summary>
    public void Refused(string sentence)
    {
        Assert.Equal(sentence + "\n", Error);
        Assert.Equal("", Out);
        Assert.Equal(2, Code);
    }
}

internal sealed record RunningSelm(Process Process, Task<string> Out, Task<string> Error)
{
    public SelmProcess Finish(int minutes = 5)
    {
        if (!Process.WaitForExit(TimeSpan.FromMinutes(minutes)))
        {
            Process.Kill();
            throw new TimeoutException($"selm did not end within {minutes} minutes");
        }
        var result = new SelmProcess(Process.ExitCode, Out.GetAwaiter().GetResult(), Error.GetAwaiter().GetResult());
        Process.Dispose();
        return result;
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{Process.Id}"]);
        kill.WaitForExit();
    }
}
