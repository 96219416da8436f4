using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

internal sealed partial class Kernel
{
    // Requests that were sent together with one that failed arrive within this time.
    private static readonly TimeSpan queueTime = TimeSpan.FromMilliseconds(10);

    private readonly List<Request> waiting = [];
    private int executed;

    private JsonObject Execute(Request request)
    {
        var (code, silent) = (request.Text("code"), request.Flag("silent", false));
        var stored = !silent && request.Flag("store_history", true); // only these cells are numbered
        var count = stored ? ++executed : executed;
        var interrupt = new CancellationTokenSource(); // never disposed: an interrupt may come at the cell's very end
        interrupting = interrupt;
        running.Begin(request, count);
        try
        {
            if (!silent)
            {
                channels.Iopub.Publish("execute_input", request.Header, new() { ["code"] = code, ["execution_count"] = count });
            }
            var outputs = new PublishedOutputs(channels, request, interrupt.Token);
            var outcome = engine.Run(code, $"cell-{count}", outputs, interrupt.Token);
            if (stored)
            {
                history.Add(count, code, (string?)outcome.Result?["text/plain"]);
            }
            if (outcome.Error is { } error)
            {
                return FailedCell(request, count, outputs, error);
            }
            if (outcome.Result is { } result && !silent)
            {
                outputs.Publish("execute_result", new() { ["execution_count"] = count, ["data"] = result, ["metadata"] = new JsonObject() });
            }
            return new()
            {
                ["status"] = "ok",
                ["execution_count"] = count,
                ["payload"] = new JsonArray(),
                ["user_expressions"] = Expressions(request, interrupt.Token),
            };
        }
        finally
        {
            running.End();
            interrupting = null;
        }
    }

    private JsonObject FailedCell(Request request, int count, PublishedOutputs outputs, CellError error)
    {
        var content = Failed(error.Kind, error.Message, error.Trace);
        outputs.Publish("error", content.DeepClone().AsObject());
        content["execution_count"] = count;
        content["user_expressions"] = new JsonObject();
        content["payload"] = new JsonArray();
        if (request.Flag("stop_on_error", true) && !request.Flag("silent", false))
        {
            TakeQueue();
        }
        return content;
    }

    // For the process before this one, which its cell has ended: the error, as if that process were still there.
    private void TellOverflow(Request request, int count)
    {
        running.End();
        executed = count;
        var notebook = Environment.GetEnvironmentVariable("JPY_SESSION_NAME") is { Length: > 0 } name ? $" of {Path.GetFileName(name)}" : "";
        var sentence = $"cell {count}{notebook} overflowed the stack; the kernel has started anew, without the variables of earlier cells.";
        var content = Failed("StackOverflow", sentence, [sentence]);
        var reply = content.DeepClone().AsObject();
        reply["execution_count"] = count;
        channels.ReplyReturning(request, reply);
        channels.Iopub.Publish("error", request.Header, content);
        Status(request, "idle");
    }

    // Each expression is evaluated after the cell; one that fails says so and spoils nothing.
    private JsonObject Expressions(Request request, CancellationToken interrupt)
    {
        var values = new JsonObject();
        foreach (var (name, expression) in request.Content["user_expressions"] as JsonObject ?? [])
        {
            var outputs = new PublishedOutputs(channels, request, interrupt);
            var outcome = engine.Run(expression?.ToString() ?? "", "expression", outputs, interrupt);
            values[name] = outcome.Error is { } error
                ? Failed(error.Kind, error.Message, error.Trace)
                : new() { ["status"] = "ok", ["data"] = outcome.Result ?? [], ["metadata"] = new JsonObject() };
        }
        return values;
    }

    // Before the front end hears of the error: what it sends afterwards is meant to run.
    private void TakeQueue()
    {
        while (channels.NextShell(queueTime) is { } request)
        {
            waiting.Add(request);
        }
    }

    // The cells that were already waiting when one failed are answered without running.
    private void AbortQueue()
    {
        foreach (var request in waiting)
        {
            if (request.Type == "execute_request")
            {
                Status(request, "busy");
                channels.ReplyShell(request, new() { ["status"] = "aborted" }); // without a number: front ends would show it
                Status(request, "idle");
            }
            else
            {
                Handle(request, channels.ReplyShell);
            }
        }
        waiting.Clear();
    }
}
