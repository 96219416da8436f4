using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>Where a front end expects the kernel's sockets.</summary>
internal sealed record ConnectionFile(string Key, Func<string, string> Address)
{
    private static readonly JsonDocumentOptions once = new() { AllowDuplicateProperties = false };

    public static ConnectionFile Read(string path)
    {
        try
        {
            var file = JsonNode.Parse(File.ReadAllText(path), documentOptions: once)!.AsObject();
            var (transport, host) = ((string?)file["transport"] ?? "tcp", (string)file["ip"]!);
            if (transport != "tcp")
            {
                throw new NotebookException($"{path} asks for the transport {transport}, and the kernel speaks tcp; start Jupyter with --KernelManager.transport=tcp.");
            }
            foreach (var channel in new[] { "shell", "control", "stdin", "iopub", "hb" })
            {
                _ = (int)file[$"{channel}_port"]!;
            }
            return new((string?)file["key"] ?? "", channel => $"tcp://{host}:{(int)file[$"{channel}_port"]!}");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NotebookException($"{path} does not exist; Jupyter starts the kernel with a connection file (selm-notebooks install-kernel, then jupyter).");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or ArgumentNullException or FormatException)
        {
            throw new NotebookException($"{path} is no connection file of Jupyter: it needs ip, key and the ports of shell, control, stdin, iopub and hb.");
        }
    }
}
