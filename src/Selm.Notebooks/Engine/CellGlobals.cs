// What every cell can call. The names are those of .NET Interactive, so that a notebook runs unchanged in either engine.
using Selm.Notebooks.Display;

namespace Selm.Notebooks.Engine;

/// <summary>The functions that cells find without any <c>using</c>.</summary>
public sealed class CellGlobals
{
    private readonly Func<ICellOutputs> outputs;

    internal CellGlobals(Func<ICellOutputs> outputs) => this.outputs = outputs;

    /// <summary>Shows a value now, in the middle of a cell.</summary>
    /// <param name="value">Any value; rich if its type names formatters.</param>
    /// <param name="mimeTypes">Only these MIME types; none = all that the type's formatters prefer.</param>
    /// <returns>A handle to replace what is shown.</returns>
    public DisplayedValue display(object? value, params string[] mimeTypes)
    {
        var shown = new DisplayedValue(outputs(), mimeTypes);
        shown.Show(value);
        return shown;
    }

    /// <summary>Text that front ends render as HTML.</summary>
#pragma warning disable CA1822 // cells find members of an instance
    public HtmlText HTML(string content) => new(content);
#pragma warning restore CA1822

    /// <summary>Removes the cell's output so far. Only this engine has it; lessons do without.</summary>
    /// <param name="wait">Remove it only when the next output comes.</param>
    public void clear_output(bool wait = false) => outputs().Clear(wait);
}

/// <summary>Something shown by <see cref="CellGlobals.display"/>.</summary>
public sealed class DisplayedValue
{
    private readonly ICellOutputs outputs;
    private readonly string[] mimeTypes;
    private readonly string id = Guid.NewGuid().ToString("N");

    internal DisplayedValue(ICellOutputs outputs, string[] mimeTypes)
    {
        this.outputs = outputs;
        this.mimeTypes = mimeTypes;
    }

    /// <summary>Replaces what is shown, also from a later cell.</summary>
    public void Update(object? value) => outputs.UpdateDisplay(MimeFormatter.Format(value, mimeTypes), id);

    internal void Show(object? value) => outputs.Display(MimeFormatter.Format(value, mimeTypes), id);
}

/// <summary>HTML made by <see cref="CellGlobals.HTML"/>.</summary>
public sealed class HtmlText
{
    internal HtmlText(string content) => Content = content;

    /// <summary>The HTML.</summary>
    public string Content { get; }

    /// <inheritdoc/>
    public override string ToString() => Content;
}
