namespace Selm.Tests.Api;

/// <summary>
/// The public and protected members of TorchSharp 0.107, read from tests/golden/torchsharp-api.txt:
/// one line <c>type :: member</c> each. Generic types of one name share one entry there
/// (<c>torch.nn.Module&lt;&gt;</c> stands for all arities).
/// </summary>
public sealed class ApiList
{
    private static readonly Lazy<ApiList> Golden107 =
        new(() => new ApiList(File.ReadLines(Golden.Path("torchsharp-api.txt"))));

    private ApiList(IEnumerable<string> lines)
    {
        foreach (var line in lines.Where(line => line.Length > 0 && line[0] != '#'))
        {
            var at = line.IndexOf(" :: ", StringComparison.Ordinal);
            if (at < 0)
            {
                throw new InvalidDataException($"'{line}' is not of the form 'type :: member'");
            }
            var (type, member) = (line[..at], line[(at + 4)..]);
            if (!Types.TryGetValue(type, out var members))
            {
                Types[type] = members = [];
            }
            members.Add(member);
        }
    }

    /// <summary>The recorded list of TorchSharp 0.107.</summary>
    public static ApiList TorchSharp => Golden107.Value;

    /// <summary>Member lines by type, in the order of the file.</summary>
    public SortedDictionary<string, List<string>> Types { get; } = new(StringComparer.Ordinal);

    /// <summary>A list read from lines of the same form.</summary>
    public static ApiList Parse(IEnumerable<string> lines) => new(lines);

    /// <summary>All lines as (type, member), base lists sorted so that their order does not matter.</summary>
    public HashSet<(string Type, string Member)> Normalised() =>
        [.. Types.SelectMany(type => type.Value.Select(member => (type.Key, SortBases(member))))];

    /// <summary>A line that declares a type, with the base class and the interfaces in ordinal order.</summary>
    public static string SortBases(string member)
    {
        if (ApiMember.ParseDeclaration(member) is not { } declaration)
        {
            return member;
        }
        var bases = declaration.Bases.Select(type => type.ToString()).Order(StringComparer.Ordinal);
        return declaration.Keyword + (declaration.Bases.Count == 0 ? "" : " : " + string.Join(", ", bases));
    }
}
