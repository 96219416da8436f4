// The sockets, one thread for each: shell, control, stdin, heartbeat and iopub.
using System.Diagnostics;
using System.Text.Json.Nodes;
using NetMQ;
using NetMQ.Sockets;

namespace Selm.Notebooks.Jupyter;

/// <summary>What a kernel hears and says.</summary>
internal sealed class Channels
{
    // How long a front end takes to find the sockets again, and how much sooner one of its sockets may be than another.
    private static readonly TimeSpan comeBack = TimeSpan.FromSeconds(5), together = TimeSpan.FromMilliseconds(500), look = TimeSpan.FromMilliseconds(50);

    private readonly Wire wire;
    private readonly RouterSocket shell, control;
    private readonly ResponseSocket heartbeat;

    public Channels(ConnectionFile connection)
    {
        wire = new(connection.Key);
        shell = new RouterSocket().Bound(connection.Address("shell"));
        control = new RouterSocket().Bound(connection.Address("control"));
        Stdin = new(new RouterSocket().Bound(connection.Address("stdin")), wire);
        Iopub = new(new PublisherSocket().Bound(connection.Address("iopub")), wire);
        heartbeat = new ResponseSocket().Bound(connection.Address("hb"));
    }

    /// <summary>What all front ends hear.</summary>
    public Publisher Iopub { get; }

    /// <summary>Questions to a front end.</summary>
    public Stdin Stdin { get; }

    /// <summary>Answers the heartbeat for ever; the thread's body.</summary>
    public void Echo()
    {
        while (true)
        {
            heartbeat.SendMultipartBytes(heartbeat.ReceiveMultipartBytes());
        }
    }

    /// <summary>The next request on the shell, or null when none came in time. Only the shell's thread may call this.</summary>
    public Request? NextShell(TimeSpan wait) => Next(shell, wait);

    /// <summary>The next request on the control channel, or null for what is none. Only its thread may call this.</summary>
    public Request? NextControl() => Next(control, Timeout.InfiniteTimeSpan);

    public void ReplyShell(Request request, JsonObject content) => Reply(shell, request, content);

    public void ReplyControl(Request request, JsonObject content) => Reply(control, request, content);

    /// <summary>The reply to a front end that asked a process before this one; waits until it has found the shell again.</summary>
    public void ReplyReturning(Request request, JsonObject content)
    {
        var watch = Stopwatch.StartNew();
        shell.Options.RouterMandatory = true;
        while (watch.Elapsed < comeBack)
        {
            try
            {
                Reply(shell, request, content);
                break;
            }
            catch (HostUnreachableException)
            {
                Thread.Sleep(look);
            }
        }
        shell.Options.RouterMandatory = false;
        Thread.Sleep(together);
    }

    private Request? Next(RouterSocket socket, TimeSpan wait) => socket.Receive(wait) is { } frames ? wire.Unpack(frames) : null;

    private void Reply(RouterSocket socket, Request request, JsonObject content) =>
        socket.SendMultipartBytes(wire.Pack(request.Identities, request.Type.Replace("_request", "_reply", StringComparison.Ordinal), request.Header, content));
}
