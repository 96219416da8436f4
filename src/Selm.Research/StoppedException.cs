namespace Selm.Research;

/// <summary>Work that was interrupted and has kept a part of its result. The message is one sentence for a person: what is kept, where, and how it goes on.</summary>
public sealed class StoppedException : OperationCanceledException
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">One sentence for a person.</param>
    /// <param name="innerException">The cancellation.</param>
    public StoppedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
