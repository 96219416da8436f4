// C# cells on Roslyn's scripting. Each cell is a submission that sees the variables of those before it. A cell runs on a
// thread of its own, so that an interrupt can abort it even in an endless loop; the compiler is never aborted.
using System.Runtime;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Selm.Notebooks.Display;

namespace Selm.Notebooks.Engine;

/// <summary>Runs cells one after another and keeps their variables.</summary>
internal sealed class ScriptEngine
{
    /// <summary>The stack of a cell.</summary>
    public const int StackBytes = 16 << 20;

    /// <summary>How long an interrupted cell may take to end before it is left behind.</summary>
    private static readonly TimeSpan grace = TimeSpan.FromSeconds(3);

    // How long it may take to end by itself, in a write or a wait: an abort amid the runtime's own code has ended the process.
    private static readonly TimeSpan patience = TimeSpan.FromMilliseconds(100);

    // Exactly those of .NET Interactive's C# kernel, so that a notebook compiles in both.
    private static readonly string[] usings =
        ["System", "System.Text", "System.Collections", "System.Collections.Generic", "System.Threading.Tasks", "System.Linq"];

    private readonly CellGlobals globals = new(() => CellConsole.Outputs);
    private readonly string folder;
    private readonly HashSet<PackageName> packages = [];
    private ScriptOptions options;
    private ScriptState<object>? state;

    /// <param name="folder">Relative paths in <c>#r</c> and <c>#load</c> start here; the process's folder should be the same.</param>
    public ScriptEngine(string folder)
    {
        this.folder = folder;
        options = ScriptOptions.Default
            .WithReferences(Framework())
            .WithImports(usings)
            .WithLanguageVersion(LanguageVersion.Latest)
            .WithOptimizationLevel(OptimizationLevel.Release)
            .WithEmitDebugInformation(true)
            .WithFileEncoding(Encoding.UTF8)
            .WithAllowUnsafe(true)
            .WithMetadataResolver(ScriptMetadataResolver.Default.WithBaseDirectory(folder))
            .WithSourceResolver(ScriptSourceResolver.Default.WithBaseDirectory(folder));
    }

    /// <summary>Reads the compiler into memory before a user waits for it.</summary>
    public void WarmUp() => NextScript("1", "warm-up").Compile();

    /// <summary>Runs a cell to its end, its error, or shortly after the interrupt.</summary>
    /// <param name="text">The cell's text.</param>
    /// <param name="name">What stack traces call it, for example "cell-3".</param>
    /// <param name="outputs">Where its output goes.</param>
    /// <param name="interrupt">Aborts the cell.</param>
    public CellOutcome Run(string text, string name, ICellOutputs outputs, CancellationToken interrupt)
    {
        CellOutcome outcome = new(null, CellError.Interrupted);
        var thread = new Thread(() => outcome = RunBlocks(text, name, outputs, interrupt), StackBytes) { IsBackground = true, Name = name };
        thread.Start();
        var ended = Ended(thread, interrupt);
        if (interrupt.IsCancellationRequested)
        {
            CellConsole.Redirect(); // a thread aborted in a write may have kept the console's lock
        }
        if (!ended)
        {
            return new(null, CellError.Interrupted); // it runs on, but what it leaves is never taken over
        }
        return interrupt.IsCancellationRequested && outcome.Error is not null ? new(null, CellError.Interrupted) : outcome;
    }

    /// <summary>The submission that would follow, for completion and inspection; nothing runs.</summary>
    public Compilation Preview(string text) => NextScript(text, "preview").GetCompilation();

    private CellOutcome RunBlocks(string text, string name, ICellOutputs outputs, CancellationToken interrupt)
    {
        CellConsole.Enter(outputs, interrupt);
        JsonObject? result = null;
        try
        {
            foreach (var block in CellSource.Parse(text, folder))
            {
                if (block.IsMarkdown)
                {
                    outputs.Display(new() { [MimeFormatter.Markdown] = block.Text, [MimeFormatter.PlainText] = block.Text }, Guid.NewGuid().ToString("N"));
                    continue;
                }
                AddPackages(block.Packages);
                result = RunScript(NextScript(block.Text, name), interrupt);
            }
            return new(result, null);
        }
        catch (CellSourceException e)
        {
            return new(null, CellError.Sentence(e.Message, e.Line));
        }
        catch (CompilationErrorException e)
        {
            return new(null, CellErrors.Of(e));
        }
        catch (Exception e)
        {
            return new(null, CellErrors.Of(e, name));
        }
    }

    // Waits without an end for a cell that nobody interrupts, and a little longer for one that somebody does.
    private static bool Ended(Thread thread, CancellationToken interrupt)
    {
        while (!interrupt.IsCancellationRequested)
        {
            if (thread.Join(TimeSpan.FromMilliseconds(50)))
            {
                return true;
            }
        }
        return thread.Join(grace);
    }

    private Script<object> NextScript(string code, string name)
    {
        var own = options.WithFilePath(name);
        return state is null ? CSharpScript.Create<object>(code, own, typeof(CellGlobals)) : state.Script.ContinueWith<object>(code, own);
    }

    private JsonObject? RunScript(Script<object> script, CancellationToken interrupt)
    {
        var errors = script.Compile(CancellationToken.None).Where(found => found.Severity == DiagnosticSeverity.Error).ToList();
        if (errors.Count > 0)
        {
            throw new CompilationErrorException(errors[0].GetMessage(null), [.. errors]);
        }
        JsonObject? shown = null;
        Exception? unshown = null; // the cell has run, and its variables stay, though its value cannot be shown
        ScriptState<object>? next = null;
        using var abort = new CancellationTokenSource();
        using var later = interrupt.Register(() => abort.CancelAfter(patience));
#pragma warning disable SYSLIB0046 // meant for exactly this: an interactive host stopping the code of its user
        ControlledExecution.Run(
            () =>
            {
                using var waking = interrupt.Register(Thread.CurrentThread.Interrupt);
                bool Keep(Exception e) => !interrupt.IsCancellationRequested;
                var run = state is null ? script.RunAsync(globals, Keep, CancellationToken.None) : script.RunFromAsync(state, Keep, CancellationToken.None);
                next = run.GetAwaiter().GetResult();
                try
                {
                    shown = next.Exception is null && next.ReturnValue is { } value ? MimeFormatter.Format(value, []) : null;
                }
                catch (Exception e) when (Keep(e))
                {
                    unshown = e;
                }
            },
            abort.Token);
#pragma warning restore SYSLIB0046
        interrupt.ThrowIfCancellationRequested();
        state = next!;
        return (next!.Exception ?? unshown) is { } thrown ? throw new CellFailedException(thrown) : shown;
    }

    // All packages so far are fetched together, so that they agree on the versions of what they share.
    private void AddPackages(IReadOnlyList<PackageName> wanted)
    {
        if (wanted.All(packages.Contains))
        {
            return;
        }
        List<PackageName> all = [.. wanted.Concat(packages).DistinctBy(package => package.Id, StringComparer.OrdinalIgnoreCase)];
        var restored = PackageRestore.Restore(all);
        packages.Clear();
        packages.UnionWith(all);
        options = options.AddReferences(PackageAssemblies.Add(restored.Assemblies).Select(path => MetadataReference.CreateFromFile(path)));
        PackageFormatters.Load(restored.Extensions);
    }

    // Everything of the shared framework, as in a project; the host's own assemblies stay out of sight.
    private static IEnumerable<MetadataReference> Framework()
    {
        var folder = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        return ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetDirectoryName(path) == folder && !Path.GetFileName(path).StartsWith("System.Private.", StringComparison.Ordinal)
                || path == typeof(object).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path));
    }
}
