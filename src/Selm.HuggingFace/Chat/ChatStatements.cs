using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>The names a template sees; inner scopes hide outer ones and vanish with their loop round.</summary>
internal sealed class ChatScope(ChatScope? outer)
{
    private readonly Dictionary<string, object?> _values = [];

    public void Set(string name, object? value) => _values[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out value))
            {
                return true;
            }
        }
        value = null;
        return false;
    }

    private ChatScope? Outer { get; } = outer;
}

/// <summary>A part of a template that prints.</summary>
internal abstract class ChatStatement
{
    public abstract void Render(ChatScope scope, StringBuilder output);
}

/// <summary>Text outside of tags.</summary>
internal sealed class ChatText(string text) : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output) => output.Append(text);
}

/// <summary>{{ value }}</summary>
internal sealed class ChatPrint(ChatExpression value) : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output) =>
        output.Append(ChatValues.Text(value.Evaluate(scope), value.At));
}

/// <summary>Statements in a row.</summary>
internal sealed class ChatBlock(List<ChatStatement> body) : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output) => body.ForEach(statement => statement.Render(scope, output));
}

/// <summary>{% set name = value %}; a dotted name must belong to a namespace.</summary>
internal sealed class ChatSet(int at, string name, string? attribute, ChatExpression value) : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output)
    {
        var result = value.Evaluate(scope);
        if (attribute is null)
        {
            scope.Set(name, result);
            return;
        }
        if (!scope.TryGet(name, out var target) || target is not ChatNamespace space)
        {
            throw new ChatTemplateFault(at, $"'{name}.{attribute}' cannot be set because '{name}' is no namespace.");
        }
        space.Values[attribute] = result;
    }
}

/// <summary>{% if %} with its {% elif %} and {% else %} parts; a null condition is the else part.</summary>
internal sealed class ChatIf(List<(ChatExpression? Condition, List<ChatStatement> Body)> branches) : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition is null || ChatValues.IsTrue(condition.Evaluate(scope)))
            {
                body.ForEach(statement => statement.Render(scope, output));
                return;
            }
        }
    }
}

/// <summary>{% for names in items if filter %} with its {% else %} part for no items.</summary>
internal sealed class ChatFor(
    int at, List<string> names, ChatExpression items, ChatExpression? filter, List<ChatStatement> body, List<ChatStatement> otherwise)
    : ChatStatement
{
    public override void Render(ChatScope scope, StringBuilder output)
    {
        var values = ChatValues.Items(items.Evaluate(scope), at);
        if (filter is not null)
        {
            values = values.FindAll(value => ChatValues.IsTrue(filter.Evaluate(Round(scope, value))));
        }
        for (var i = 0; i < values.Count; i++)
        {
            var round = Round(scope, values[i]);
            round.Set("loop", Loop(values, i));
            body.ForEach(statement => statement.Render(round, output));
        }
        if (values.Count == 0)
        {
            otherwise.ForEach(statement => statement.Render(scope, output));
        }
    }

    private ChatScope Round(ChatScope outer, object? value)
    {
        var scope = new ChatScope(outer);
        if (names.Count == 1)
        {
            scope.Set(names[0], value);
            return scope;
        }
        var parts = ChatValues.Items(value, at);
        if (parts.Count != names.Count)
        {
            throw new ChatTemplateFault(at, $"the loop has {names.Count} names for items of {parts.Count} values.");
        }
        for (var i = 0; i < parts.Count; i++)
        {
            scope.Set(names[i], parts[i]);
        }
        return scope;
    }

    private static Dictionary<string, object?> Loop(List<object?> values, int i) => new()
    {
        ["index"] = i + 1L,
        ["index0"] = (long)i,
        ["revindex"] = (long)(values.Count - i),
        ["revindex0"] = (long)(values.Count - i - 1),
        ["first"] = i == 0,
        ["last"] = i == values.Count - 1,
        ["length"] = (long)values.Count,
        ["previtem"] = i > 0 ? values[i - 1] : ChatUndefined.Of("loop.previtem"),
        ["nextitem"] = i + 1 < values.Count ? values[i + 1] : ChatUndefined.Of("loop.nextitem"),
    };
}
