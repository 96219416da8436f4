using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Selm.Notebooks.Jupyter;

namespace Selm.Notebooks.Tests;

/// <summary>A message from the kernel.</summary>
internal sealed record Heard(string Type, string ParentId, JsonObject Content);

/// <summary>A kernel as a process and a front end that speaks to it; one for all tests of a class.</summary>
public sealed class KernelClient : IDisposable
{
    private const string Key = "a key";
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    private readonly TempNotebooks folder = new();
    private readonly Wire wire = new(Key);
    private readonly Process? kernel;
    private readonly ZmqClientSocket? shell, control, stdin, iopub, heartbeat;

    public KernelClient()
    {
        if (!ZmqClientSocket.IsInstalled)
        {
            return;
        }
        var file = ConnectionFile(folder.Root, out var ports);
        kernel = NotebooksProcess.Start(folder.Root, "kernel", file);
        (shell, control, stdin) = (Dealer(ports[0]), Dealer(ports[1]), Dealer(ports[2]));
        iopub = new(ZmqClientSocket.Sub, Address(ports[3]));
        heartbeat = new(ZmqClientSocket.Req, Address(ports[4]));
        // Subscribed once a status arrives; what was published earlier is lost.
        for (var deadline = Stopwatch.StartNew(); deadline.Elapsed < patience;)
        {
            Reply(Ask("kernel_info_request", []));
            if (Next(iopub, TimeSpan.FromMilliseconds(200)) is not null)
            {
                break;
            }
        }
        while (Next(iopub, TimeSpan.FromMilliseconds(200)) is not null)
        {
        }
    }

    public static string ConnectionFile(string folder, out int[] ports)
    {
        var listeners = Enumerable.Range(0, 5).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        listeners.ForEach(listener => listener.Dispose());
        var path = Path.Combine(folder, "connection.json");
        File.WriteAllText(path, new JsonObject
        {
            ["transport"] = "tcp", ["ip"] = "127.0.0.1", ["key"] = Key, ["signature_scheme"] = "hmac-sha256",
            ["shell_port"] = ports[0], ["control_port"] = ports[1], ["stdin_port"] = ports[2], ["iopub_port"] = ports[3], ["hb_port"] = ports[4],
        }.ToJsonString());
        return path;
    }

    internal string Execute(string code, JsonObject? more = null) => Ask("execute_request", Execution(code, more));

    /// <summary>Sends a request and returns its id.</summary>
    internal string Ask(string type, JsonObject content, bool onControl = false)
    {
        var frames = wire.Pack([], type, null, content);
        (onControl ? control : shell)!.Send(frames);
        return (string)JsonNode.Parse(frames[2])!["msg_id"]!;
    }

    /// <summary>The answer to a request.</summary>
    internal Heard Reply(string id, bool onControl = false)
    {
        while (Next((onControl ? control : shell)!, patience) is { } heard)
        {
            if (heard.ParentId == id)
            {
                return heard;
            }
        }
        throw new TimeoutException("the kernel did not answer");
    }

    /// <summary>All that was published about a request, without busy and idle.</summary>
    internal List<Heard> Published(string id)
    {
        var all = new List<Heard>();
        while (Next(iopub!, patience) is { } heard)
        {
            if (heard.ParentId != id)
            {
                continue;
            }
            if (heard.Type != "status")
            {
                all.Add(heard);
            }
            else if ((string?)heard.Content["execution_state"] == "idle")
            {
                return all;
            }
        }
        throw new TimeoutException("the kernel did not become idle");
    }

    /// <summary>Waits until a running cell has written this.</summary>
    internal void WaitFor(string text)
    {
        while (Next(iopub!, patience) is { } heard)
        {
            if (heard.Type == "stream" && ((string)heard.Content["text"]!).Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }
        throw new TimeoutException($"no cell wrote '{text}'");
    }

    /// <summary>Answers a cell's question for a line of input.</summary>
    internal void Type(string id, string line)
    {
        Heard? question;
        do
        {
            question = Next(stdin!, patience);
        }
        while (question is not null && question.ParentId != id);
        Assert.Equal("input_request", question?.Type);
        stdin!.Send(wire.Pack([], "input_reply", null, new() { ["value"] = line, ["status"] = "ok" }));
    }

    internal bool HasPulse()
    {
        heartbeat!.Send(["ping"u8.ToArray()]);
        return heartbeat.Receive(patience) is [var echo] && echo.AsSpan().SequenceEqual("ping"u8);
    }

    internal bool Ends() => kernel!.WaitForExit(patience);

    public void Dispose()
    {
        foreach (var socket in new[] { shell, control, stdin, iopub, heartbeat })
        {
            socket?.Dispose();
        }
        if (kernel is { HasExited: false })
        {
            kernel.Kill();
            kernel.WaitForExit();
        }
        kernel?.Dispose();
        folder.Dispose();
    }

    private static JsonObject Execution(string code, JsonObject? more)
    {
        var content = more ?? [];
        content["code"] = code;
        content["silent"] ??= false;
        content["store_history"] ??= true;
        content["allow_stdin"] = true;
        content["stop_on_error"] = true;
        content["user_expressions"] ??= new JsonObject();
        return content;
    }

    private static string Address(int port) => $"tcp://127.0.0.1:{port}";

    private static ZmqClientSocket Dealer(int port) => new(ZmqClientSocket.Dealer, Address(port));

    private Heard? Next(ZmqClientSocket socket, TimeSpan wait)
    {
        if (socket.Receive(wait) is not { } frames)
        {
            return null;
        }
        var message = wire.Unpack(frames);
        Assert.NotNull(message); // signed with the key
        var parent = JsonNode.Parse(frames[^3])!;
        return new(message.Type, (string?)parent["msg_id"] ?? "", message.Content);
    }
}
