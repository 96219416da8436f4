// The sockets, one thread for each: shell, control, heartbeat and iopub; stdin belongs to the cell that asks.
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>What a kernel hears and says.</summary>
internal sealed class Channels
{
    private readonly Wire wire;
    private readonly ZmqSocket shell, control, stdin, heartbeat;

    public Channels(ConnectionFile connection)
    {
        wire = new(connection.Key);
        shell = new(ZmqSocket.Router, connection.Address("shell"));
        control = new(ZmqSocket.Router, connection.Address("control"));
        stdin = new(ZmqSocket.Router, connection.Address("stdin"));
        Iopub = new(new(ZmqSocket.Pub, connection.Address("iopub")), wire);
        heartbeat = new(ZmqSocket.Rep, connection.Address("hb"));
    }

    /// <summary>What all front ends hear.</summary>
    public Publisher Iopub { get; }

    public void Echo()
    {
        while (true)
        {
            heartbeat.Send(heartbeat.Receive(-1)!);
        }
    }

    /// <summary>The next request on the shell, or null when none came in time. Only the shell's thread may call this.</summary>
    public Request? NextShell(int milliseconds) => Next(shell, milliseconds);

    /// <summary>The next request on the control channel. Only its thread may call this.</summary>
    public Request? NextControl(int milliseconds) => Next(control, milliseconds);

    public void ReplyShell(Request request, JsonObject content) => Reply(shell, request, content);

    public void ReplyControl(Request request, JsonObject content) => Reply(control, request, content);

    /// <summary>Asks the front end that sent the request for a line of input.</summary>
    public string Ask(Request request, CancellationToken interrupt)
    {
        Iopub.Drain(); // what the cell has written so far says what to type
        while (stdin.Receive(0) is not null)
        {
            // Answers to questions that were interrupted.
        }
        stdin.Send(wire.Pack(request.Identities, "input_request", request.Header, new() { ["prompt"] = "", ["password"] = false }));
        while (true)
        {
            interrupt.ThrowIfCancellationRequested();
            if (stdin.Receive(50) is { } frames && wire.Unpack(frames) is { Type: "input_reply" } reply)
            {
                return reply.Text("value");
            }
        }
    }

    private Request? Next(ZmqSocket socket, int milliseconds) => socket.Receive(milliseconds) is { } frames ? wire.Unpack(frames) : null;

    private void Reply(ZmqSocket socket, Request request, JsonObject content) =>
        socket.Send(wire.Pack(request.Identities, request.Type.Replace("_request", "_reply", StringComparison.Ordinal), request.Header, content));
}
