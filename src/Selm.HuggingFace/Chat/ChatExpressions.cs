namespace Selm.HuggingFace.Chat;

/// <summary>
/// An expression of a template. Values are null (none), bool, long, double, string, List (list or tuple),
/// Dictionary, <see cref="ChatNamespace"/> and <see cref="ChatUndefined"/>.
/// </summary>
internal abstract class ChatExpression(int at)
{
    /// <summary>Offset in the template's source.</summary>
    public int At { get; } = at;

    public abstract object? Evaluate(ChatScope scope);
}

/// <summary>The arguments of a call or filter.</summary>
internal sealed record ChatArguments(List<ChatExpression> Positional, List<(string Name, ChatExpression Value)> Named)
{
    public static readonly ChatArguments None = new([], []);

    public List<object?> Values(ChatScope scope) => Positional.ConvertAll(argument => argument.Evaluate(scope));
}

internal sealed class ChatLiteral(object? value) : ChatExpression(0)
{
    public override object? Evaluate(ChatScope scope) => value;
}

internal sealed class ChatName(int at, string name) : ChatExpression(at)
{
    public string Name => name;

    public override object? Evaluate(ChatScope scope) => scope.TryGet(name, out var value) ? value : ChatUndefined.Of(name);
}

internal sealed class ChatList(List<ChatExpression> items) : ChatExpression(0)
{
    public override object? Evaluate(ChatScope scope) => items.ConvertAll(item => item.Evaluate(scope));
}

internal sealed class ChatDictionary(List<(ChatExpression Key, ChatExpression Value)> entries) : ChatExpression(0)
{
    public override object? Evaluate(ChatScope scope)
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
    public override object? Evaluate(ChatScope scope) =>
        ChatValues.IsTrue(condition.Evaluate(scope)) ? value.Evaluate(scope)
            : otherwise is null ? ChatUndefined.Of("the else value") : otherwise.Evaluate(scope);
}

/// <summary>and, or: the value is that of the side that decides, as in Python.</summary>
internal sealed class ChatLogic(ChatExpression left, ChatExpression right, bool isAnd) : ChatExpression(left.At)
{
    public override object? Evaluate(ChatScope scope)
    {
        var value = left.Evaluate(scope);
        return ChatValues.IsTrue(value) == isAnd ? right.Evaluate(scope) : value;
    }
}

internal sealed class ChatNot(ChatExpression value, bool negates) : ChatExpression(value.At)
{
    public override object? Evaluate(ChatScope scope) => ChatValues.IsTrue(value.Evaluate(scope)) != negates;
}

/// <summary>A chain of comparisons, a &lt; b &lt; c meaning a &lt; b and b &lt; c.</summary>
internal sealed class ChatComparison(int at, ChatExpression first, List<(string Operator, ChatExpression Right)> rest) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope)
    {
        var left = first.Evaluate(scope);
        foreach (var (sign, expression) in rest)
        {
            var right = expression.Evaluate(scope);
            var holds = sign switch
            {
                "==" => ChatValues.AreEqual(left, right),
                "!=" => !ChatValues.AreEqual(left, right),
                "in" => ChatValues.Contains(right, left, At),
                "not in" => !ChatValues.Contains(right, left, At),
                "<" => ChatValues.Compare(left, right, At) < 0,
                "<=" => ChatValues.Compare(left, right, At) <= 0,
                ">" => ChatValues.Compare(left, right, At) > 0,
                _ => ChatValues.Compare(left, right, At) >= 0,
            };
            if (!holds)
            {
                return false;
            }
            left = right;
        }
        return true;
    }
}

internal sealed class ChatArithmetic(int at, string sign, ChatExpression left, ChatExpression right) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope)
    {
        var (a, b) = (left.Evaluate(scope), right.Evaluate(scope));
        return sign == "~"
            ? ChatValues.Text(a, At) + ChatValues.Text(b, At)
            : ChatValues.Calculate(sign, a, b, At);
    }
}

/// <summary>x.name: an entry of a dictionary or namespace.</summary>
internal sealed class ChatAttribute(int at, ChatExpression value, string name) : ChatExpression(at)
{
    public ChatExpression Value => value;

    public string Name => name;

    public override object? Evaluate(ChatScope scope) => ChatValues.Member(value.Evaluate(scope), name, At);
}

/// <summary>x[i]</summary>
internal sealed class ChatIndex(int at, ChatExpression value, ChatExpression index) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope) => ChatValues.Element(value.Evaluate(scope), index.Evaluate(scope), At);
}

/// <summary>x[start:stop:step]</summary>
internal sealed class ChatSlice(int at, ChatExpression value, ChatExpression? start, ChatExpression? stop, ChatExpression? step) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope) =>
        ChatValues.Slice(value.Evaluate(scope), Bound(start, scope), Bound(stop, scope), Bound(step, scope) ?? 1, At);

    private long? Bound(ChatExpression? bound, ChatScope scope) => bound?.Evaluate(scope) switch
    {
        null => null,
        long number => number,
        _ => throw new ChatTemplateFault(At, "a slice needs whole numbers."),
    };
}

/// <summary>A call of a function, or of a method of a text, list or dictionary.</summary>
internal sealed class ChatCall(int at, ChatExpression target, ChatArguments arguments) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope) => target switch
    {
        ChatName name when !scope.TryGet(name.Name, out _) => ChatFunctions.Call(name.Name, arguments, scope, At),
        ChatAttribute attribute => ChatFunctions.CallMethod(attribute.Value.Evaluate(scope), attribute.Name, arguments, scope, At),
        _ => throw new ChatTemplateFault(At, "only functions and methods can be called."),
    };
}

/// <summary>x | name(arguments)</summary>
internal sealed class ChatFilter(int at, string name, ChatExpression value, ChatArguments arguments) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope) => ChatFunctions.Filter(name, value.Evaluate(scope), arguments, scope, At);
}

/// <summary>x is name, x is not name</summary>
internal sealed class ChatTest(int at, string name, ChatExpression value, bool negates) : ChatExpression(at)
{
    public override object? Evaluate(ChatScope scope)
    {
        // Functions of the environment are defined though they are no values.
        var holds = name is "defined" or "undefined" && value is ChatName function && ChatFunctions.Exists(function.Name)
            ? name == "defined"
            : ChatFunctions.Test(name, value.Evaluate(scope));
        return holds != negates;
    }
}
