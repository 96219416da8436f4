// A cell's outputs as nbformat keeps them. Streams that follow each other become one output.
using System.Text;
using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Running;

/// <summary>The outputs of all cells of a notebook; display ids are shared among them.</summary>
internal sealed class RecordedOutputs
{
    private readonly Lock gate = new();
    private readonly List<(string Id, JsonObject Output)> displays = [];

    /// <summary>A cell's outputs.</summary>
    public Cell Begin() => new(this);

    /// <summary>The outputs of one cell.</summary>
    internal sealed class Cell(RecordedOutputs all) : ICellOutputs
    {
        // Streams grow in their builder: a cell may write a million lines.
        private readonly List<(JsonObject Output, StringBuilder? Text)> outputs = [];
        private bool clearNext;

        public void Stream(string name, string text) => Add(() =>
        {
            if (outputs is [.., (var last, { } written)] && (string?)last["name"] == name)
            {
                written.Append(text);
                return;
            }
            outputs.Add((new() { ["name"] = name, ["output_type"] = "stream" }, new(text)));
        });

        public void Display(JsonObject data, string id) => Add(() =>
        {
            var output = new JsonObject { ["data"] = CommittedForm.Stored(data), ["metadata"] = new JsonObject(), ["output_type"] = "display_data" };
            outputs.Add((output, null));
            all.displays.Add((id, output));
        });

        public void UpdateDisplay(JsonObject data, string id) => Change(() =>
        {
            foreach (var (_, output) in all.displays.Where(display => display.Id == id))
            {
                output["data"] = CommittedForm.Stored(data);
            }
        });

        public void Clear(bool wait) => Change(() =>
        {
            clearNext = wait;
            if (!wait)
            {
                outputs.Clear();
            }
        });

        public string ReadLine() => throw new NotebookException("a headless run has nobody to type; give the value as a parameter instead of Console.ReadLine().");

        public void Result(JsonObject data) => Add(() => outputs.Add((
            new()
            {
                ["data"] = CommittedForm.Stored(data),
                ["execution_count"] = null,
                ["metadata"] = new JsonObject(),
                ["output_type"] = "execute_result",
            },
            null)));

        /// <summary>What the notebook's file keeps.</summary>
        public JsonArray ToJson()
        {
            lock (all.gate)
            {
                var kept = new JsonArray();
                foreach (var (output, text) in outputs)
                {
                    var copy = output.DeepClone().AsObject();
                    if (text is not null)
                    {
                        copy["text"] = NotebookCell.Lines(text.ToString());
                    }
                    kept.Add(copy);
                }
                return kept;
            }
        }

        private void Add(Action add) => Change(() =>
        {
            if (clearNext)
            {
                outputs.Clear();
                clearNext = false;
            }
            add();
        });

        // The end of a cell's time aborts its thread.
        private void Change(Action change) => AbortShield.Do(() =>
        {
            lock (all.gate)
            {
                change();
            }
        });
    }
}
