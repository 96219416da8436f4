using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>notebooks/glossary.yaml as it is written.</summary>
internal sealed record Glossary
{
    public required List<Term> Terms { get; init; }

    public required List<Symbol> Symbols { get; init; }

    public static Glossary Read() => new DeserializerBuilder()
        .WithNamingConvention(UnderscoredNamingConvention.Instance).WithCaseInsensitivePropertyMatching().WithEnforceRequiredMembers().Build()
        .Deserialize<Glossary>(File.ReadAllText(Path.Combine(Lesson.Folder, "glossary.yaml")));
}

/// <summary>A term, the lesson that introduces it, and what it means.</summary>
internal sealed record Term
{
    public required string Lesson { get; init; }

    [YamlMember(Alias = "term")]
    public required string Name { get; init; }

    public required string Means { get; init; }
}

/// <summary>A symbol as TeX writes it, what it means, and the words of the lesson that introduce it.</summary>
internal sealed record Symbol
{
    public required string Lesson { get; init; }

    [YamlMember(Alias = "symbol")]
    public required string Name { get; init; }

    public required string Means { get; init; }

    public required string Where { get; init; }
}
