namespace Selm.HuggingFace.Chat;

/// <summary>Reads a chat template's statements; expressions are in <see cref="ChatExpressionParser"/>.</summary>
internal sealed class ChatParser
{
    private readonly ChatTokens _tokens;
    private readonly ChatExpressionParser _expressions;
    private int _depth;
    private int _loops;

    private ChatParser(string source)
    {
        _tokens = new ChatTokens(ChatLexer.Tokenize(source));
        _expressions = new ChatExpressionParser(_tokens);
    }

    /// <summary>The statements of a template, and whether one of them reads the clock.</summary>
    public static (List<ChatStatement> Body, bool ReadsClock) Parse(string source)
    {
        var parser = new ChatParser(source);
        return (parser.Body(), parser._expressions.ReadsClock);
    }

    /// <summary>Statements up to one of the closing words, which stays unread, or to the end of the template.</summary>
    private List<ChatStatement> Body(params ReadOnlySpan<string> closing)
    {
        var body = new List<ChatStatement>();
        for (; ; )
        {
            var token = _tokens.Current;
            switch (token.Kind)
            {
                case ChatTokenKind.EndOfTemplate when closing.IsEmpty:
                    return body;
                case ChatTokenKind.EndOfTemplate:
                    throw new ChatTemplateFault(token.At, $"the template ends where {{% {closing[^1]} %}} is expected.");
                case ChatTokenKind.Text:
                    body.Add(new ChatText(token.Text));
                    _tokens.Advance();
                    break;
                case ChatTokenKind.Begin when token.Text == "{{":
                    _tokens.Advance();
                    body.Add(new ChatPrint(_expressions.ReadTuple()));
                    _tokens.End();
                    break;
                default:
                    var word = _tokens.Next.Text;
                    if (closing.Contains(word))
                    {
                        return body;
                    }
                    _tokens.Advance();
                    body.Add(Statement());
                    break;
            }
        }
    }

    private ChatStatement Statement()
    {
        if (++_depth > ChatExpressionParser.DeepestNesting)
        {
            throw new ChatTemplateFault(_tokens.Current.At, "statements are nested too deeply.");
        }
        var word = _tokens.Current;
        _tokens.Advance();
        ChatStatement statement = word.Text switch
        {
            "for" => For(),
            "if" => If(),
            "set" => Set(),
            "macro" => Macro(),
            "call" => Call(),
            "filter" => Filter(),
            "with" => With(),
            "generation" => Generation(),
            "break" => Jump(word, ChatFlow.Break),
            "continue" => Jump(word, ChatFlow.Continue),
            _ => throw new ChatTemplateFault(word.At, $"the statement {{% {word.Text} %}} is not supported."),
        };
        _depth--;
        return statement;
    }

    private ChatFor For()
    {
        var at = _tokens.Current.At;
        var names = Names();
        _tokens.Expect("in");
        var items = _expressions.ReadWithoutCondition();
        var filter = _tokens.Take("if") ? _expressions.Read() : null;
        if (_tokens.Is("recursive"))
        {
            throw new ChatTemplateFault(_tokens.Current.At, "recursive loops are not supported.");
        }
        _tokens.End();
        _loops++;
        var body = Body("else", "endfor");
        _loops--;
        List<ChatStatement> otherwise = [];
        if (CloseWith("else"))
        {
            otherwise = Body("endfor");
        }
        Close("endfor");
        return new ChatFor(at, names, items, filter, body, otherwise);
    }

    private ChatIf If()
    {
        var branches = new List<(ChatExpression? Condition, List<ChatStatement> Body)>();
        do
        {
            var condition = _expressions.ReadWithoutCondition();
            _tokens.End();
            branches.Add((condition, Body("elif", "else", "endif")));
        }
        while (Continues());
        if (CloseWith("else"))
        {
            branches.Add((null, Body("endif")));
        }
        Close("endif");
        return new ChatIf(branches);

        bool Continues()
        {
            if (_tokens.Next.Text != "elif")
            {
                return false;
            }
            _tokens.Advance();
            _tokens.Advance();
            return true;
        }
    }

    private ChatStatement Set()
    {
        var at = _tokens.Current.At;
        var names = Names();
        var attribute = names.Count == 1 && _tokens.Take(".") ? _tokens.Name() : null;
        if (_tokens.Take("="))
        {
            var value = _expressions.ReadTuple();
            _tokens.End();
            return new ChatSet(at, names, attribute, value);
        }
        if (names.Count > 1 || !(_tokens.Is("|") || _tokens.Current.Kind == ChatTokenKind.End))
        {
            throw _tokens.Unexpected("'='");
        }
        return new ChatSetBlock(at, names[0], attribute, _expressions.ReadFilters(new ChatHole()), BodyOf("endset"));
    }

    private ChatMacroStatement Macro()
    {
        var name = _tokens.Name();
        _tokens.Expect("(");
        return new ChatMacroStatement(name, _expressions.Parameters(), BodyOf("endmacro"));
    }

    private ChatCallBlock Call()
    {
        var parameters = _tokens.Take("(") ? _expressions.Parameters() : [];
        return new ChatCallBlock(parameters, _expressions.ReadCall(), BodyOf("endcall"));
    }

    private ChatFilterBlock Filter() => new(_expressions.ReadFilterBlock(new ChatHole()), BodyOf("endfilter"));

    private ChatBlock With()
    {
        var at = _tokens.Current.At;
        var values = new List<(List<string> Names, ChatExpression Value)>();
        while (_tokens.Current.Kind != ChatTokenKind.End)
        {
            if (values.Count > 0)
            {
                _tokens.Expect(",");
            }
            var name = _tokens.Name();
            _tokens.Expect("=");
            values.Add(([name], _expressions.Read()));
        }
        return new ChatBlock(at, values, BodyOf("endwith"));
    }

    private ChatBlock Generation() => new(_tokens.Current.At, [], BodyOf("endgeneration"));

    private ChatJump Jump(ChatToken word, ChatFlow flow)
    {
        _tokens.End();
        return _loops > 0 ? new ChatJump(flow) : throw new ChatTemplateFault(word.At, $"{{% {word.Text} %}} stands outside of a loop.");
    }

    private List<string> Names()
    {
        var isInParentheses = _tokens.Take("(");
        var names = new List<string> { _tokens.Name() };
        while (_tokens.Take(","))
        {
            names.Add(_tokens.Name());
        }
        if (isInParentheses)
        {
            _tokens.Expect(")");
        }
        return names;
    }

    /// <summary>The rest of a tag, the statements after it and their closing tag.</summary>
    private List<ChatStatement> BodyOf(string closing)
    {
        _tokens.End();
        // A loop around a macro or block is not that of a break inside it.
        (var loops, _loops) = (_loops, 0);
        var body = Body(closing);
        _loops = loops;
        Close(closing);
        return body;
    }

    private bool CloseWith(string word)
    {
        if (_tokens.Next.Text != word)
        {
            return false;
        }
        Close(word);
        return true;
    }

    private void Close(string word)
    {
        _tokens.Advance();
        _tokens.Expect(word);
        _tokens.End();
    }
}

/// <summary>A cursor over a template's tokens.</summary>
internal sealed class ChatTokens(List<ChatToken> tokens)
{
    private int _position;

    public ChatToken Current => tokens[_position];

    public ChatToken Next => tokens[Math.Min(_position + 1, tokens.Count - 1)];

    public void Advance() => _position = Math.Min(_position + 1, tokens.Count - 1);

    /// <summary>Whether the current token is this word or sign.</summary>
    public bool Is(string text) =>
        Current.Kind is ChatTokenKind.Name or ChatTokenKind.Operator && Current.Text == text;

    /// <summary>Steps over this word or sign if it is there.</summary>
    public bool Take(string text)
    {
        if (!Is(text))
        {
            return false;
        }
        Advance();
        return true;
    }

    public void Expect(string text)
    {
        if (!Take(text))
        {
            throw Unexpected($"'{text}'");
        }
    }

    public string Name()
    {
        if (Current.Kind != ChatTokenKind.Name)
        {
            throw Unexpected("a name");
        }
        var name = Current.Text;
        Advance();
        return name;
    }

    /// <summary>Steps over the end of a tag.</summary>
    public void End()
    {
        if (Current.Kind != ChatTokenKind.End)
        {
            throw Unexpected("the end of the tag");
        }
        Advance();
    }

    public ChatTemplateFault Unexpected(string expected) =>
        new(Current.At, $"'{Current.Text}' stands where {expected} is expected.");
}
