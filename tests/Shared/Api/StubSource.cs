using System.Globalization;
using System.Text;

namespace Selm.Tests.Api;

/// <summary>
/// C# source of an assembly with all members of the API list, each of which throws: enough to compile against
/// official TorchSharp where its package cannot be had.
/// </summary>
public static class StubSource
{
    /// <summary>The source text.</summary>
    public static string Write(ApiList list) => new StubWriter(new StubModel(list)).Write();
}

/// <summary>Writes the declarations of a model; every identifier is escaped, as many are C# keywords.</summary>
internal sealed class StubWriter(StubModel model)
{
    private const string Marker = "global::TorchSharp.StubOnly";

    private static readonly Dictionary<string, string> Operators = new()
    {
        ["op_Addition"] = "+", ["op_Subtraction"] = "-", ["op_Multiply"] = "*", ["op_Division"] = "/", ["op_Modulus"] = "%",
        ["op_UnaryNegation"] = "-", ["op_OnesComplement"] = "~", ["op_BitwiseAnd"] = "&", ["op_BitwiseOr"] = "|",
        ["op_ExclusiveOr"] = "^", ["op_Equality"] = "==", ["op_Inequality"] = "!=", ["op_LessThan"] = "<",
        ["op_LessThanOrEqual"] = "<=", ["op_GreaterThan"] = ">", ["op_GreaterThanOrEqual"] = ">=",
    };

    private readonly StringBuilder _text = new();
    private readonly StubNames _names = new(model);

    public string Write()
    {
        _text.AppendLine("#nullable disable");
        _text.AppendLine("namespace TorchSharp { internal sealed class StubOnly { } }");
        foreach (var type in model.Types.Where(type => Outer(type) is null))
        {
            var at = type.Path.LastIndexOf('.');
            _text.AppendLine(CultureInfo.InvariantCulture, $"namespace TorchSharp{(at < 0 ? "" : "." + type.Path[..at])} {{");
            WriteType(type);
            _text.AppendLine("}");
        }
        return _text.ToString();
    }

    private string? Outer(StubType type)
    {
        var at = type.Path.LastIndexOf('.');
        return at >= 0 && model.Types.Any(other => other.Path == type.Path[..at]) ? type.Path[..at] : null;
    }

    private static string OwnName(StubType type) => "@" + type.Path.Split('.')[^1].Replace("<>", "", StringComparison.Ordinal);

    private void WriteType(StubType type)
    {
        var generic = type.TypeParameters.Count == 0 ? "" : $"<{string.Join(", ", type.TypeParameters)}>";
        if (type.IsDelegate)
        {
            var invoke = type.Members.Single(member => member.Api.Name == "Invoke").Api;
            _text.AppendLine(CultureInfo.InvariantCulture, $"public delegate {_names.Of(invoke.Type)} {OwnName(type)}{generic}({_names.Parameters(invoke)});");
            return;
        }
        var bases = type.Declaration.Bases.Select(_names.Of)
            .Concat(ApiFacts.Collections.GetValueOrDefault(type.Path, []).Select(text => _names.Of(new ApiReader(text).Type())))
            .Concat(ApiFacts.EnumTypes.TryGetValue(type.Path, out var underlying) ? [underlying] : []);
        var list = string.Join(", ", bases);
        _text.AppendLine(CultureInfo.InvariantCulture, $"public {type.Declaration.Keyword} {OwnName(type)}{generic}{(list.Length > 0 ? " : " + list : "")} {ApiFacts.TypeConstraints.GetValueOrDefault(type.Path)} {{");
        if (type.Declaration.Keyword is "class" or "abstract class")
        {
            _text.AppendLine(CultureInfo.InvariantCulture, $"internal {OwnName(type)}({Marker} _){Chain(type, "_")} {{ }}");
        }
        foreach (var member in type.Members.Where(member => _names.AllKnown(member.Api)))
        {
            WriteMember(type, member);
        }
        WriteCollections(type);
        foreach (var nested in model.Types.Where(other => Outer(other) == type.Path))
        {
            WriteType(nested);
        }
        _text.AppendLine("}");
    }

    private string Chain(StubType type, string argument) =>
        type.Declaration.FirstBase is { } parent && model.Find(parent) is { Declaration.Keyword: "class" or "abstract class" }
            ? $" : base({argument})" : "";

    private void WriteMember(StubType type, StubMember member)
    {
        var api = member.Api;
        var access = type.Declaration.Keyword == "interface" ? "" : api.IsProtected ? "protected " : "public ";
        var inheritance = member.Inheritance == Inheritance.None ? "" : member.Inheritance.ToString().ToLowerInvariant() + " ";
        // Bases of .NET are not in the model.
        if (inheritance.Length == 0 && access.Length > 0 && (IsOfObject(api) || IsOfComparer(type, api)))
        {
            inheritance = "override ";
        }
        var prefix = access + (api.IsStatic ? "static " : "") + inheritance;
        var hasBody = access.Length > 0 && member.Inheritance != Inheritance.Abstract;
        var line = api.Kind switch
        {
            ApiKind.EnumValue => $"@{api.Name} = {api.Value},",
            ApiKind.Field => $"{prefix}{_names.Of(api.Type)} @{api.Name};",
            ApiKind.Constructor => $"{prefix}{OwnName(type)}({_names.Parameters(api)}){Chain(type, $"default({Marker})")} => throw null;",
            ApiKind.Property => $"{prefix}{_names.Of(api.Type)} {PropertyName(api)} {{ {Accessors(api, hasBody)} }}",
            _ => prefix + Method(type, api, hasBody),
        };
        _text.AppendLine(line);
    }

    private static bool IsOfObject(ApiMember api) => api.Kind == ApiKind.Method && (api.Name, api.Parameters.Count) switch
    {
        ("ToString" or "GetHashCode", 0) => true,
        ("Equals", 1) => api.Parameters[0].Type.Name == "object",
        _ => false,
    };

    private static bool IsOfComparer(StubType type, ApiMember api) =>
        type.Declaration.FirstBase is { Name: "EqualityComparer" } && api.Name is "Equals" or "GetHashCode";

    private string PropertyName(ApiMember api) => api.Name == "this" ? $"this[{_names.Parameters(api)}]" : "@" + api.Name;

    // Of a protected property the list shows no accessor.
    private static string Accessors(ApiMember api, bool hasBody)
    {
        var accessors = api.IsProtected ? "get;" : api.Value;
        return hasBody ? accessors.Replace(";", " => throw null;", StringComparison.Ordinal) : accessors;
    }

    private string Method(StubType type, ApiMember api, bool hasBody)
    {
        var body = hasBody ? " => throw null;" : ";";
        var result = _names.Of(api.Type);
        if (api.Name is "op_Implicit" or "op_Explicit")
        {
            return $"{api.Name[3..].ToLowerInvariant()} operator {result}({_names.Parameters(api)}){body}";
        }
        if (Operators.TryGetValue(api.Name, out var symbol))
        {
            return $"{result} operator {symbol}({_names.Parameters(api)}){body}";
        }
        var generic = api.TypeParameters.Count == 0 ? "" : $"<{string.Join(", ", api.TypeParameters)}>";
        var constraints = generic.Length == 0 ? "" : ApiFacts.MethodConstraints(type.Path, api);
        return $"{result} @{api.Name}{generic}({_names.Parameters(api)}) {constraints}{body}";
    }

    private void WriteCollections(StubType type)
    {
        var faces = ApiFacts.Collections.GetValueOrDefault(type.Path, []);
        if (faces.Length > 0)
        {
            _text.AppendLine("global::System.Collections.IEnumerator global::System.Collections.IEnumerable.GetEnumerator() => throw null;");
        }
        foreach (var face in faces.Where(text => text.StartsWith("IDictionary", StringComparison.Ordinal)))
        {
            var pair = "global::System.Collections.Generic.KeyValuePair" + _names.Of(new ApiReader(face).Type())["global::System.Collections.Generic.IDictionary".Length..];
            _text.AppendLine(CultureInfo.InvariantCulture, $"global::System.Collections.Generic.IEnumerator<{pair}> global::System.Collections.Generic.IEnumerable<{pair}>.GetEnumerator() => throw null;");
        }
    }
}
