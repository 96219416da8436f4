using System.Text.RegularExpressions;

namespace Selm.Research.Evaluation;

/// <summary>Judges' prompts with {places}.</summary>
internal static partial class Templates
{
    /// <summary>Fills the places that have a text, in one pass; other braces stay.</summary>
    internal static string Fill(string template, IReadOnlyDictionary<string, string> texts) =>
        Place().Replace(template, match => texts.TryGetValue(match.Groups[1].Value, out var text) ? text : match.Value);

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Place();
}
