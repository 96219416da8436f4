using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>A JSON object of a settings file that remembers where it came from, for errors that name the place.</summary>
internal readonly struct SettingsNode
{
    private readonly JsonElement _element;
    private readonly string _place;
    private readonly int? _index; // of an element of the array at that place
    private readonly JsonTables? _tables; // what was cut out of the file

    private SettingsNode(JsonElement element, JsonTables? tables, string path, string place, int? index = null)
    {
        _element = element;
        _tables = tables;
        Path = path;
        _place = place;
        _index = index;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The place inside the file, such as model.vocab; empty for the top.</summary>
    public string Place => _index is { } index ? $"{_place}[{index}]" : _place;

    /// <summary>The element itself.</summary>
    public JsonElement Element => _element;

    /// <summary>Reads a file that holds one JSON object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tables">Places such as model.vocab whose entries are left to <see cref="Table"/>: they may be a million.</param>
    public static SettingsNode Read(string path, params string[] tables)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            InputFile.RefusePointer(path, bytes);
            JsonTexts.Check(bytes);
            var cut = tables.Length > 0 ? JsonTables.Cut(bytes, tables) : null;
            var document = JsonDocument.Parse(cut?.Rest ?? bytes);
            var node = new SettingsNode(document.RootElement, cut, path, "");
            return document.RootElement.ValueKind == JsonValueKind.Object ? node : throw node.Wrong("a JSON object");
        }
        catch (JsonException error)
        {
            throw new InputException($"{path} is not valid JSON (line {(error.LineNumber ?? 0) + 1}): it may be cut off, copy it again.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>A member, or null where it is absent or null.</summary>
    public SettingsNode? this[string name] =>
        _element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? new SettingsNode(value, _tables, Path, Place.Length == 0 ? name : $"{Place}.{name}")
            : null;

    /// <summary>A member that must be there and be an object.</summary>
    public SettingsNode Object(string name) =>
        this[name] is { } node && node._element.ValueKind == JsonValueKind.Object
            ? node
            : throw Missing(name, "an object");

    /// <summary>The objects of an array; an absent array is empty.</summary>
    public List<SettingsNode> Objects(string name)
    {
        var result = new List<SettingsNode>();
        foreach (var item in Items(name))
        {
            result.Add(item._element.ValueKind == JsonValueKind.Object ? item : throw item.Wrong("an object"));
        }
        return result;
    }

    /// <summary>A table that was cut out of the file when it was read: an object or an array; an absent array is empty.</summary>
    public JsonTable Table(string name, JsonValueKind kind) => this[name] switch
    {
        { _element.ValueKind: var found } node when found == kind => _tables!.ByPlace[node.Place],
        null when kind == JsonValueKind.Array => new("[]"u8.ToArray(), 0),
        { } node when kind == JsonValueKind.Array => throw node.Wrong("an array"),
        _ => throw Missing(name, "an object"),
    };

    /// <summary>The elements of an array; an absent array is empty.</summary>
    public IEnumerable<SettingsNode> Items(string name)
    {
        if (this[name] is not { } array)
        {
            yield break;
        }
        if (array._element.ValueKind != JsonValueKind.Array)
        {
            throw array.Wrong("an array");
        }
        var (place, index) = (array.Place, 0);
        foreach (var item in array._element.EnumerateArray())
        {
            yield return new SettingsNode(item, _tables, Path, place, index++);
        }
    }

    /// <summary>The members of this object.</summary>
    public IEnumerable<(string Name, SettingsNode Value)> Members()
    {
        if (_element.ValueKind != JsonValueKind.Object)
        {
            throw Wrong("an object");
        }
        foreach (var member in _element.EnumerateObject())
        {
            yield return (member.Name, new SettingsNode(member.Value, _tables, Path, Place.Length == 0 ? member.Name : $"{Place}.{member.Name}"));
        }
    }

    /// <summary>A text that must be there.</summary>
    public string Text(string name) => OptionalText(name) ?? throw Missing(name, "a text");

    /// <summary>A text, or null where it is absent or null.</summary>
    public string? OptionalText(string name) => this[name] switch
    {
        null => null,
        { _element.ValueKind: JsonValueKind.String } node => node.AsText(),
        { } node => throw node.Wrong("a text"),
    };

    /// <summary>This text.</summary>
    public string AsText()
    {
        try
        {
            return _element.ValueKind == JsonValueKind.String ? _element.GetString()! : throw Wrong("a text");
        }
        catch (InvalidOperationException)
        {
            throw Wrong("well-formed text");
        }
    }

    /// <summary>True or false, or null where it is absent.</summary>
    public bool? Flag(string name) => this[name] switch
    {
        null => null,
        { _element.ValueKind: JsonValueKind.True } => true,
        { _element.ValueKind: JsonValueKind.False } => false,
        { } node => throw node.Wrong("true or false"),
    };

    /// <summary>A whole number that must be there.</summary>
    public int Number(string name) => this[name]?.WholeNumber ?? throw Missing(name, "a whole number");

    /// <summary>This whole number, or null where it is none.</summary>
    public int? WholeNumber => _element.ValueKind == JsonValueKind.Number && _element.TryGetInt32(out var value) ? value : null;

    /// <summary>The error that this element is not what it should be.</summary>
    public InputException Wrong(string expected) =>
        new($"{Path}: {(Place.Length == 0 ? "the file" : $"'{Place}'")} is not {expected}; the file is damaged or of another kind, copy it again.");

    /// <summary>The error that an entry of an array here is not what it should be.</summary>
    public InputException Wrong(string name, int index, string expected) => new SettingsNode(_element, null, Path, Place.Length == 0 ? name : $"{Place}.{name}", index).Wrong(expected);

    /// <summary>The error that something named here is not supported.</summary>
    public InputException Unsupported(string kind, string name) =>
        new($"{Path}: the {kind} '{name}' at '{Place}' is not supported; use a checkpoint of the Llama, Mistral, Phi-3, GPT-2 or DeBERTa families.");

    private InputException Missing(string name, string expected) =>
        new($"{Path}: '{(Place.Length == 0 ? name : $"{Place}.{name}")}' is missing or not {expected}; the file is damaged or of another kind, copy it again.");
}
