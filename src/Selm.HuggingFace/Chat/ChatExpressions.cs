namespace Selm.HuggingFace.Chat;

/// <summary>
/// An expression of a template. Values are null (none), bool, long, double, string, List (and <see cref="ChatTuple"/>,
/// <see cref="ChatGenerator"/>), Dictionary, <see cref="ChatNamespace"/>, <see cref="ChatLoop"/>, <see cref="ChatCallable"/> and <see cref="ChatUndefined"/>.
/// </summary>
internal abstract class ChatExpression(int at)
{
    /// <summary>Offset in the template's source.</summary>
    public int At { get; } = at;

    /// <summary>The value, with bounded work and depth.</summary>
    public object? Evaluate(ChatScope scope)
    {
        ChatWork.Step(At);
        return Value(scope);
    }

    protected abstract object? Value(ChatScope scope);
}

/// <summary>The arguments of a call, filter or test.</summary>
/// <param name="Positional">By position; a starred one stands for its items.</param>
/// <param name="Named">By name; the name "**" stands for the entries of a dictionary.</param>
internal sealed record ChatArguments(List<(bool Starred, ChatExpression Value)> Positional, List<(string Name, ChatExpression Value)> Named)
{
    public static readonly ChatArguments None = new([], []);

    public ChatInputs Evaluate(ChatScope scope, int at)
    {
        var inputs = new ChatInputs([], [], at);
        foreach (var (starred, expression) in Positional)
        {
            var value = expression.Evaluate(scope);
            inputs.Positional.AddRange(starred ? ChatValues.Items(ChatWork.Spend(value), at) : [value]);
        }
        foreach (var (name, expression) in Named)
        {
            var value = expression.Evaluate(scope);
            if (name != "**")
            {
                inputs.Named[name] = value;
                continue;
            }
            foreach (var (key, entry) in value as Dictionary<string, object?> ?? throw new ChatTemplateFault(at, $"argument after ** must be a mapping, not {ChatValues.TypeName(value)}."))
            {
                inputs.Named[key] = entry;
            }
        }
        return inputs;
    }
}

internal sealed class ChatLiteral(object? value) : ChatExpression(0)
{
    protected override object? Value(ChatScope scope) => value;
}

internal sealed class ChatName(int at, string name) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => scope.TryGet(name, out var value) ? value : ChatUndefined.Name(name);
}

internal sealed class ChatList(List<ChatExpression> items, bool isTuple = false) : ChatExpression(0)
{
    protected override object? Value(ChatScope scope) =>
        ChatWork.Spend(items.ConvertAll(item => item.Evaluate(scope)) is var values && isTuple ? new ChatTuple(values) : values);
}

internal sealed class ChatDictionary(List<(ChatExpression Key, ChatExpression Value)> entries) : ChatExpression(0)
{
    protected override object? Value(ChatScope scope)
    {
        var result = new Dictionary<string, object?>();
        foreach (var (key, value) in entries)
        {
            result[key.Evaluate(scope) as string ?? throw new ChatTemplateFault(key.At, "dictionary keys other than texts are not supported.")] = value.Evaluate(scope);
        }
        return result;
    }
}

/// <summary>x if c else y; without else the value is undefined.</summary>
internal sealed class ChatConditional(ChatExpression condition, ChatExpression value, ChatExpression? otherwise) : ChatExpression(condition.At)
{
    protected override object? Value(ChatScope scope) =>
        ChatValues.IsTrue(condition.Evaluate(scope)) ? value.Evaluate(scope)
            : otherwise is null ? new ChatUndefined("the inline if-expression evaluated to false and no else section was defined")
            : otherwise.Evaluate(scope);
}

/// <summary>and, or: the value is that of the side that decides, as in Python.</summary>
internal sealed class ChatLogic(ChatExpression left, ChatExpression right, bool isAnd) : ChatExpression(left.At)
{
    protected override object? Value(ChatScope scope)
    {
        var value = left.Evaluate(scope);
        return ChatValues.IsTrue(value) == isAnd ? right.Evaluate(scope) : value;
    }
}

internal sealed class ChatNot(ChatExpression value, bool negates) : ChatExpression(value.At)
{
    protected override object? Value(ChatScope scope) => ChatValues.IsTrue(value.Evaluate(scope)) != negates;
}

/// <summary>A chain of comparisons, a &lt; b &lt; c meaning a &lt; b and b &lt; c.</summary>
internal sealed class ChatComparison(int at, ChatExpression first, List<(string Operator, ChatExpression Right)> rest) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope)
    {
        var left = first.Evaluate(scope);
        foreach (var (sign, expression) in rest)
        {
            var right = expression.Evaluate(scope);
            if (!Holds(sign, left, right, At))
            {
                return false;
            }
            left = right;
        }
        return true;
    }

    public static bool Holds(string sign, object? left, object? right, int at) => sign switch
    {
        "==" => ChatValues.AreEqual(left, right),
        "!=" => !ChatValues.AreEqual(left, right),
        "in" => ChatValues.Contains(ChatWork.Spend(right), left, at),
        "not in" => !ChatValues.Contains(ChatWork.Spend(right), left, at),
        "<" => ChatValues.Compare(left, right, at, sign) < 0,
        "<=" => ChatValues.Compare(left, right, at, sign) <= 0,
        ">" => ChatValues.Compare(left, right, at, sign) > 0,
        _ => ChatValues.Compare(left, right, at, sign) >= 0,
    };
}

internal sealed class ChatArithmetic(int at, string sign, ChatExpression left, ChatExpression right) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope)
    {
        var (a, b) = (left.Evaluate(scope), right.Evaluate(scope));
        return ChatWork.Spend(sign == "~"
            ? ChatPrinting.Text(a, At) + ChatPrinting.Text(b, At)
            : ChatValues.Calculate(sign, a, b, At));
    }
}

/// <summary>x.name</summary>
internal sealed class ChatAttribute(int at, ChatExpression value, string name) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => ChatValues.Member(value.Evaluate(scope), name, At);
}

/// <summary>x[i]</summary>
internal sealed class ChatIndex(int at, ChatExpression value, ChatExpression index) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => ChatValues.Element(value.Evaluate(scope), index.Evaluate(scope), At);
}

/// <summary>x[start:stop:step]</summary>
internal sealed class ChatSlice(int at, ChatExpression value, ChatExpression? start, ChatExpression? stop, ChatExpression? step) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) =>
        ChatWork.Spend(ChatValues.Slice(ChatWork.Spend(value.Evaluate(scope)), Bound(start, scope), Bound(stop, scope), Bound(step, scope) ?? 1, At));

    private long? Bound(ChatExpression? bound, ChatScope scope) => bound?.Evaluate(scope) switch
    {
        null => null,
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw new ChatTemplateFault(At, "slice indices must be integers or None."),
    };
}

/// <summary>A call of a function, macro or method.</summary>
internal sealed class ChatCall(int at, ChatExpression target, ChatArguments arguments) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => Evaluate(scope, null);

    /// <summary>The call with the body of a call block, which the macro sees as caller.</summary>
    public object? Evaluate(ChatScope scope, ChatMacro? caller)
    {
        var callable = target.Evaluate(scope) switch
        {
            ChatCallable found => found,
            var other => throw new ChatTemplateFault(At, $"'{ChatValues.TypeName(ChatValues.Defined(other, target.At))}' object is not callable."),
        };
        var inputs = arguments.Evaluate(scope, At);
        if (caller is not null)
        {
            inputs.Named["caller"] = caller;
        }
        return ChatWork.Spend(callable.Call(inputs));
    }
}

/// <summary>x | name(arguments)</summary>
internal sealed class ChatFilter(int at, string name, ChatExpression value, ChatArguments arguments) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => ChatWork.Spend(ChatFilters.Apply(name, ChatWork.Spend(value.Evaluate(scope)), arguments.Evaluate(scope, At)));
}

/// <summary>x is name, x is not name(arguments)</summary>
internal sealed class ChatTest(int at, string name, ChatExpression value, ChatArguments arguments, bool negates) : ChatExpression(at)
{
    protected override object? Value(ChatScope scope) => ChatTests.Holds(name, value.Evaluate(scope), arguments.Evaluate(scope, At)) != negates;
}
