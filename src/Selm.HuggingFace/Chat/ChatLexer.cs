using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Selm.HuggingFace.Chat;

/// <summary>What a token of a template is.</summary>
internal enum ChatTokenKind
{
    /// <summary>Text outside of tags.</summary>
    Text,

    /// <summary>The start of {{ or {%.</summary>
    Begin,

    /// <summary>The end of a tag.</summary>
    End,
    Name,
    String,
    Integer,
    Float,
    Operator,
    EndOfTemplate,
}

/// <summary>A token: its kind, its text or value, and its offset.</summary>
internal readonly record struct ChatToken(ChatTokenKind Kind, string Text, int At);

/// <summary>Cuts a template into tokens and settles all white-space control, so the parser sees only what prints.</summary>
internal sealed partial class ChatLexer
{
    private static readonly string[] s_operators =
        ["//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|"];

    private readonly string _source;
    private readonly List<ChatToken> _tokens = [];
    private int _at;

    private ChatLexer(string source)
    {
        // One newline at the end of a template belongs to the file, not to the text.
        _source = source.EndsWith('\n') ? source[..^1] : source;
    }

    public static List<ChatToken> Tokenize(string source)
    {
        var lexer = new ChatLexer(source);
        lexer.Run();
        lexer._tokens.Add(new ChatToken(ChatTokenKind.EndOfTemplate, "", lexer._source.Length));
        return lexer._tokens;
    }

    private void Run()
    {
        while (_at < _source.Length)
        {
            var start = _at;
            var open = NextTag(start);
            var text = _source[start..open];
            if (open == _source.Length)
            {
                AddText(text, start);
                return;
            }
            var kind = _source[open + 1];
            var sign = open + 2 < _source.Length ? _source[open + 2] : ' ';
            AddText(BeforeTag(text, kind, sign, start == 0 || _source[start - 1] == '\n'), start);
            _at = open + (sign is '-' or '+' ? 3 : 2);
            if (kind == '#')
            {
                SkipComment(open);
            }
            else if (kind == '%' && Word(_at, "raw") is { } inside)
            {
                ReadRaw(open, inside);
            }
            else
            {
                ReadTag(open, kind);
            }
        }
    }

    private int NextTag(int from)
    {
        for (var at = from; at + 1 < _source.Length; at++)
        {
            if (_source[at] == '{' && _source[at + 1] is '{' or '%' or '#')
            {
                return at;
            }
        }
        return _source.Length;
    }

    /// <summary>Text before a tag, cut by the tag's minus sign or by lstrip_blocks.</summary>
    private static string BeforeTag(string text, char kind, char sign, bool startsLine)
    {
        if (sign == '-')
        {
            return ChatValues.TrimEnd(text);
        }
        if (kind == '{' || sign == '+')
        {
            return text;
        }
        var lineStart = text.LastIndexOf('\n') + 1;
        var onlySpaces = text.AsSpan(lineStart).Trim(" \t\v\f").IsEmpty && (lineStart > 0 || startsLine);
        return onlySpaces ? text[..lineStart] : text;
    }

    private void SkipComment(int open)
    {
        var close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0)
        {
            throw new ChatTemplateFault(open, "a comment {# is not closed.");
        }
        _at = close + 2;
        AfterTag(_source[close - 1], trimsNewline: true);
    }

    /// <summary>The offset behind "word %}" (or with a sign before the percent sign), or null where it does not stand here.</summary>
    private int? Word(int at, string word)
    {
        var text = _source.AsSpan(at).TrimStart();
        if (!text.StartsWith(word))
        {
            return null;
        }
        text = text[word.Length..].TrimStart();
        text = text.Length > 0 && text[0] is '-' or '+' ? text[1..] : text;
        return text.StartsWith("%}") ? _source.Length - text.Length + 2 : null;
    }

    /// <summary>{% raw %}: text up to {% endraw %} in which tags are text.</summary>
    private void ReadRaw(int open, int inside)
    {
        _at = inside;
        AfterTag(_source[inside - 3], trimsNewline: true);
        for (var close = _at; (close = _source.IndexOf("{%", close, StringComparison.Ordinal)) >= 0; close += 2)
        {
            var sign = close + 2 < _source.Length ? _source[close + 2] : ' ';
            if (Word(close + (sign is '-' or '+' ? 3 : 2), "endraw") is { } end)
            {
                AddText(BeforeTag(_source[_at..close], '%', sign, startsLine: false), _at);
                _at = end;
                AfterTag(_source[end - 3], trimsNewline: true);
                return;
            }
        }
        throw new ChatTemplateFault(open, "{% raw %} is not closed.");
    }

    private void ReadTag(int open, char kind)
    {
        _tokens.Add(new ChatToken(ChatTokenKind.Begin, kind == '{' ? "{{" : "{%", open));
        var close = kind == '{' ? "}}" : "%}";
        for (var depth = 0; ;)
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
            {
                _at++;
            }
            if (_at >= _source.Length)
            {
                throw new ChatTemplateFault(open, $"a tag {(kind == '{' ? "{{" : "{%")} is not closed.");
            }
            var signed = _source[_at] is '-' or '+' ? 1 : 0;
            if (depth == 0 && string.CompareOrdinal(_source, _at + signed, close, 0, 2) == 0)
            {
                _tokens.Add(new ChatToken(ChatTokenKind.End, close, _at));
                var sign = _source[_at];
                _at += signed + 2;
                AfterTag(sign, trimsNewline: kind == '%');
                return;
            }
            depth += ReadToken();
        }
    }

    /// <summary>White space after a tag: all of it after a minus sign, one newline after a block (trim_blocks).</summary>
    private void AfterTag(char sign, bool trimsNewline)
    {
        if (sign == '-')
        {
            while (_at < _source.Length && ChatValues.IsSpace(_source[_at]))
            {
                _at++;
            }
        }
        else if (trimsNewline && sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }
    }

    /// <summary>Reads one token inside a tag; says by how much it opens or closes brackets.</summary>
    private int ReadToken()
    {
        var c = _source[_at];
        if (c is '\'' or '"')
        {
            ReadString(c);
            return 0;
        }
        if (char.IsAsciiDigit(c))
        {
            ReadNumber();
            return 0;
        }
        if (char.IsLetter(c) || c == '_')
        {
            var start = _at;
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_'))
            {
                _at++;
            }
            _tokens.Add(new ChatToken(ChatTokenKind.Name, _source[start.._at], start));
            return 0;
        }
        var symbol = Array.Find(s_operators, entry => string.CompareOrdinal(_source, _at, entry, 0, entry.Length) == 0)
            ?? throw new ChatTemplateFault(_at, $"the character '{c}' does not belong here.");
        _tokens.Add(new ChatToken(ChatTokenKind.Operator, symbol, _at));
        _at += symbol.Length;
        return symbol is "(" or "[" or "{" ? 1 : symbol is ")" or "]" or "}" ? -1 : 0;
    }

    private void ReadString(char quote)
    {
        var start = _at++;
        var value = new StringBuilder();
        while (_at < _source.Length && _source[_at] != quote)
        {
            value.Append(_source[_at] == '\\' && _at + 1 < _source.Length ? ReadEscape() : _source[_at++].ToString());
        }
        if (_at++ >= _source.Length)
        {
            throw new ChatTemplateFault(start, "a text in quotes is not closed.");
        }
        _tokens.Add(new ChatToken(ChatTokenKind.String, value.ToString(), start));
    }

    private string ReadEscape()
    {
        var c = _source[_at + 1];
        _at += 2;
        switch (c)
        {
            case 'n': return "\n";
            case 't': return "\t";
            case 'r': return "\r";
            case 'a': return "\a";
            case 'b': return "\b";
            case 'f': return "\f";
            case 'v': return "\v";
            case '0': return "\0";
            case '\\' or '\'' or '"': return c.ToString();
            case '\n': return "";
            case 'x' or 'u' or 'U':
                var digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                if (_at + digits <= _source.Length
                    && int.TryParse(_source.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && code is >= 0 and <= 0x10FFFF)
                {
                    _at += digits;
                    return code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code);
                }
                throw new ChatTemplateFault(_at - 2, $"the escape '\\{c}' needs {digits} hexadecimal digits.");
            default: return "\\" + c; // as Python does
        }
    }

    private void ReadNumber()
    {
        var match = Number().Match(_source, _at);
        // "x.0.1" counts items; only a number that does not follow a dot may have a fraction.
        var isItem = _tokens is [.., { Kind: ChatTokenKind.Operator, Text: "." }];
        var text = isItem ? match.Groups["whole"].Value : match.Value;
        _tokens.Add(new ChatToken(text.Length == match.Groups["whole"].Length ? ChatTokenKind.Integer : ChatTokenKind.Float, text.Replace("_", "", StringComparison.Ordinal), _at));
        _at += text.Length;
    }

    [GeneratedRegex(@"\G(?<whole>[0-9]+(_[0-9]+)*)(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?", RegexOptions.ExplicitCapture)]
    private static partial Regex Number();

    private void AddText(string text, int at)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new ChatToken(ChatTokenKind.Text, text, at));
        }
    }
}
