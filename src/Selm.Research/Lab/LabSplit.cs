using Selm.Research.Numerics;

namespace Selm.Research.Lab;

/// <summary>
/// The prompts of a lab language, parted by cells (topic, task, tone): one cell in eight tests, one in sixteen
/// validates, the rest train. A cell's three prefixes stay together, so no test prompt differs from a training prompt
/// by a politeness alone. The cells are shuffled once and for all.
/// </summary>
public sealed class LabSplit
{
    private const ulong WorldSeed = 0;

    internal LabSplit(int topics)
    {
        var cells = (from topic in Enumerable.Range(0, topics)
                     from task in Enum.GetValues<LabTask>()
                     from tone in Enum.GetValues<LabTone>()
                     select new LabPrompt(topic, task, tone)).ToArray();
        Cells = [.. cells];
        new PhiloxStream(WorldSeed, LabStreams.Split).Shuffle(cells.AsSpan());
        var (test, validation) = (cells.Length / 8, cells.Length / 16);
        Test = Prompts(cells.AsSpan(0, test));
        Validation = Prompts(cells.AsSpan(test, validation));
        Train = Prompts(cells.AsSpan(test + validation));
    }

    /// <summary>All cells in order of topic, task and tone, without prefix.</summary>
    public IReadOnlyList<LabPrompt> Cells { get; }

    /// <summary>Prompts that are trained on; 936 in the standard language.</summary>
    public IReadOnlyList<LabPrompt> Train { get; }

    /// <summary>Prompts on which settings are chosen; 72 in the standard language.</summary>
    public IReadOnlyList<LabPrompt> Validation { get; }

    /// <summary>Prompts that only headline results see; 144 in the standard language.</summary>
    public IReadOnlyList<LabPrompt> Test { get; }

    private static LabPrompt[] Prompts(ReadOnlySpan<LabPrompt> cells)
    {
        var prefixes = Enum.GetValues<LabPrefix>();
        var prompts = new List<LabPrompt>(cells.Length * prefixes.Length);
        foreach (var cell in cells)
        {
            prompts.AddRange(prefixes.Select(prefix => cell with { Prefix = prefix }));
        }
        return [.. prompts];
    }
}
