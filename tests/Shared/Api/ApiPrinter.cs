using System.Globalization;
using System.Reflection;

namespace Selm.Tests.Api;

/// <summary>Prints the public and protected members of namespace TorchSharp in the form of the API list.</summary>
public static class ApiPrinter
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<string, string> Keywords = new()
    {
        ["System.Void"] = "void", ["System.Object"] = "object", ["System.String"] = "string", ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte", ["System.SByte"] = "sbyte", ["System.Int16"] = "short", ["System.Int32"] = "int",
        ["System.Int64"] = "long", ["System.Single"] = "float", ["System.Double"] = "double",
    };

    /// <summary>Every line <c>type :: member</c> of an assembly's visible types in namespace TorchSharp.</summary>
    public static IEnumerable<string> Print(Assembly assembly) =>
        from type in assembly.GetTypes()
        where IsVisible(type) && (type.Namespace == "TorchSharp" || type.Namespace!.StartsWith("TorchSharp.", StringComparison.Ordinal))
        from member in Members(type)
        select $"{Header(type)} :: {member}";

    private static bool IsVisible(Type type) =>
        type.IsPublic || ((type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsVisible(type.DeclaringType!));

    private static IEnumerable<string> Members(Type type)
    {
        yield return Declaration(type);
        if (type.IsEnum)
        {
            foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{field.Name} = {field.GetRawConstantValue()}");
            }
            yield break;
        }
        foreach (var field in type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly))
        {
            yield return Prefix(field.IsPublic, field.IsStatic) + $"{Name(field.FieldType)} {field.Name}";
        }
        foreach (var constructor in type.GetConstructors(Declared).Where(made => IsVisible(made) && !made.IsStatic))
        {
            yield return Prefix(constructor.IsPublic, false) + $"new({Parameters(constructor)})";
        }
        foreach (var method in type.GetMethods(Declared).Where(method => IsVisible(method) && IsListed(method)))
        {
            var generic = method.IsGenericMethod ? $"<{Names(method.GetGenericArguments())}>" : "";
            yield return Prefix(method.IsPublic, method.IsStatic)
                + $"{Name(method.ReturnType)} {method.Name}{generic}({Parameters(method)})";
        }
        foreach (var line in type.GetProperties(Declared).Select(Property).OfType<string>())
        {
            yield return line;
        }
        foreach (var made in type.GetEvents(Declared))
        {
            yield return $"event {made.Name}";
        }
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    // Accessors are printed with their property; operators have special names but are members of their own.
    private static bool IsListed(MethodInfo method) =>
        !method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static string? Property(PropertyInfo property)
    {
        MethodInfo[] all = [.. new[] { property.GetMethod, property.SetMethod }.OfType<MethodInfo>().Where(IsVisible)];
        if (all.Length == 0)
        {
            return null;
        }
        var shown = all.Where(accessor => accessor.IsPublic).ToList();
        var index = property.GetIndexParameters();
        var name = index.Length > 0 ? $"this[{string.Join(", ", index.Select(Parameter))}]" : property.Name;
        var accessors = shown.Select(accessor => accessor == property.GetMethod ? "get; " : "set; ");
        return Prefix(shown.Count > 0, all[0].IsStatic) + $"{Name(property.PropertyType)} {name} {{ {string.Concat(accessors)}}}";
    }

    private static string Prefix(bool isPublic, bool isStatic) => (isPublic ? "" : "protected ") + (isStatic ? "static " : "");

    private static string Declaration(Type type)
    {
        var keyword = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
            : type.IsAbstract && type.IsSealed ? "static class" : type.IsAbstract ? "abstract class" : "class";
        var bases = type.IsEnum ? [] : type.GetInterfaces().Where(face =>
            face == typeof(IDisposable) || face.Namespace!.StartsWith("TorchSharp", StringComparison.Ordinal)).Select(Name).ToList();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
        {
            bases.Insert(0, Name(parent));
        }
        return keyword + (bases.Count > 0 ? " : " + string.Join(", ", bases) : "");
    }

    private static string Parameters(MethodBase method)
    {
        var texts = method.GetParameters().Select(Parameter);
        var isExtension = method.IsDefined(typeof(System.Runtime.CompilerServices.ExtensionAttribute), false);
        return (isExtension ? "this " : "") + string.Join(", ", texts);
    }

    private static string Parameter(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        var modifier = parameter.IsDefined(typeof(ParamArrayAttribute), false)
            || parameter.IsDefined(typeof(System.Runtime.CompilerServices.ParamCollectionAttribute), false) ? "params "
            : !type.IsByRef ? "" : parameter.IsOut ? "out " : parameter.IsIn ? "in " : "ref ";
        var text = $"{modifier}{Name(type.IsByRef ? type.GetElementType()! : type)} {parameter.Name}";
        return parameter.HasDefaultValue ? $"{text} = {Default(parameter.RawDefaultValue)}" : text;
    }

    private static string Default(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => $"\"{text}\"",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    // torch.nn.HookableModule<>.HookRemover
    private static string Header(Type type)
    {
        var own = type.Name.Split('`') is [var name, _] ? name + "<>" : type.Name;
        if (type.DeclaringType is { } outer)
        {
            return $"{Header(outer)}.{own}";
        }
        return type.Namespace == "TorchSharp" ? own : $"{type.Namespace!["TorchSharp.".Length..]}.{own}";
    }

    private static string Names(IEnumerable<Type> types) => string.Join(", ", types.Select(Name));

    private static string Name(Type type)
    {
        if (type.IsArray)
        {
            return $"{Name(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        }
        if (type.IsGenericParameter || type.IsPointer)
        {
            return type.IsPointer ? Name(type.GetElementType()!) + "*" : type.Name;
        }
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Name(underlying) + "?";
        }
        if (!type.IsGenericType)
        {
            var full = type.FullName!.Replace('+', '.');
            return Keywords.TryGetValue(full, out var keyword) ? keyword
                : full.StartsWith("TorchSharp.", StringComparison.Ordinal) ? full["TorchSharp.".Length..] : full;
        }
        if (type.FullName is null ? type.Name.StartsWith("ValueTuple`", StringComparison.Ordinal)
            : type.FullName.StartsWith("System.ValueTuple`", StringComparison.Ordinal))
        {
            return $"({string.Join(", ", TupleElements(type))})";
        }
        var definition = type.GetGenericTypeDefinition();
        var parts = definition.FullName!.Split('.', '+').Select(part => part.Split('`')[0]);
        var name = definition.Namespace!.StartsWith("TorchSharp", StringComparison.Ordinal) ? string.Join('.', parts) : parts.Last();
        return $"{name}<{Names(type.GetGenericArguments())}>";
    }

    // A tuple of more than seven elements nests the rest in its eighth.
    private static IEnumerable<string> TupleElements(Type tuple)
    {
        var arguments = tuple.GetGenericArguments();
        return arguments.Length < 8
            ? arguments.Select(Name)
            : arguments.Take(7).Select(Name).Concat(TupleElements(arguments[7]));
    }
}
