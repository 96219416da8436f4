using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>Reads a template's expressions, from the loosest binding (x if c else y) to the tightest (names).</summary>
internal sealed class ChatExpressionParser(ChatTokens tokens)
{
    /// <summary>Deeper nesting is no template but an attempt to exhaust the stack.</summary>
    public const int DeepestNesting = 100;

    private static readonly string[] s_reserved = ["and", "or", "not", "in", "is", "if", "else", "elif", "for", "set"];
    private static readonly string[] s_comparisons = ["==", "!=", "<", "<=", ">", ">="];
    private int _depth;

    /// <summary>Whether a name was read that stands for the clock.</summary>
    public bool ReadsClock { get; private set; }

    public ChatExpression Read()
    {
        if (++_depth > DeepestNesting)
        {
            throw new ChatTemplateFault(tokens.Current.At, "expressions are nested too deeply.");
        }
        var value = Or();
        while (tokens.Is("if"))
        {
            tokens.Advance();
            var condition = Or();
            value = new ChatConditional(condition, value, tokens.Take("else") ? Read() : null);
        }
        _depth--;
        return value;
    }

    /// <summary>One expression, or several between commas as a tuple.</summary>
    public ChatExpression ReadTuple() => Tuple(Read);

    /// <summary>An expression or tuple to which "if" does not belong: the items of a loop, a condition.</summary>
    public ChatExpression ReadWithoutCondition() => Tuple(Or);

    /// <summary>The filters behind a block's name, read as if the block's text stood before them.</summary>
    public ChatExpression ReadFilters(ChatExpression text) => Filtered(text);

    /// <summary>The first filter of a {% filter %} block, whose bar is left out, and those behind it.</summary>
    public ChatExpression ReadFilterBlock(ChatExpression text) => Filtered(Filter(tokens.Current.At, text));

    /// <summary>A name's call, as in a call block.</summary>
    public ChatCall ReadCall() => Unary() as ChatCall ?? throw tokens.Unexpected("the call of a macro");

    /// <summary>The parameters of a macro with their defaults, behind the opening parenthesis.</summary>
    public List<(string Name, ChatExpression? Default)> Parameters()
    {
        var parameters = new List<(string Name, ChatExpression? Default)>();
        while (!tokens.Take(")"))
        {
            parameters.Add((tokens.Name(), tokens.Take("=") ? Read() : null));
            if (!tokens.Is(")"))
            {
                tokens.Expect(",");
            }
        }
        return parameters;
    }

    private ChatExpression Tuple(Func<ChatExpression> read)
    {
        var first = read();
        if (!tokens.Is(","))
        {
            return first;
        }
        var items = new List<ChatExpression> { first };
        while (tokens.Take(",") && tokens.Current.Kind != ChatTokenKind.End)
        {
            items.Add(read());
        }
        return new ChatList(items, isTuple: true);
    }

    private ChatExpression Or()
    {
        var left = And();
        while (tokens.Take("or"))
        {
            left = new ChatLogic(left, And(), isAnd: false);
        }
        return left;
    }

    private ChatExpression And()
    {
        var left = Not();
        while (tokens.Take("and"))
        {
            left = new ChatLogic(left, Not(), isAnd: true);
        }
        return left;
    }

    private ChatExpression Not()
    {
        var count = 0;
        while (tokens.Take("not"))
        {
            count++;
        }
        var value = Compare();
        return count == 0 ? value : new ChatNot(value, negates: count % 2 == 1);
    }

    private ChatExpression Compare()
    {
        var first = Sum();
        var rest = new List<(string Operator, ChatExpression Right)>();
        var at = tokens.Current.At;
        for (; ; )
        {
            if (tokens.Current.Kind == ChatTokenKind.Operator && s_comparisons.Contains(tokens.Current.Text))
            {
                var sign = tokens.Current.Text;
                tokens.Advance();
                rest.Add((sign, Sum()));
            }
            else if (tokens.Take("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (tokens.Is("not") && tokens.Next.Text == "in")
            {
                tokens.Advance();
                tokens.Advance();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new ChatComparison(at, first, rest);
            }
        }
    }

    private ChatExpression Sum() => LeftToRight(Concatenation, "+", "-");

    private ChatExpression Concatenation() => LeftToRight(Product, "~");

    private ChatExpression Product() => LeftToRight(Power, "*", "/", "//", "%");

    private ChatExpression Power() => LeftToRight(Unary, "**");

    private ChatExpression LeftToRight(Func<ChatExpression> operand, params string[] signs)
    {
        var left = operand();
        while (tokens.Current.Kind == ChatTokenKind.Operator && signs.Contains(tokens.Current.Text))
        {
            var sign = tokens.Current;
            tokens.Advance();
            left = new ChatArithmetic(sign.At, sign.Text, left, operand());
        }
        return left;
    }

    private ChatExpression Unary() => Filtered(Signed());

    // The sign binds tighter than a filter: -1 | abs is (-1) | abs.
    private ChatExpression Signed()
    {
        if (++_depth > DeepestNesting)
        {
            throw new ChatTemplateFault(tokens.Current.At, "expressions are nested too deeply.");
        }
        var at = tokens.Current.At;
        var value = tokens.Take("-") ? new ChatArithmetic(at, "-", new ChatLiteral(0L), Signed())
            : tokens.Take("+") ? Signed()
            : Primary();
        _depth--;
        return Postfix(value);
    }

    private ChatExpression Primary()
    {
        var token = tokens.Current;
        tokens.Advance();
        switch (token.Kind)
        {
            case ChatTokenKind.Name when !s_reserved.Contains(token.Text):
                ReadsClock |= token.Text == ChatFunctions.Clock;
                return token.Text switch
                {
                    "true" or "True" => new ChatLiteral(true),
                    "false" or "False" => new ChatLiteral(false),
                    "none" or "None" => new ChatLiteral(null),
                    _ => new ChatName(token.At, token.Text),
                };
            case ChatTokenKind.String:
                var text = new StringBuilder(token.Text);
                for (; tokens.Current.Kind == ChatTokenKind.String; tokens.Advance())
                {
                    text.Append(tokens.Current.Text);
                }
                return new ChatLiteral(text.ToString());
            case ChatTokenKind.Integer when long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole):
                return new ChatLiteral(whole);
            case ChatTokenKind.Float:
                return new ChatLiteral(double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture));
            case ChatTokenKind.Operator when token.Text == "(":
                return Parenthesis();
            case ChatTokenKind.Operator when token.Text == "[":
                return new ChatList(Items("]"));
            case ChatTokenKind.Operator when token.Text == "{":
                return Dictionary();
            default:
                throw new ChatTemplateFault(token.At, $"'{token.Text}' stands where a value is expected.");
        }
    }

    private ChatExpression Parenthesis()
    {
        if (tokens.Take(")"))
        {
            return new ChatList([], isTuple: true);
        }
        var value = Read();
        if (!tokens.Is(","))
        {
            tokens.Expect(")");
            return value;
        }
        tokens.Advance();
        return new ChatList([value, .. Items(")")], isTuple: true);
    }

    private List<ChatExpression> Items(string close)
    {
        var items = new List<ChatExpression>();
        while (!tokens.Take(close))
        {
            items.Add(Read());
            if (!tokens.Is(close))
            {
                tokens.Expect(",");
            }
        }
        return items;
    }

    private ChatDictionary Dictionary()
    {
        var entries = new List<(ChatExpression Key, ChatExpression Value)>();
        while (!tokens.Take("}"))
        {
            var key = Read();
            tokens.Expect(":");
            entries.Add((key, Read()));
            if (!tokens.Is("}"))
            {
                tokens.Expect(",");
            }
        }
        return new ChatDictionary(entries);
    }

    private ChatExpression Postfix(ChatExpression value)
    {
        for (; ; )
        {
            var at = tokens.Current.At;
            if (tokens.Take("."))
            {
                value = tokens.Current.Kind == ChatTokenKind.Integer ? new ChatIndex(at, value, Primary()) : new ChatAttribute(at, value, tokens.Name());
            }
            else if (tokens.Take("["))
            {
                value = Subscript(at, value);
            }
            else if (tokens.Take("("))
            {
                value = new ChatCall(at, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private ChatExpression Subscript(int at, ChatExpression value)
    {
        var parts = new ChatExpression?[3];
        var index = 0;
        while (!tokens.Take("]"))
        {
            if (tokens.Take(":"))
            {
                index++;
            }
            else if (index < 3 && parts[index] is null)
            {
                parts[index] = Read();
            }
            else
            {
                throw tokens.Unexpected("']'");
            }
        }
        if (index > 2 || (index == 0 && parts[0] is null))
        {
            throw new ChatTemplateFault(at, "these square brackets hold no index or slice.");
        }
        return index == 0 ? new ChatIndex(at, value, parts[0]!) : new ChatSlice(at, value, parts[0], parts[1], parts[2]);
    }

    private ChatExpression Filtered(ChatExpression value)
    {
        for (; ; )
        {
            var at = tokens.Current.At;
            if (tokens.Take("|"))
            {
                value = Filter(at, value);
            }
            else if (tokens.Take("is"))
            {
                value = Test(at, value);
            }
            else if (tokens.Take("("))
            {
                value = new ChatCall(at, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private ChatFilter Filter(int at, ChatExpression value)
    {
        var name = tokens.Name();
        return ChatFilters.Exists(name)
            ? new ChatFilter(at, name, value, tokens.Take("(") ? Arguments() : ChatArguments.None)
            : throw new ChatTemplateFault(at, $"the filter '{name}' is not supported.");
    }

    private ChatTest Test(int at, ChatExpression value)
    {
        var negates = tokens.Take("not");
        var name = tokens.Name();
        if (!ChatTests.Exists(name))
        {
            throw new ChatTemplateFault(at, $"the test 'is {name}' is not supported.");
        }
        var arguments = tokens.Take("(") ? Arguments()
            : TakesValue() ? new ChatArguments([(false, Postfix(Primary()))], [])
            : ChatArguments.None;
        return new ChatTest(at, name, value, arguments, negates);
    }

    /// <summary>Whether the value of a test follows without parentheses: x is divisibleby 3.</summary>
    private bool TakesValue() => tokens.Current.Kind switch
    {
        ChatTokenKind.String or ChatTokenKind.Integer or ChatTokenKind.Float => true,
        ChatTokenKind.Name => !s_reserved.Contains(tokens.Current.Text),
        ChatTokenKind.Operator => tokens.Current.Text is "[" or "{",
        _ => false,
    };

    private ChatArguments Arguments()
    {
        var (positional, named) = (new List<(bool Starred, ChatExpression Value)>(), new List<(string Name, ChatExpression Value)>());
        while (!tokens.Take(")"))
        {
            if (tokens.Current.Kind == ChatTokenKind.Name && tokens.Next is { Kind: ChatTokenKind.Operator, Text: "=" })
            {
                var name = tokens.Name();
                tokens.Expect("=");
                named.Add((name, Read()));
            }
            else if (tokens.Take("**"))
            {
                named.Add(("**", Read()));
            }
            else
            {
                positional.Add((tokens.Take("*"), Read()));
            }
            if (!tokens.Is(")"))
            {
                tokens.Expect(",");
            }
        }
        return new ChatArguments(positional, named);
    }
}
