namespace TorchSharp;

/// <summary>
/// Owns the tensors made on this thread while it is the innermost scope, and disposes them when it ends;
/// what should live on is moved out first.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic] private static DisposeScope? current;

    private readonly DisposeScope? outer;
    private readonly List<IDisposable?> owned = [];
    private bool disposed;

    internal DisposeScope()
    {
        outer = current;
        current = this;
    }

    internal static DisposeScope? Current => current;

    public int DisposablesCount => owned.Count(d => d is not null);

    /// <summary>Hands the object to the enclosing scope, or to nobody where this is the outermost.</summary>
    public T MoveToOuter<T>(T disposable)
        where T : IDisposable
    {
        if (disposable is torch.Tensor tensor)
        {
            tensor.MoveTo(outer);
        }
        return disposable;
    }

    /// <summary>Takes the object out of all scopes: the caller disposes it.</summary>
    public T Detach<T>(T disposable)
        where T : IDisposable
    {
        if (disposable is torch.Tensor tensor)
        {
            tensor.MoveTo(null);
        }
        return disposable;
    }

    /// <summary>Disposes everything made so far, and goes on.</summary>
    public void DisposeEverything()
    {
        for (var k = 0; k < owned.Count; k++)
        {
            owned[k]?.Dispose();
        }
        owned.Clear();
    }

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        DisposeEverything();
        if (current == this)
        {
            current = outer;
        }
    }

    internal int Add(IDisposable disposable)
    {
        owned.Add(disposable);
        return owned.Count - 1;
    }

    internal void Forget(int slot) => owned[slot] = null;
}

public static partial class torch
{
    public static DisposeScope NewDisposeScope() => new();

    /// <summary>Runs the expression in a scope of its own and keeps only its result.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }
}
