using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Selm.Notebooks.Jupyter;

namespace Selm.Notebooks.Commands;

/// <summary><c>kernel</c> and <c>install-kernel</c>.</summary>
internal static class KernelCommands
{
    private static readonly JsonSerializerOptions layout = new() { WriteIndented = true };

    public static Command CreateKernel()
    {
        var file = new Argument<string>("FILE") { Description = "The connection file that Jupyter wrote" };
        var journal = new Option<string?>("--journal") { Description = "Serve here and note the running cell in this file", Hidden = true };
        var command = new Command("kernel", "The Jupyter kernel; Jupyter starts it.") { file, journal };
        command.SetAction(parsed =>
        {
            var (connection, own) = (parsed.GetRequiredValue(file), parsed.GetValue(journal));
            if (own is null)
            {
                return KernelKeeper.Serve(connection);
            }
            new Kernel(ConnectionFile.Read(connection), new(own)).Serve();
            return Program.Success;
        });
        return command;
    }

    public static Command CreateInstall()
    {
        var prefix = new Option<string?>("--prefix") { Description = "Install under DIR/share/jupyter, for example of a virtual environment, instead of for this user", HelpName = "DIR" };
        var command = new Command("install-kernel", $"Installs the Jupyter kernel {KernelInfo.SpecName}: copies this program and tells Jupyter about it.") { prefix };
        command.SetAction(parsed =>
        {
            var data = parsed.GetValue(prefix) is { } folder ? Path.Combine(folder, "share", "jupyter") : UserData();
            var spec = Install(Path.GetFullPath(Path.Combine(data, "kernels", KernelInfo.SpecName)));
            Console.WriteLine($"installed {spec}; in Jupyter choose \"{KernelInfo.DisplayName}\"");
            return Program.Success;
        });
        return command;
    }

    // The program is copied, so that a later build of the kit does not pull the files from under a running kernel.
    private static string Install(string folder)
    {
        var program = Path.Combine(folder, "program");
        if (Directory.Exists(program))
        {
            Directory.Delete(program, recursive: true);
        }
        Directory.CreateDirectory(program);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory))
        {
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        }
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        var spec = Path.Combine(folder, "kernel.json");
        File.WriteAllText(spec, KernelInfo.Spec([dotnet, Path.Combine(program, "selm-notebooks.dll")]).ToJsonString(layout) + "\n");
        return spec;
    }

    private static string UserData()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Environment.GetEnvironmentVariable("JUPYTER_DATA_DIR") is { Length: > 0 } named ? named
            : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Jupyter")
            : OperatingSystem.IsWindows() ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "jupyter")
            : Path.Combine(Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } shared ? shared : Path.Combine(home, ".local", "share"), "jupyter");
    }
}
