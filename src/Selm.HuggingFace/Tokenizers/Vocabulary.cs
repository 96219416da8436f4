namespace Selm.HuggingFace.Tokenizers;

/// <summary>Tokens by id and ids by token; ids may have gaps.</summary>
internal sealed class Vocabulary
{
    private readonly List<string?> _tokens = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>One more than the highest id.</summary>
    public int Size => _tokens.Count;

    /// <summary>Ids by token, for look-ups by span.</summary>
    public Dictionary<string, int> Ids => _ids;

    /// <summary>Makes room for so many tokens at once.</summary>
    public void MakeRoom(int tokens)
    {
        _tokens.EnsureCapacity(tokens);
        _ids.EnsureCapacity(tokens);
    }

    /// <summary>Adds a token, or gives an id a second spelling, which then is the one that is read back.</summary>
    /// <exception cref="InputException">An id that no real vocabulary has.</exception>
    public void Add(string token, int id, string path)
    {
        RefuseImpossible(token, id, path);
        while (_tokens.Count <= id)
        {
            _tokens.Add(null);
        }
        _tokens[id] = token;
        _ids[token] = id;
    }

    /// <summary>A lying file must not make us allocate gigabytes: no published vocabulary comes near this.</summary>
    /// <exception cref="InputException">An id that no real vocabulary has.</exception>
    public static void RefuseImpossible(string token, int id, string path)
    {
        if (id is < 0 or > 4_000_000)
        {
            throw new InputException($"{path}: token '{token}' has the impossible id {id}; the file is damaged, copy it again.");
        }
    }

    public int? IdOf(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Count ? _tokens[id] : null;
}
