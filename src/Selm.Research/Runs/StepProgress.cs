namespace Selm.Research.Runs;

/// <summary>How far long work has come; library code reports it to an <see cref="IProgress{T}"/> that may be null.</summary>
/// <remarks>A reporter may throw <see cref="OperationCanceledException"/>: a report is a point at which the work may stop.</remarks>
/// <param name="Stage">What is being done, in words for a person: "iteration 2: ranking".</param>
/// <param name="Done">Steps, rows or tokens done in this stage.</param>
/// <param name="Total">How many there are in all; 0 where unknown.</param>
/// <param name="Note">A number worth watching, such as "loss 0.6931", or null.</param>
public readonly record struct StepProgress(string Stage, long Done, long Total, string? Note = null);
