using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using NetMQ;
using NetMQ.Sockets;
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
    private readonly Process kernel;
    private readonly string shellAddress;
    private readonly DealerSocket control, stdin;
    private readonly SubscriberSocket iopub = new();
    private readonly RequestSocket heartbeat = new();
    private readonly List<DealerSocket> shells = []; // the last one is in use

    public KernelClient()
    {
        var file = ConnectionFile(folder.Root, out var ports);
        kernel = NotebooksProcess.Start(folder.Root, "kernel", file);
        shellAddress = Address(ports[0]);
        shells.Add(Connected(new DealerSocket(), shellAddress));
        (control, stdin) = (Connected(new DealerSocket(), Address(ports[1])), Connected(new DealerSocket(), Address(ports[2])));
        iopub.SubscribeToAnyTopic();
        Connected(iopub, Address(ports[3]));
        Connected(heartbeat, Address(ports[4]));
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
        (onControl ? control : shells[^1]).SendMultipartBytes(frames);
        return (string)JsonNode.Parse(frames[2])!["msg_id"]!;
    }

    /// <summary>The answer to a request.</summary>
    internal Heard Reply(string id, bool onControl = false)
    {
        while (Next(onControl ? control : shells[^1], patience) is { } heard)
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
        while (Next(iopub, patience) is { } heard)
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
        while (Next(iopub, patience) is { } heard)
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
            question = Next(stdin, patience);
        }
        while (question is not null && question.ParentId != id);
        Assert.Equal("input_request", question?.Type);
        stdin.SendMultipartBytes(wire.Pack([], "input_reply", null, new() { ["value"] = line, ["status"] = "ok" }));
    }

    internal bool HasPulse()
    {
        heartbeat.SendFrame("ping");
        return heartbeat.TryReceiveFrameString(patience, out var echo) && echo == "ping";
    }

    /// <summary>Opens a second connection to the shell under the name of the first, as a page does that was loaded again.</summary>
    internal void ComeBack() => shells.Add(Connected(new DealerSocket(), shellAddress));

    internal bool Ends() => kernel.WaitForExit(patience);

    public void Dispose()
    {
        foreach (var socket in (NetMQSocket[])[.. shells, control, stdin, iopub, heartbeat])
        {
            socket.Dispose();
        }
        if (!kernel.HasExited)
        {
            kernel.Kill();
            kernel.WaitForExit();
        }
        kernel.Dispose();
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

    private static T Connected<T>(T socket, string address)
        where T : NetMQSocket
    {
        socket.Options.Linger = TimeSpan.Zero;
        socket.Options.Identity = "front end"u8.ToArray(); // the same on all sockets: the kernel asks on stdin whoever asked it on the shell
        socket.Connect(address);
        return socket;
    }

    private Heard? Next(NetMQSocket socket, TimeSpan wait)
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
