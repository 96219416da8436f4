namespace Selm.Tests.Api;

/// <summary>Writes types and parameters of the API list as C#, with full names.</summary>
internal sealed class StubNames(StubModel model)
{
    private static readonly HashSet<string> Keywords =
        ["void", "object", "string", "bool", "byte", "sbyte", "short", "int", "long", "float", "double"];

    private static readonly HashSet<string> InSystem = ["Func", "Action", "Span", "ReadOnlySpan", "Memory", "Tuple", "IEquatable", "IComparable"];

    private readonly HashSet<string> _typeParameters =
    [
        .. model.Types.SelectMany(type => type.TypeParameters),
        .. model.Types.SelectMany(type => type.Members).SelectMany(member => member.Api.TypeParameters),
    ];

    /// <summary>Whether every type of a member is one of .NET or of the list (the list names a few private ones).</summary>
    public bool AllKnown(ApiMember member) => member.Kind == ApiKind.EnumValue || member.AllTypes().All(IsKnown);

    public string Of(ApiType type)
    {
        var arguments = type.Arguments.Count == 0 ? "" : string.Join(", ", type.Arguments.Select(Of));
        if (type.IsTuple)
        {
            return $"({arguments}){type.Suffix}";
        }
        if (Keywords.Contains(type.Name) || IsTypeParameter(type))
        {
            return type.Name + type.Suffix;
        }
        if (type.Name.StartsWith("System.", StringComparison.Ordinal))
        {
            return $"global::{type.Name}{(arguments.Length > 0 ? $"<{arguments}>" : "")}{type.Suffix}";
        }
        if (model.Find(type) is { } found)
        {
            var path = "@" + found.Path.Replace(".", ".@", StringComparison.Ordinal);
            return "global::TorchSharp." + path.Replace("<>", $"<{arguments}>", StringComparison.Ordinal) + type.Suffix;
        }
        if (type.Arguments.Count == 0)
        {
            return $"global::TorchSharp.{type.Name}{type.Suffix}";
        }
        var space = InSystem.Contains(type.Name) ? "System" : "System.Collections.Generic";
        return $"global::{space}.{type.Name}<{arguments}>{type.Suffix}";
    }

    public string Parameters(ApiMember member) => string.Join(", ", member.Parameters.Select(Parameter));

    private string Parameter(ApiParameter parameter)
    {
        var modifier = parameter.Modifier.Length > 0 ? parameter.Modifier + " " : "";
        var text = $"{modifier}{Of(parameter.Type)} @{parameter.Name}";
        return parameter.Default is { } value ? $"{text} = {Default(parameter.Type, value)}" : text;
    }

    private string Default(ApiType type, string value)
    {
        if (value is "null")
        {
            return "default";
        }
        if (type.Name == "System.Char")
        {
            return $"'{value}'";
        }
        if (model.Find(type) is { Declaration.Keyword: "enum" })
        {
            return $"({Of(type with { Suffix = "" })})({value})";
        }
        return type.Name == "float" ? value + "f" : value;
    }

    private bool IsTypeParameter(ApiType type) => type.Arguments.Count == 0 && _typeParameters.Contains(type.Name);

    private bool IsKnown(ApiType type) =>
        type.Arguments.All(IsKnown)
        && (type.IsTuple || type.Arguments.Count > 0 || Keywords.Contains(type.Name) || IsTypeParameter(type)
            || type.Name.StartsWith("System.", StringComparison.Ordinal) || model.Find(type) is not null);
}
