namespace Selm.Tests.Api;

/// <summary>A type as the API list writes it: <c>IEnumerable&lt;(string, torch.Tensor)&gt;?[]</c>.</summary>
/// <param name="Name">The dotted name; empty for a tuple.</param>
/// <param name="Arguments">Type arguments, or the elements of a tuple.</param>
/// <param name="Suffix">What follows: any sequence of <c>?</c>, <c>[]</c> and <c>[,]</c>.</param>
public sealed record ApiType(string Name, IReadOnlyList<ApiType> Arguments, string Suffix)
{
    /// <summary>Whether this is a tuple.</summary>
    public bool IsTuple => Name.Length == 0;

    /// <inheritdoc/>
    public override string ToString()
    {
        var arguments = string.Join(", ", Arguments);
        return IsTuple ? $"({arguments}){Suffix}"
            : Arguments.Count > 0 ? $"{Name}<{arguments}>{Suffix}"
            : Name + Suffix;
    }

    /// <summary>All names in it, its own included.</summary>
    public IEnumerable<string> Names() => Arguments.SelectMany(argument => argument.Names()).Prepend(Name);

    /// <summary>The same type with type parameters replaced.</summary>
    public ApiType Substitute(IReadOnlyDictionary<string, ApiType> map)
    {
        if (Arguments.Count == 0 && map.TryGetValue(Name, out var replacement))
        {
            return replacement with { Suffix = replacement.Suffix + Suffix };
        }
        return this with { Arguments = [.. Arguments.Select(argument => argument.Substitute(map))] };
    }
}

/// <summary>Reads member lines of the API list character by character.</summary>
internal sealed class ApiReader(string text)
{
    private int _at;

    public string Rest => text[_at..];

    public bool Skip(string expected)
    {
        if (!text.AsSpan(_at).StartsWith(expected, StringComparison.Ordinal))
        {
            return false;
        }
        _at += expected.Length;
        return true;
    }

    public void Expect(string expected)
    {
        if (!Skip(expected))
        {
            throw new InvalidDataException($"'{text}': expected '{expected}' at {_at}");
        }
    }

    public string Identifier()
    {
        var start = _at;
        while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] == '_'))
        {
            _at++;
        }
        return _at > start ? text[start.._at] : throw new InvalidDataException($"'{text}': expected a name at {start}");
    }

    public ApiType Type()
    {
        var (name, arguments) = ("", new List<ApiType>());
        if (Skip("("))
        {
            arguments = Types(")");
        }
        else
        {
            name = Identifier();
            while (Skip("."))
            {
                name += "." + Identifier();
            }
            if (Skip("<"))
            {
                arguments = Types(">");
            }
        }
        var suffix = "";
        while (true)
        {
            if (Skip("?"))
            {
                suffix += "?";
            }
            else if (Skip("["))
            {
                var commas = "";
                while (Skip(","))
                {
                    commas += ",";
                }
                Expect("]");
                suffix += $"[{commas}]";
            }
            else
            {
                return new ApiType(name, arguments, suffix);
            }
        }
    }

    public List<ApiType> Types(string end)
    {
        var types = new List<ApiType> { Type() };
        while (Skip(", "))
        {
            types.Add(Type());
        }
        Expect(end);
        return types;
    }

    /// <summary>A default value: everything up to the next comma or closing bracket outside quotes.</summary>
    public string Literal()
    {
        var (start, quoted) = (_at, false);
        while (_at < text.Length && (quoted || text[_at] is not (',' or ')' or ']')))
        {
            quoted ^= text[_at] == '"';
            _at++;
        }
        return text[start.._at];
    }
}
