using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>How a statement ended.</summary>
internal enum ChatFlow
{
    Next,
    Continue,
    Break,
}

/// <summary>A part of a template that prints.</summary>
internal abstract class ChatStatement
{
    public abstract ChatFlow Render(ChatScope scope, StringBuilder output);

    /// <summary>Statements in a row, up to one that ends a loop round.</summary>
    public static ChatFlow Render(List<ChatStatement> body, ChatScope scope, StringBuilder output)
    {
        foreach (var statement in body)
        {
            ChatWork.Step();
            if (statement.Render(scope, output) is var flow and not ChatFlow.Next)
            {
                return flow;
            }
        }
        return ChatFlow.Next;
    }

    /// <summary>What statements print in a scope of their own.</summary>
    protected static string Text(List<ChatStatement> body, ChatScope outer)
    {
        var output = new StringBuilder();
        Render(body, new ChatScope(outer), output);
        return output.ToString();
    }
}

/// <summary>Text outside of tags.</summary>
internal sealed class ChatText(string text) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        ChatWork.Spend(text);
        output.Append(text);
        return ChatFlow.Next;
    }
}

/// <summary>{{ value }}</summary>
internal sealed class ChatPrint(ChatExpression value) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        output.Append(ChatWork.Spend(ChatPrinting.Text(value.Evaluate(scope), value.At)));
        return ChatFlow.Next;
    }
}

/// <summary>{% break %}, {% continue %}</summary>
internal sealed class ChatJump(ChatFlow flow) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output) => flow;
}

/// <summary>A block with names of its own: {% with %}; {% generation %}, which marks the assistant's part for loss masks in other libraries.</summary>
internal sealed class ChatBlock(int at, List<(List<string> Names, ChatExpression Value)> values, List<ChatStatement> body) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        var inner = new ChatScope(scope);
        foreach (var (names, value) in values)
        {
            inner.Set(names, value.Evaluate(scope), at);
        }
        return Render(body, inner, output);
    }
}

/// <summary>{% filter name %}: the text of the body through a filter.</summary>
internal sealed class ChatFilterBlock(ChatExpression filters, List<ChatStatement> body) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        output.Append(ChatPrinting.Text(ChatHole.Fill(Text(body, scope), filters, scope), filters.At));
        return ChatFlow.Next;
    }
}

/// <summary>The place in a chain of filters where the text of a block goes.</summary>
internal sealed class ChatHole : ChatExpression
{
    private const string Name = " block"; // no template can spell this name

    public ChatHole()
        : base(0)
    {
    }

    protected override object? Value(ChatScope scope) => scope.TryGet(Name, out var value) ? value : null;

    public static object? Fill(string text, ChatExpression filters, ChatScope scope)
    {
        var inner = new ChatScope(scope);
        inner.Set(Name, text);
        return filters.Evaluate(inner);
    }
}

/// <summary>{% set names = value %}; a dotted name must belong to a namespace.</summary>
internal sealed class ChatSet(int at, List<string> names, string? attribute, ChatExpression value) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        Assign(scope, value.Evaluate(scope), names, attribute, at);
        return ChatFlow.Next;
    }

    public static void Assign(ChatScope scope, object? value, List<string> names, string? attribute, int at)
    {
        if (attribute is null)
        {
            scope.Set(names, value, at);
            return;
        }
        if (!scope.TryGet(names[0], out var target) || target is not ChatNamespace space)
        {
            throw new ChatTemplateFault(at, $"cannot assign attribute '{attribute}': '{names[0]}' is no namespace object.");
        }
        space.Values[attribute] = value;
    }
}

/// <summary>{% set name %}: the name becomes the text of the body, through filters if there are any.</summary>
internal sealed class ChatSetBlock(int at, string name, string? attribute, ChatExpression filters, List<ChatStatement> body) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        ChatSet.Assign(scope, ChatHole.Fill(Text(body, scope), filters, scope), [name], attribute, at);
        return ChatFlow.Next;
    }
}

/// <summary>{% if %} with its {% elif %} and {% else %} parts; a null condition is the else part.</summary>
internal sealed class ChatIf(List<(ChatExpression? Condition, List<ChatStatement> Body)> branches) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition is null || ChatValues.IsTrue(condition.Evaluate(scope)))
            {
                return Render(body, scope, output);
            }
        }
        return ChatFlow.Next;
    }
}

/// <summary>{% for names in items if filter %} with its {% else %} part for no items.</summary>
internal sealed class ChatFor(
    int at, List<string> names, ChatExpression items, ChatExpression? filter, List<ChatStatement> body, List<ChatStatement> otherwise)
    : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        var values = ChatValues.Items(items.Evaluate(scope), at);
        if (filter is not null)
        {
            values = values.FindAll(value => ChatValues.IsTrue(filter.Evaluate(Round(scope, value))));
        }
        var loop = new ChatLoop(values);
        for (; loop.Index < values.Count; loop.Index++)
        {
            ChatWork.Step(at);
            var round = Round(scope, values[loop.Index]);
            round.Set("loop", loop);
            if (Render(body, round, output) == ChatFlow.Break)
            {
                break;
            }
        }
        return values.Count == 0 ? Render(otherwise, new ChatScope(scope), output) : ChatFlow.Next;
    }

    private ChatScope Round(ChatScope outer, object? value)
    {
        var scope = new ChatScope(outer);
        scope.Set(names, value, at);
        return scope;
    }
}

/// <summary>The name loop inside a loop.</summary>
internal sealed class ChatLoop(List<object?> items)
{
    private object? _last = new();

    /// <summary>The round, counted from 0.</summary>
    public int Index { get; set; }

    public object? Member(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => (long)(items.Count - Index),
        "revindex0" => (long)(items.Count - Index - 1),
        "first" => Index == 0,
        "last" => Index == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => 1L, // counts recursion, which is not supported, and not loops around this one
        "depth0" => 0L,
        "previtem" => Index > 0 ? items[Index - 1] : new ChatUndefined("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new ChatUndefined("there is no next item"),
        "cycle" => new ChatFunction(inputs => inputs.Positional is { Count: > 0 } values ? values[Index % values.Count] : throw new ChatTemplateFault(inputs.At, "no items for cycling given.")),
        "changed" => new ChatFunction(inputs =>
        {
            var now = new ChatTuple(inputs.Positional);
            var changed = !ChatValues.AreEqual(_last, now);
            _last = now;
            return changed;
        }),
        _ => ChatUndefined.Member(this, name),
    };
}

/// <summary>{% macro name(parameters) %}</summary>
internal sealed class ChatMacroStatement(string name, List<(string Name, ChatExpression? Default)> parameters, List<ChatStatement> body) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        scope.Set(name, new ChatMacro(name, parameters, body, scope));
        return ChatFlow.Next;
    }
}

/// <summary>{% call(parameters) macro(arguments) %}: the macro may print the body through caller.</summary>
internal sealed class ChatCallBlock(List<(string Name, ChatExpression? Default)> parameters, ChatCall call, List<ChatStatement> body) : ChatStatement
{
    public override ChatFlow Render(ChatScope scope, StringBuilder output)
    {
        output.Append(ChatPrinting.Text(call.Evaluate(scope, new ChatMacro("caller", parameters, body, scope)), call.At));
        return ChatFlow.Next;
    }
}

/// <summary>A macro as a value: called, it is the text of its body. It sees the names around its definition.</summary>
internal sealed class ChatMacro(string name, List<(string Name, ChatExpression? Default)> parameters, List<ChatStatement> body, ChatScope around) : ChatCallable
{
    public override object? Call(ChatInputs inputs)
    {
        if (inputs.Positional.Count > parameters.Count)
        {
            throw new ChatTemplateFault(inputs.At, $"macro '{name}' takes not more than {parameters.Count} argument(s).");
        }
        var scope = new ChatScope(around);
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, otherwise) = parameters[i];
            scope.Set(parameter, i < inputs.Positional.Count ? inputs.Positional[i]
                : inputs.Named.TryGetValue(parameter, out var named) ? named
                : otherwise is not null ? otherwise.Evaluate(scope)
                : new ChatUndefined($"parameter '{parameter}' was not provided"));
        }
        foreach (var (given, value) in inputs.Named)
        {
            var index = parameters.FindIndex(parameter => parameter.Name == given);
            if (given == "caller" && index < 0)
            {
                scope.Set(given, value);
            }
            else if (index < inputs.Positional.Count)
            {
                throw new ChatTemplateFault(inputs.At, index < 0
                    ? $"macro '{name}' takes no keyword argument '{given}'."
                    : $"macro '{name}' got multiple values for argument '{given}'.");
            }
        }
        var output = new StringBuilder();
        scope.Call(inputs.At, () => ChatStatement.Render(body, scope, output));
        return output.ToString();
    }
}
