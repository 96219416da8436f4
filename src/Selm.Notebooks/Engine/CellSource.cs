// A cell's text, cut into C# and Markdown blocks, with #r lines checked before the compiler sees them: it would answer a
// missing file with a page of follow-up errors, and take an unknown #! line as a comment.
using System.Text;
using System.Text.RegularExpressions;

namespace Selm.Notebooks.Engine;

/// <summary>A piece of a cell in one language.</summary>
/// <param name="IsMarkdown">Markdown, else C#.</param>
/// <param name="Text">The text; C# begins with empty lines so that line numbers stay those of the cell.</param>
/// <param name="Packages">The packages it asks for by <c>#r "nuget: Id, Version"</c>.</param>
internal sealed record CellBlock(bool IsMarkdown, string Text, IReadOnlyList<PackageName> Packages);

/// <summary>A package and its version; null = the newest.</summary>
internal sealed record PackageName(string Id, string? Version);

/// <summary>Cuts cells into blocks.</summary>
internal static partial class CellSource
{
    // This tool lives in a repository whose library is built into this folder by this command.
    private const string KitFolder = "artifacts/lib/", KitBuild = "./selm build";

    /// <exception cref="CellSourceException">A magic is unknown or a file is missing.</exception>
    public static IReadOnlyList<CellBlock> Parse(string text, string folder)
    {
        var blocks = new List<CellBlock>();
        var block = new StringBuilder();
        var packages = new List<PackageName>();
        var (markdown, lineNumber) = (false, 0);
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            lineNumber++;
            if (line.StartsWith("#!", StringComparison.Ordinal))
            {
                Close();
                markdown = IsMarkdown(line.Trim(), lineNumber);
                block.Append('\n', markdown ? 0 : lineNumber);
            }
            else
            {
                block.Append(markdown ? line : Directive(line, lineNumber)).Append('\n');
            }
        }
        Close();
        return blocks;

        void Close()
        {
            if (!string.IsNullOrWhiteSpace(block.ToString()) || packages.Count > 0)
            {
                blocks.Add(new(markdown, block.ToString(), [.. packages]));
            }
            block.Clear();
            packages.Clear();
        }

        string Directive(string line, int number)
        {
            var reference = Reference().Match(line);
            if (!reference.Success)
            {
                return line;
            }
            var target = reference.Groups[1].Value.Trim();
            if (target.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase))
            {
                packages.Add(Package(target["nuget:".Length..], number));
                return "";
            }
            RequireFile(target, folder, number);
            return line;
        }
    }

    private static bool IsMarkdown(string magic, int line) => magic switch
    {
        "#!csharp" or "#!c#" => false,
        "#!markdown" => true,
        _ => throw new CellSourceException($"unknown magic '{magic}'; cells may use #!csharp and #!markdown.", line),
    };

    private static PackageName Package(string text, int line)
    {
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        return parts is [var id] && id != "" ? new(id, null)
            : parts is [var named, var version] && named != "" && version != "" ? new(named, version == "*" ? null : version)
            : throw new CellSourceException($"'nuget:{text}' names no package; write #r \"nuget: Id, Version\".", line);
    }

    private static void RequireFile(string target, string folder, int line)
    {
        if (!target.Contains('/', StringComparison.Ordinal) || File.Exists(Path.Combine(folder, target)))
        {
            return;
        }
        var path = Path.GetFullPath(Path.Combine(folder, target)).Replace('\\', '/');
        var kit = path.IndexOf("/" + KitFolder, StringComparison.Ordinal);
        throw new CellSourceException(
            kit < 0 ? $"{target} does not exist (looked for it from {folder})." : $"{target} is not built yet; run {KitBuild} in {path[..kit]} and run this cell again.",
            line);
    }

    [GeneratedRegex("""^\s*#r\s+"([^"]+)"\s*(?://.*)?$""")]
    private static partial Regex Reference();
}

/// <summary>A line of a cell that cannot be run.</summary>
internal sealed class CellSourceException(string message, int line) : Exception(message)
{
    public int Line { get; } = line;
}
