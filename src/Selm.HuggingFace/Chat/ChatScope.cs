namespace Selm.HuggingFace.Chat;

/// <summary>The names a template sees; inner scopes hide outer ones and vanish with their loop round or block.</summary>
internal sealed class ChatScope
{
    private const int DeepestCalls = 100;
    private readonly Dictionary<string, object?> _values = [];
    private readonly ChatScope? _outer;
    private readonly ChatCallDepth _depth;

    public ChatScope(ChatScope? outer)
    {
        _outer = outer;
        _depth = outer?._depth ?? new();
    }

    public void Set(string name, object? value) => _values[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope._outer)
        {
            if (scope._values.TryGetValue(name, out value))
            {
                return true;
            }
        }
        value = null;
        return false;
    }

    /// <summary>Gives names their values: one name the value itself, several the items of it.</summary>
    public void Set(List<string> names, object? value, int at)
    {
        if (names.Count == 1)
        {
            Set(names[0], value);
            return;
        }
        var parts = ChatValues.Items(value, at);
        if (parts.Count != names.Count)
        {
            throw new ChatTemplateFault(at, parts.Count < names.Count
                ? $"not enough values to unpack (expected {names.Count}, got {parts.Count})."
                : $"too many values to unpack (expected {names.Count}).");
        }
        for (var i = 0; i < parts.Count; i++)
        {
            Set(names[i], parts[i]);
        }
    }

    /// <summary>Runs the body of a macro; a macro that calls itself without end is refused before the stack is full.</summary>
    public T Call<T>(int at, Func<T> body)
    {
        if (_depth.Value == DeepestCalls)
        {
            throw new ChatTemplateFault(at, "macros call each other too deeply.");
        }
        _depth.Value++;
        try
        {
            return body();
        }
        finally
        {
            _depth.Value--;
        }
    }

    private sealed class ChatCallDepth
    {
        public int Value { get; set; }
    }
}

/// <summary>The values of a call's arguments.</summary>
/// <param name="Positional">Those by position.</param>
/// <param name="Named">Those by name.</param>
/// <param name="At">Offset of the call in the source.</param>
internal sealed record ChatInputs(List<object?> Positional, Dictionary<string, object?> Named, int At);

/// <summary>Names of the parameters of a function, filter, test or method.</summary>
internal sealed class ChatParameters
{
    private ChatParameters(string names)
    {
        Names = names.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        TakesMore = Names is [.., "*"];
        Names = TakesMore ? Names[..^1] : Names;
    }

    public string[] Names { get; }

    /// <summary>Whether any number more may follow by position.</summary>
    public bool TakesMore { get; }

    /// <summary>Names between spaces; "*" at the end takes any number more by position.</summary>
    public static implicit operator ChatParameters(string names) => new(names);
}

/// <summary>Arguments laid on the parameters of a function, filter, test or method that the kit has.</summary>
internal sealed class ChatBound
{
    private static readonly object s_absent = new();
    private readonly object?[] _values;
    private readonly string _form;
    private readonly string _name;

    /// <summary>Lays arguments on parameters.</summary>
    /// <param name="form">What errors call the callee, with {0} for its name: the filter '{0}'.</param>
    /// <param name="name">The callee's name.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="inputs">The arguments.</param>
    public ChatBound(string form, string name, ChatParameters parameters, ChatInputs inputs)
    {
        (_form, _name, At) = (form, name, inputs.At);
        var names = parameters.Names;
        _values = [.. names.Select((parameter, i) => i < inputs.Positional.Count ? inputs.Positional[i] : inputs.Named.TryGetValue(parameter, out var value) ? value : s_absent)];
        More = parameters.TakesMore ? [.. inputs.Positional.Skip(names.Length)] : [];
        if (!parameters.TakesMore && inputs.Positional.Count > names.Length)
        {
            throw Wrong($"takes at most {names.Length} arguments here but is given {inputs.Positional.Count}");
        }
        if (inputs.Named.Keys.FirstOrDefault(given => Array.IndexOf(names, given) is var i && (i < 0 || i < inputs.Positional.Count)) is { } unknown)
        {
            throw Wrong($"does not support the argument '{unknown}' here");
        }
    }

    /// <summary>Offset of the call in the source.</summary>
    public int At { get; }

    /// <summary>Arguments beyond the named parameters.</summary>
    public List<object?> More { get; }

    public bool Has(int index) => _values[index] != s_absent;

    /// <summary>An argument that must be given.</summary>
    public object? this[int index] => Has(index) ? _values[index] : throw Wrong("needs another argument");

    public object? Or(int index, object? otherwise) => Has(index) ? _values[index] : otherwise;

    public bool Flag(int index) => Has(index) && ChatValues.IsTrue(_values[index]);

    public string Text(int index) => this[index] as string ?? throw Wrong($"takes a text, not a value of type '{ChatValues.TypeName(this[index])}'");

    public string? TextOrNull(int index) => Or(index, null) is null ? null : Text(index);

    public long Whole(int index, long otherwise) => Or(index, otherwise) switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        var other => throw Wrong($"takes a whole number, not a value of type '{ChatValues.TypeName(other)}'"),
    };

    public ChatTemplateFault Wrong(string what) => new(At, $"{_form.Replace("{0}", _name, StringComparison.Ordinal)} {what}.");
}

/// <summary>Something a template can call.</summary>
internal abstract class ChatCallable
{
    public abstract object? Call(ChatInputs inputs);
}

/// <summary>A function that every template sees.</summary>
internal sealed class ChatFunction(Func<ChatInputs, object?> body) : ChatCallable
{
    public override object? Call(ChatInputs inputs) => body(inputs);
}

/// <summary>A method together with the value it belongs to.</summary>
internal sealed class ChatMethod(object? owner, string name) : ChatCallable
{
    public override object? Call(ChatInputs inputs) => ChatMethods.Call(owner, name, inputs);
}
