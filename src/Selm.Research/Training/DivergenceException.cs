namespace Selm.Research.Training;

/// <summary>
/// A training ran away: its loss or gradient is no longer a finite number. The weights are those before that step. The message is one
/// sentence that names the step, the numbers, the cure and what is kept; the command line prints it and exits with 3.
/// </summary>
public sealed class DivergenceException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">One sentence for a person.</param>
    public DivergenceException(string message)
        : base(message)
    {
    }
}
