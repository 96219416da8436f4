using System.Text;
using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>A cell's outputs on their way to the front ends. Text waits a moment, so that a loop of writes is one message.</summary>
internal sealed class PublishedOutputs(Channels channels, Request request, CancellationToken interrupt) : ICellOutputs
{
    private const int WaitMilliseconds = 30, LongestText = 1 << 16;

    private readonly Lock gate = new();
    private readonly StringBuilder pending = new();
    private string pendingName = "stdout";

    // An interrupt aborts a thread anywhere but in a finally block.
    public void Stream(string name, string text)
    {
        try
        {
        }
        finally
        {
            Append(name, text);
        }
    }

    public void Display(JsonObject data, string id) => Publish("display_data", Content(data, id));

    public void UpdateDisplay(JsonObject data, string id) => Publish("update_display_data", Content(data, id));

    public void Clear(bool wait) => Publish("clear_output", new() { ["wait"] = wait });

    public string ReadLine()
    {
        Flush();
        return request.Flag("allow_stdin", false)
            ? channels.Ask(request, interrupt)
            : throw new NotebookException("this front end takes no input; give the value in the cell instead of Console.ReadLine().");
    }

    /// <summary>Sends what waits.</summary>
    public void Flush()
    {
        lock (gate)
        {
            if (pending.Length > 0)
            {
                var text = pending.ToString();
                pending.Clear();
                channels.Publish("stream", request.Header, new() { ["name"] = pendingName, ["text"] = text });
            }
        }
    }

    /// <summary>Sends a message that belongs to the cell, after the text that was written before it.</summary>
    public void Publish(string type, JsonObject content)
    {
        lock (gate)
        {
            Flush();
            channels.Publish(type, request.Header, content);
        }
    }

    private void Append(string name, string text)
    {
        lock (gate)
        {
            if (name != pendingName)
            {
                Flush();
                pendingName = name;
            }
            if (pending.Length == 0)
            {
                _ = Task.Delay(WaitMilliseconds, CancellationToken.None).ContinueWith(_ => Flush(), TaskScheduler.Default);
            }
            pending.Append(text);
            if (pending.Length > LongestText)
            {
                Flush();
            }
        }
    }

    private static JsonObject Content(JsonObject data, string id) => new()
    {
        ["data"] = data,
        ["metadata"] = new JsonObject(),
        ["transient"] = new JsonObject { ["display_id"] = id },
    };
}
