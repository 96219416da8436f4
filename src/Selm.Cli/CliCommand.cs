using System.CommandLine;

namespace Selm.Cli;

/// <summary>A command with the details and examples that its help ends in.</summary>
internal sealed class CliCommand(string name, string description, string[] examples, string? details = null) : Command(name, description)
{
    /// <summary>Whole command lines, ready to copy.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>What the description has no room for, such as the shape of the files, or null.</summary>
    public string? Details { get; } = details;
}
