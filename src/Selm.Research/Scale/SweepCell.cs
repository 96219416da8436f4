using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>One run of a sweep: a recipe with every number of it, or a cell of the lab.</summary>
/// <param name="Name">Its settings for people: <c>alpha-0.001_seed-2</c>.</param>
/// <param name="Settings">What the sweep's file sets, as it is written there, by key.</param>
public sealed record SweepCell(string Name, IReadOnlyDictionary<string, string> Settings)
{
    private const string Format = "sweep-cell-1";
    private const int HashDigits = 8, LongestName = 150;

    /// <summary>The recipe; null for a cell of the lab.</summary>
    public Recipe? Recipe { get; init; }

    /// <summary>The cell of the lab; null for a recipe.</summary>
    public LabCellSpec? Lab { get; init; }

    /// <summary>64 hex digits of everything it is made from but its name.</summary>
    public string Hash => Lab?.Hash ?? ContentHash.Combine(Format, Content);

    /// <summary>The name of its folder: its own, and the first digits of its hash.</summary>
    public string Folder => $"{Name[..Math.Min(Name.Length, LongestName)]}-{Hash[..HashDigits]}";

    /// <summary>What the folder of a cell is called beside its hash.</summary>
    internal static string NameOf(string folder) => folder.Length > HashDigits + 1 ? folder[..^(HashDigits + 1)] : folder;

    /// <summary>Whether a folder is that of a cell with this hash.</summary>
    internal bool IsIn(string folder) => folder.EndsWith($"-{Hash[..HashDigits]}", StringComparison.Ordinal);

    /// <summary>Everything it is made from but its name, as JSON.</summary>
    internal string Content => Recipe is null ? JsonSerializer.Serialize(Lab!.Resolved(), JsonFormat.Line) : (Recipe with { Name = "" }).ToJson();
}
