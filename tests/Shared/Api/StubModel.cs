namespace Selm.Tests.Api;

/// <summary>How a member of the stub relates to its base class.</summary>
internal enum Inheritance
{
    /// <summary>Nothing to override and nobody overrides it.</summary>
    None,

    /// <summary>A member without body.</summary>
    Abstract,

    /// <summary>A member that is, or may be, overridden.</summary>
    Virtual,

    /// <summary>Overrides a base member of the same signature.</summary>
    Override,

    /// <summary>Hides a base member (static, or of another type).</summary>
    New,
}

/// <summary>A member of one declaration, with what C# must be told about its base.</summary>
internal sealed class StubMember(ApiMember api)
{
    public ApiMember Api => api;

    public Inheritance Inheritance { get; set; }

    public StubMember? Base { get; set; }
}

/// <summary>One declaration: a type of the list, or one arity of a generic entry.</summary>
internal sealed class StubType
{
    public StubType(string path, IReadOnlyList<string> typeParameters, bool onlyArity, IEnumerable<string> lines)
    {
        (Path, TypeParameters) = (path, typeParameters);
        var isEnum = lines.Contains("enum");
        var members = lines.Select(line => ApiMember.Parse(line, isEnum && line != "enum"))
            .Where(member => onlyArity || Belongs(member, typeParameters)).ToList();
        Declaration = members.Single(member => member.Kind == ApiKind.Type);
        Members = [.. members.Where(member => member.Kind != ApiKind.Type && member.Name != "Finalize").Select(member => new StubMember(member))];
    }

    public string Path { get; }

    public IReadOnlyList<string> TypeParameters { get; }

    public ApiMember Declaration { get; }

    public List<StubMember> Members { get; }

    public bool IsDelegate => Declaration.Bases is [{ Name: "System.MulticastDelegate" }];

    // The list merges the arities of one name: a line goes to the arity whose parameters are the ones it mentions,
    // or to all arities where it mentions none.
    private static bool Belongs(ApiMember member, IReadOnlyList<string> typeParameters)
    {
        var mentioned = member.AllTypes().SelectMany(type => type.Names())
            .Where(name => name is "T" or "TResult" or "T1" or "T2" or "T3" or "T4" or "T5" or "T6").ToHashSet();
        return mentioned.Count == 0 || mentioned.SetEquals(typeParameters);
    }
}

/// <summary>All declarations of the list, linked along their base classes.</summary>
internal sealed class StubModel
{
    private readonly Dictionary<(string Name, int Arity), StubType> _byName = [];

    public StubModel(ApiList list)
    {
        foreach (var (path, lines) in list.Types)
        {
            // A type nested in a generic one uses its parameters and has none of its own.
            var arities = ApiFacts.TypeParameters.GetValueOrDefault(path, [""]);
            foreach (var arity in arities)
            {
                string[] parameters = arity.Length == 0 ? [] : arity.Split(", ");
                var type = new StubType(path, parameters, arities.Length == 1, lines);
                Types.Add(type);
                _byName[(path.Replace("<>", "", StringComparison.Ordinal), parameters.Length)] = type;
            }
        }
        foreach (var type in Types)
        {
            foreach (var member in type.Members)
            {
                Link(type, member);
            }
        }
        foreach (var type in Types)
        {
            foreach (var member in type.Members)
            {
                member.Inheritance = Decide(type, member);
            }
        }
    }

    public List<StubType> Types { get; } = [];

    /// <summary>The declaration that a type expression names; null for types of .NET and type parameters.</summary>
    public StubType? Find(ApiType type)
    {
        var name = type.Name.StartsWith("TorchSharp.", StringComparison.Ordinal) ? type.Name["TorchSharp.".Length..] : type.Name;
        return _byName.GetValueOrDefault((name, type.Arguments.Count))
            ?? (type.Arguments.Count > 0 ? _byName.GetValueOrDefault((name, 0)) : null);
    }

    private void Link(StubType type, StubMember member)
    {
        if (member.Api.Kind is ApiKind.Constructor or ApiKind.EnumValue)
        {
            return;
        }
        var parent = type.Declaration.FirstBase;
        var map = new Dictionary<string, ApiType>();
        while (parent is not null && Find(parent) is { } found && found.Declaration.Keyword != "interface")
        {
            map = found.TypeParameters.Zip(parent.Arguments).ToDictionary(pair => pair.First, pair => pair.Second.Substitute(map));
            member.Base = found.Members.FirstOrDefault(other => Key(other.Api, map) == Key(member.Api, []));
            if (member.Base is not null)
            {
                // Overriding needs the same type, so anything else hides.
                var same = member.Base.Api.Type.Substitute(map).ToString() == member.Api.Type.ToString();
                member.Inheritance = same && Overridable(member.Base.Api) && Overridable(member.Api) && Accessors(member)
                    ? Inheritance.Override : Inheritance.New;
                return;
            }
            parent = found.Declaration.FirstBase?.Substitute(map);
        }
    }

    private Inheritance Decide(StubType type, StubMember member)
    {
        bool Listed(Dictionary<string, string[]> facts) => facts.GetValueOrDefault(type.Path, []).Contains(member.Api.Name);
        if (member.Inheritance is Inheritance.Override or Inheritance.New || !Overridable(member.Api))
        {
            return member.Inheritance;
        }
        if (Listed(ApiFacts.Abstract))
        {
            return Inheritance.Abstract;
        }
        var overridden = Types.Any(other => other.Members.Any(m => m.Base == member && m.Inheritance == Inheritance.Override));
        return overridden || Listed(ApiFacts.Virtual) ? Inheritance.Virtual : Inheritance.None;
    }

    private static bool Accessors(StubMember member) =>
        member.Api.Kind != ApiKind.Property || member.Base!.Api.Value.Contains(member.Api.Value, StringComparison.Ordinal);

    private static bool Overridable(ApiMember member) => !member.IsStatic && member.Kind is ApiKind.Method or ApiKind.Property;

    private static string Key(ApiMember member, Dictionary<string, ApiType> map)
    {
        if (member.Kind is ApiKind.Field || (member.Kind is ApiKind.Property && member.Name != "this"))
        {
            return member.Name;
        }
        var parameters = member.Parameters.Select(parameter => $"{parameter.Modifier is "ref" or "out" or "in"} {parameter.Type.Substitute(map)}");
        return $"{member.Name}`{member.TypeParameters.Count}({string.Join(", ", parameters)})";
    }
}
