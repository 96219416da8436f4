// The kernel's life: threads for heartbeat, output, input, control and the parent's pulse; cells run one after another on the shell's thread.
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>A Jupyter kernel for C#.</summary>
/// <param name="connection">Where front ends are.</param>
/// <param name="running">The cell that runs; at the start, the one in which the process before this one ended.</param>
internal sealed partial class Kernel(ConnectionFile connection, RunningCell running)
{
    private readonly Channels channels = new(connection);
    private readonly ScriptEngine engine = new(Environment.CurrentDirectory);
    private readonly KernelHistory history = new();
    private volatile CancellationTokenSource? interrupting;

    /// <summary>Serves until a front end shuts it down or its parent is gone.</summary>
    /// <exception cref="NotebookException">Its parent is gone already.</exception>
    public void Serve()
    {
        Parent.Require();
        CellConsole.Redirect();
        ExceptionHandling.SetUnhandledExceptionHandler(Survive);
        Start("heartbeat", channels.Echo);
        Start("iopub", channels.Iopub.Run);
        Start("stdin", channels.Stdin.Run);
        Start("parent", () =>
        {
            Parent.Follow();
            Environment.Exit(Program.Success);
        });
        Start("warm-up", engine.WarmUp);
        Start("control", ServeControl);
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            Interrupt();
        });
        channels.Iopub.Publish("status", null, new() { ["execution_state"] = "starting" });
        if (running.Read() is (var request, var count))
        {
            TellOverflow(request, count);
        }
        while (true)
        {
            if (channels.NextShell(Timeout.InfiniteTimeSpan) is { } next)
            {
                Handle(next, channels.ReplyShell);
                AbortQueue();
            }
        }
    }

    // A kernel without one of its threads would hang; it ends instead.
    private static void Start(string name, Action loop) => new Thread(() =>
    {
        try
        {
            loop();
        }
        catch (Exception e)
        {
            Environment.FailFast($"the kernel's thread {name} has failed", e);
        }
    })
    { IsBackground = true, Name = name }.Start();

    // On a thread that a cell started: the cell's output says so, and the kernel lives on.
    private static bool Survive(Exception thrown)
    {
        try
        {
            CellConsole.Outputs.Stream("stderr", $"A thread that a cell started has ended with {thrown.GetType().Name}: {thrown.Message}\n");
        }
        catch (OperationCanceledException)
        {
            // The cell was interrupted, and its threads end with it.
        }
        return true;
    }

    private void ServeControl()
    {
        while (true)
        {
            if (channels.NextControl() is { } request)
            {
                Handle(request, channels.ReplyControl);
            }
        }
    }

    // Busy, the reply, idle: in this order, so that a front end which sees idle has the answer.
    private void Handle(Request request, Action<Request, JsonObject> reply)
    {
        Status(request, "busy");
        try
        {
            if (Answer(request) is { } content)
            {
                reply(request, content);
            }
        }
        catch (Exception e)
        {
            reply(request, Failed(e.GetType().Name, e.Message, []));
        }
        Status(request, "idle");
        if (request.Type == "shutdown_request")
        {
            channels.Iopub.Publish("shutdown_reply", request.Header, new() { ["restart"] = request.Flag("restart", false), ["status"] = "ok" });
            Thread.Sleep(100); // NetMQ sends in the background
            Environment.Exit(0);
        }
    }

    private void Status(Request request, string state) => channels.Iopub.Publish("status", request.Header, new() { ["execution_state"] = state });

    private JsonObject? Answer(Request request) => request.Type switch
    {
        "execute_request" => Execute(request),
        "kernel_info_request" => KernelInfo.Reply(),
        "complete_request" => CodeHelp.Complete(engine, request.Text("code"), request.Number("cursor_pos", int.MaxValue)),
        "inspect_request" => CodeHelp.Inspect(engine, request.Text("code"), request.Number("cursor_pos", int.MaxValue)),
        "is_complete_request" => CodeEnd.Reply(request.Text("code")),
        "history_request" => history.Reply(request),
        "comm_info_request" => new() { ["status"] = "ok", ["comms"] = new JsonObject() },
        "comm_open" => RefuseComm(request),
        "interrupt_request" => Interrupt(),
        "shutdown_request" => new() { ["status"] = "ok", ["restart"] = request.Flag("restart", false) },
        _ => null,
    };

    // Aborting a thread can take long, and the control channel must go on answering.
    private JsonObject Interrupt()
    {
        if (interrupting is { } cell)
        {
            ThreadPool.QueueUserWorkItem(_ => cell.Cancel());
        }
        return new() { ["status"] = "ok" };
    }

    // No widget has its other half here.
    private JsonObject? RefuseComm(Request request)
    {
        channels.Iopub.Publish("comm_close", request.Header, new() { ["comm_id"] = request.Text("comm_id"), ["data"] = new JsonObject() });
        return null;
    }

    /// <summary>A reply that says what went wrong.</summary>
    private static JsonObject Failed(string kind, string message, IEnumerable<string> trace) => new()
    {
        ["status"] = "error",
        ["ename"] = kind,
        ["evalue"] = message,
        ["traceback"] = new JsonArray([.. trace.Select(line => JsonValue.Create(line))]),
    };
}
