using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>A cell's outputs on their way to the front ends.</summary>
internal sealed class PublishedOutputs(Channels channels, Request request, CancellationToken interrupt) : ICellOutputs
{
    public void Stream(string name, string text) => channels.Iopub.Stream(request.Header, name, text);

    public void Display(JsonObject data, string id) => Publish("display_data", Content(data, id));

    public void UpdateDisplay(JsonObject data, string id) => Publish("update_display_data", Content(data, id));

    public void Clear(bool wait) => Publish("clear_output", new() { ["wait"] = wait });

    public string ReadLine()
    {
        if (!request.Flag("allow_stdin", false))
        {
            throw new NotebookException("this front end takes no input; give the value in the cell instead of Console.ReadLine().");
        }
        channels.Iopub.Drain(); // what the cell has written so far says what to type
        return channels.Stdin.Ask(request, interrupt);
    }

    /// <summary>Sends a message that belongs to the cell.</summary>
    public void Publish(string type, JsonObject content) => channels.Iopub.Publish(type, request.Header, content);

    private static JsonObject Content(JsonObject data, string id) => new()
    {
        ["data"] = data,
        ["metadata"] = new JsonObject(),
        ["transient"] = new JsonObject { ["display_id"] = id },
    };
}
