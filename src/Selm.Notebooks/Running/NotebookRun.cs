using System.Diagnostics;
using Selm.Notebooks.Engine;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Running;

/// <summary>What to do with a notebook.</summary>
/// <param name="Check">Compare with the committed outputs and write nothing.</param>
/// <param name="Target">The file to write.</param>
/// <param name="Parameters">Values for the cell tagged "parameters".</param>
/// <param name="CellSeconds">The longest that a cell may take.</param>
/// <param name="Journal">The file that tells the process which started this one where the run is.</param>
internal sealed record RunRequest(bool Check, string Target, IReadOnlyCollection<KeyValuePair<string, string>> Parameters, double CellSeconds, string Journal);

/// <summary>Runs one notebook in this process, which should be a fresh one, and reports each cell in a line.</summary>
internal static class NotebookRun
{
    /// <returns>Whether every cell ran and, in a check, said what is committed.</returns>
    public static bool Execute(string path, RunRequest request, TextWriter progress)
    {
        var notebook = Notebook.Read(path);
        Parameters.Apply(notebook, request.Parameters);
        var target = Path.GetFullPath(request.Target);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!request.Check)
        {
            Notebook.RequireWritable(target);
        }
        Environment.CurrentDirectory = folder;
        CellConsole.Redirect();
        using var guard = new RunGuard(path, progress);
        using var journal = new CellJournal(request.Journal);

        var watch = Stopwatch.StartNew();
        var engine = new ScriptEngine(folder);
        var recorded = new RecordedOutputs();
        var outputs = new List<(NotebookCell Cell, RecordedOutputs.Cell Outputs)>();
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
        {
            var began = watch.Elapsed;
            guard.Enter(cell);
            journal.Begin(cell.Number);
            var output = recorded.Begin();
            if (RunCell(engine, cell, output, request.CellSeconds) is { } error)
            {
                progress.WriteLine(Failure(path, cell, error));
                return false;
            }
            outputs.Add((cell, output));
            journal.End(cell.Number, output.ToJson());
            progress.WriteLine(FormattableString.Invariant($"{path}: cell {cell.Number} of {notebook.Cells.Count}, {(watch.Elapsed - began).TotalSeconds:0.00} s"));
        }
        var same = !request.Check || Compare(path, outputs, progress);
        if (!request.Check)
        {
            foreach (var (cell, output) in outputs)
            {
                cell.Outputs = output.ToJson();
            }
            notebook.Strip();
            notebook.Write(target);
        }
        var verdict = !request.Check ? "done" : same ? "says what is committed" : "differs from what is committed";
        progress.WriteLine(FormattableString.Invariant($"{path}: {verdict}, {outputs.Count} code cells in {watch.Elapsed.TotalSeconds:0.0} s"));
        return same;
    }

    private static CellError? RunCell(ScriptEngine engine, NotebookCell cell, RecordedOutputs.Cell output, double seconds)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var outcome = engine.Run(cell.Source, $"cell-{cell.Number}", output, timeout.Token);
        if (timeout.IsCancellationRequested && outcome.Error is not null)
        {
            return CellError.Sentence(FormattableString.Invariant($"the cell took longer than {seconds} s; --timeout SECONDS allows more."), 0);
        }
        if (outcome.Result is { } result)
        {
            output.Result(result);
        }
        return outcome.Error;
    }

    private static string Failure(string path, NotebookCell cell, CellError error)
    {
        var place = error.Line > 0 ? $"cell {cell.Number}, line {error.Line}" : $"cell {cell.Number}";
        var source = error.Line > 0 ? cell.Source.Split('\n').ElementAtOrDefault(error.Line - 1)?.Trim() : null;
        var kind = error.Kind == CellError.SentenceKind ? "" : error.Kind == CellErrors.CompilationKind ? "does not compile: " : $"{error.Kind}: ";
        return $"{path}: {place}: {kind}{error.Message}{(string.IsNullOrEmpty(source) ? "" : $"\n    {source}")}";
    }

    private static bool Compare(string path, IEnumerable<(NotebookCell Cell, RecordedOutputs.Cell Outputs)> outputs, TextWriter progress)
    {
        var same = true;
        foreach (var (cell, output) in outputs.Where(pair => !pair.Cell.HasTag(OutputComparison.VolatileTag)))
        {
            if (OutputComparison.Difference(cell.Outputs, output.ToJson()) is { } difference)
            {
                progress.WriteLine($"{path}: cell {cell.Number}: {difference}");
                same = false;
            }
        }
        return same;
    }
}
