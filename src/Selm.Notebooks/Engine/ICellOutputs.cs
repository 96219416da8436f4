using System.Text.Json.Nodes;

namespace Selm.Notebooks.Engine;

/// <summary>Where a running cell's output goes: into a notebook's JSON or to a Jupyter front end. Called from any thread.</summary>
internal interface ICellOutputs
{
    /// <summary>Text written to <c>stdout</c> or <c>stderr</c>.</summary>
    void Stream(string name, string text);

    /// <summary>A displayed value by MIME type; with an id it can be updated later.</summary>
    void Display(JsonObject data, string id);

    /// <summary>Another value for what was displayed under this id.</summary>
    void UpdateDisplay(JsonObject data, string id);

    /// <summary>Removes the cell's output so far, at once or when the next output comes.</summary>
    void Clear(bool wait);

    /// <summary>A line that the user types.</summary>
    string? ReadLine();
}
