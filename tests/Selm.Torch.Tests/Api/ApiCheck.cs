using System.Reflection;
using Selm.Tests.Api;

namespace Selm.Torch.Tests.Api;

/// <summary>Compares an assembly's namespace TorchSharp with the API list.</summary>
public static class ApiCheck
{
    /// <summary>
    /// The visible members that the list lacks, one text each with the list's lines of the same name beside it;
    /// empty when all agree. Finalizers are nobody's API and are passed over.
    /// </summary>
    public static IReadOnlyList<string> Offenders(Assembly assembly, ApiList list)
    {
        var known = list.Normalised();
        var own = ApiList.Parse(ApiPrinter.Print(assembly)).Normalised();
        return
        [
            .. own.Where(line => line.Member != "protected void Finalize()" && !known.Contains(line))
                .OrderBy(line => line).Select(line => Describe(line.Type, line.Member, list)),
        ];
    }

    private static string Describe(string type, string member, ApiList list)
    {
        var text = $"{type} :: {member}";
        if (!list.Types.TryGetValue(type, out var lines))
        {
            return $"{text}\n    the list has no type {type}";
        }
        var name = NameOf(member);
        var near = lines.Where(line => NameOf(line) == name).ToList();
        return near.Count == 0
            ? $"{text}\n    the list has no such name in {type}"
            : $"{text}\n    the list has {string.Join("\n             and ", near)}";
    }

    private static string NameOf(string member)
    {
        var head = member.Split(['(', '[', '{', '=', ':'], 2)[0].Trim();
        head = head.EndsWith('>') && member.Contains('(', StringComparison.Ordinal) ? head[..head.LastIndexOf('<')] : head;
        return head.Split(' ')[^1];
    }
}
