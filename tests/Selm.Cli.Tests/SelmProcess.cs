using System.Diagnostics;

namespace Selm.Cli.Tests;

/// <summary>Runs the built command line as a process of its own, as a user does.</summary>
internal sealed record SelmProcess(int Code, string Out, string Error)
{
    public static SelmProcess Run(params string[] arguments) => Start([], arguments).Finish();

    public static SelmProcess RunWith((string Name, string Value)[] environment, params string[] arguments) =>
        Start(environment, arguments).Finish();

    /// <summary>Starts it in a folder, where its relative paths then lie.</summary>
    public static RunningSelm StartIn(string folder, params string[] arguments) => Start(folder, [], arguments);

    public static RunningSelm Start((string Name, string Value)[] environment, params string[] arguments) =>
        Start(Environment.CurrentDirectory, environment, arguments);

    private static RunningSelm Start(string folder, (string Name, string Value)[] environment, string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "selm.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
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
