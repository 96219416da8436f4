namespace Selm.Tests.Api;

/// <summary>What a line of the API list declares.</summary>
public enum ApiKind
{
    /// <summary>The type itself, with its bases.</summary>
    Type,

    /// <summary>A constructor.</summary>
    Constructor,

    /// <summary>A method or an operator.</summary>
    Method,

    /// <summary>A property or an indexer.</summary>
    Property,

    /// <summary>A field.</summary>
    Field,

    /// <summary>A value of an enumeration.</summary>
    EnumValue,
}

/// <summary>One parameter: <c>params long[] shape</c>, <c>int index = -1</c>.</summary>
/// <param name="Modifier">this, params, ref, out, in, or empty.</param>
/// <param name="Type">Its type.</param>
/// <param name="Name">Its name.</param>
/// <param name="Default">The text of its default value; null where it has none.</param>
public sealed record ApiParameter(string Modifier, ApiType Type, string Name, string? Default);

/// <summary>One line of the API list, taken apart.</summary>
public sealed record ApiMember
{
    /// <summary>What it declares.</summary>
    public required ApiKind Kind { get; init; }

    /// <summary>The member's name; <c>this</c> for an indexer, empty for a type.</summary>
    public string Name { get; init; } = "";

    /// <summary>Protected rather than public.</summary>
    public bool IsProtected { get; init; }

    /// <summary>Static rather than of an instance.</summary>
    public bool IsStatic { get; init; }

    /// <summary>Return type, property type or field type.</summary>
    public ApiType Type { get; init; } = new("void", [], "");

    /// <summary>Names of a generic method's type parameters.</summary>
    public IReadOnlyList<string> TypeParameters { get; init; } = [];

    /// <summary>Parameters of a method, a constructor or an indexer.</summary>
    public IReadOnlyList<ApiParameter> Parameters { get; init; } = [];

    /// <summary>Public accessors of a property (<c>get; set;</c>; none where it is protected), or the number of an enumeration's value.</summary>
    public string Value { get; init; } = "";

    /// <summary>For a type: <c>abstract class</c>, <c>interface</c> and so on.</summary>
    public string Keyword { get; init; } = "";

    /// <summary>For a type: its base class and interfaces.</summary>
    public IReadOnlyList<ApiType> Bases { get; init; } = [];

    /// <summary>For a type: its base class, or its first interface where it has none.</summary>
    public ApiType? FirstBase => Bases.Count > 0 ? Bases[0] : null;

    /// <summary>All types that the signature names.</summary>
    public IEnumerable<ApiType> AllTypes() =>
        Bases.Append(Type).Concat(Parameters.Select(parameter => parameter.Type));

    /// <summary>Reads a member line.</summary>
    /// <exception cref="InvalidDataException">The line is not of a known form.</exception>
    public static ApiMember Parse(string line, bool inEnum)
    {
        if (ParseDeclaration(line) is { } declaration)
        {
            return declaration;
        }
        var reader = new ApiReader(line);
        if (inEnum)
        {
            var name = reader.Identifier();
            reader.Expect(" = ");
            return new() { Kind = ApiKind.EnumValue, Name = name, Value = reader.Literal() };
        }
        var member = new ApiMember { Kind = ApiKind.Field, IsProtected = reader.Skip("protected "), IsStatic = reader.Skip("static ") };
        if (reader.Skip("new("))
        {
            return member with { Kind = ApiKind.Constructor, Name = "new", Parameters = ReadParameters(reader, ")") };
        }
        member = member with { Type = reader.Type() };
        reader.Expect(" ");
        return AfterType(reader, member);
    }

    /// <summary>Reads the line that declares the type itself; null for any other line.</summary>
    public static ApiMember? ParseDeclaration(string line)
    {
        string[] keywords = ["abstract class", "static class", "class", "struct", "interface", "enum"];
        if (keywords.FirstOrDefault(word => line == word || line.StartsWith(word + " : ", StringComparison.Ordinal)) is not { } keyword)
        {
            return null;
        }
        var reader = new ApiReader(line);
        reader.Expect(keyword);
        return new() { Kind = ApiKind.Type, Keyword = keyword, Bases = reader.Skip(" : ") ? ReadBases(reader) : [] };
    }

    private static ApiMember AfterType(ApiReader reader, ApiMember member)
    {
        member = member with { Name = reader.Identifier() };
        if (member.Name == "this" && reader.Skip("["))
        {
            member = member with { Parameters = ReadParameters(reader, "]") };
        }
        if (reader.Skip(" {"))
        {
            return member with { Kind = ApiKind.Property, Value = reader.Rest[..^1].Trim() };
        }
        if (reader.Skip("<"))
        {
            member = member with { TypeParameters = [.. reader.Types(">").Select(type => type.Name)] };
        }
        if (reader.Skip("("))
        {
            member = member with { Kind = ApiKind.Method, Parameters = ReadParameters(reader, ")") };
        }
        return reader.Rest.Length == 0 ? member : throw new InvalidDataException($"left over: '{reader.Rest}'");
    }

    private static List<ApiType> ReadBases(ApiReader reader)
    {
        var bases = new List<ApiType> { reader.Type() };
        while (reader.Skip(", "))
        {
            bases.Add(reader.Type());
        }
        return bases;
    }

    private static List<ApiParameter> ReadParameters(ApiReader reader, string end)
    {
        var parameters = new List<ApiParameter>();
        while (!reader.Skip(end))
        {
            if (parameters.Count > 0)
            {
                reader.Expect(", ");
            }
            var modifier = ((string[])["this", "params", "ref", "out", "in"]).FirstOrDefault(word => reader.Skip(word + " ")) ?? "";
            var type = reader.Type();
            reader.Expect(" ");
            var name = reader.Identifier();
            parameters.Add(new(modifier, type, name, reader.Skip(" = ") ? reader.Literal() : null));
        }
        return parameters;
    }
}
