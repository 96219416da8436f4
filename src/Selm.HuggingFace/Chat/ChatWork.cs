using System.Runtime.CompilerServices;

namespace Selm.HuggingFace.Chat;

/// <summary>
/// What a template may still do. A template comes with a checkpoint from anywhere: one that loops or grows without end is
/// refused before it takes the machine's time or memory. Rendering is one thread's work from start to end, and this belongs to the thread.
/// </summary>
internal sealed class ChatWork
{
    // A step is one evaluation, or about four bytes of a value. Real templates take some hundred per message and a few per character of it.
    private const long Most = 20_000_000;
    private const int PerCharacter = 100;

    [ThreadStatic]
    private static ChatWork? s_current;

    private long _left;
    private int _at;

    private ChatWork(long left) => _left = left;

    /// <summary>Runs what renders messages of so many characters.</summary>
    public static void Within(long characters, Action render)
    {
        s_current = new ChatWork(Most + PerCharacter * characters);
        try
        {
            render();
        }
        finally
        {
            s_current = null;
        }
    }

    /// <summary>One step at a place of the source, one level deeper on the stack.</summary>
    public static void Step(int at)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new ChatTemplateFault(at, "expressions or values are nested too deeply.");
        }
        if (s_current is { } work)
        {
            work._at = at;
            Spend(1);
        }
    }

    /// <summary>One step into a value, at the place where the last expression stands.</summary>
    public static void Step() => Step(s_current?._at ?? 0);

    /// <summary>Work or memory of so many steps.</summary>
    public static void Spend(long steps)
    {
        if (s_current is { } work && (work._left -= steps) < 0)
        {
            throw new ChatTemplateFault(work._at, "the template loops or grows without end.");
        }
    }

    /// <summary>The same for a value that was made or is gone through.</summary>
    public static object? Spend(object? value)
    {
        Spend(value switch
        {
            string text => text.Length / 2,
            List<object?> list => 2L * list.Count,
            Dictionary<string, object?> table => 8L * table.Count,
            _ => 0,
        });
        return value;
    }
}
