// Console.Out, Console.Error and Console.In while cells run. What a cell's tasks write after it has ended still belongs to
// that cell: its outputs travel with the execution context.
using System.Text;

namespace Selm.Notebooks.Engine;

/// <summary>Connects the console to the outputs of the cell that uses it.</summary>
internal static class CellConsole
{
    private static readonly AsyncLocal<Cell?> own = new();
    private static volatile Cell? last;

    private sealed record Cell(ICellOutputs Outputs, CancellationToken Interrupt);

    /// <summary>The outputs of the calling cell; of the last one for threads that no cell started.</summary>
    /// <exception cref="OperationCanceledException">The cell was interrupted: one that writes ends by itself, with no need of an abort.</exception>
    public static ICellOutputs Outputs
    {
        get
        {
            var cell = own.Value ?? last ?? throw new InvalidOperationException("No cell has run yet.");
            cell.Interrupt.ThrowIfCancellationRequested();
            return cell.Outputs;
        }
    }

    /// <summary>Gives the console writers and a reader of the cells' own, with locks that nobody holds.</summary>
    public static void Redirect()
    {
        Console.SetOut(new Writer("stdout"));
        Console.SetError(new Writer("stderr"));
        Console.SetIn(new Reader());
    }

    /// <summary>From here on the calling thread, and what it starts, belongs to these outputs.</summary>
    /// <param name="outputs">Where all goes that is written.</param>
    /// <param name="interrupt">After which nothing is written any more.</param>
    public static void Enter(ICellOutputs outputs, CancellationToken interrupt) => own.Value = last = new(outputs, interrupt);

    private sealed class Writer(string name) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override string NewLine => "\n";

        public override void Write(char value) => Write(value.ToString());

        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

        public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

        public override void Write(string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                Outputs.Stream(name, value);
            }
        }

        public override void WriteLine() => Write("\n");

        public override void WriteLine(string? value) => Write(value + "\n");

        public override void WriteLine(ReadOnlySpan<char> buffer) => Write(buffer.ToString() + "\n");
    }

    private sealed class Reader : TextReader
    {
        private string? rest;

        public override int Peek() => Fill() ? rest![0] : -1;

        public override int Read()
        {
            if (!Fill())
            {
                return -1;
            }
            var first = rest![0];
            rest = rest.Length > 1 ? rest[1..] : null;
            return first;
        }

        public override string? ReadLine()
        {
            var line = rest?.TrimEnd('\n') ?? Outputs.ReadLine();
            rest = null;
            return line;
        }

        private bool Fill() => (rest ??= Outputs.ReadLine() is { } line ? line + "\n" : null) is not null;
    }
}
