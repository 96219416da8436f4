// Parquet keeps nested values as flat columns with two levels per entry (Dremel): the definition level says how much of the
// value is there (no list, an empty list, a null item, ...), the repetition level whether an entry goes on with the list before it.
using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Parquet.Data;
using Parquet.Schema;

namespace Selm.Research.Data;

/// <summary>The entries of one flat column, read from first to last.</summary>
internal abstract class ParquetColumn(DataField column, RawColumnData data) : IDisposable
{
    private int _entry;
    private int _value;

    /// <summary>The definition level of the entry that comes next.</summary>
    public int Definition => column.MaxDefinitionLevel == 0 ? 0 : data.DefinitionLevels[_entry];

    /// <summary>Whether the entry that comes next goes on with a list of this level.</summary>
    public bool Continues(int level) => _entry < data.RepetitionLevels.Length && data.RepetitionLevels[_entry] >= level;

    /// <summary>Steps over an entry without a value.</summary>
    public void Skip() => _entry++;

    /// <summary>Writes the next entry: its value or null.</summary>
    public void Write(Utf8JsonWriter json)
    {
        if (Definition == column.MaxDefinitionLevel)
        {
            WriteValue(json, _value++);
        }
        else
        {
            json.WriteNullValue();
        }
        _entry++;
    }

    public void Dispose() => data.Dispose();

    protected abstract void WriteValue(Utf8JsonWriter json, int index);

    /// <summary>A reader for a column of texts, numbers or truth values.</summary>
    /// <exception cref="InputException">The column holds something else.</exception>
    public static ParquetColumn Of(string path, DataField field, RawColumnData data) => data switch
    {
        RawColumnData<ReadOnlyMemory<char>> texts => new Column<ReadOnlyMemory<char>>(field, texts, new JsonText().Write),
        RawColumnData<double> numbers => new Column<double>(field, numbers, WriteNumber),
        RawColumnData<float> numbers => new Column<float>(field, numbers, (json, value) => WriteNumber(json, value)),
        RawColumnData<long> numbers => new Column<long>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<int> numbers => new Column<int>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<short> numbers => new Column<short>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<sbyte> numbers => new Column<sbyte>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<byte> numbers => new Column<byte>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<uint> numbers => new Column<uint>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<ulong> numbers => new Column<ulong>(field, numbers, (json, value) => json.WriteNumberValue(value)),
        RawColumnData<bool> flags => new Column<bool>(field, flags, (json, value) => json.WriteBooleanValue(value)),
        _ => throw new InputException($"{path}: the column {field.Path} holds {field.ClrType.Name}, which is not read; write it without that column, or as text."),
    };

    // NaN means a missing value, as in JSON lines.
    private static void WriteNumber(Utf8JsonWriter json, double value)
    {
        if (double.IsNaN(value))
        {
            json.WriteNullValue();
        }
        else if (double.IsInfinity(value))
        {
            json.WriteStringValue(value > 0 ? "Infinity" : "-Infinity");
        }
        else
        {
            json.WriteNumberValue(value);
        }
    }

    private sealed class Column<T>(DataField field, RawColumnData<T> data, Action<Utf8JsonWriter, T> write) : ParquetColumn(field, data)
        where T : struct
    {
        protected override void WriteValue(Utf8JsonWriter json, int index) => write(json, data.Values[index]);
    }
}

/// <summary>Writes texts as JSON: only what JSON itself demands is escaped, so that most of a text is copied at once.</summary>
internal sealed class JsonText
{
    private static readonly SearchValues<char> s_escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(code => (char)code), '"', '\\']);
    private static readonly byte[][] s_escapes = [.. Enumerable.Range(0, 128).Select(code => Encoding.ASCII.GetBytes((char)code switch
    {
        '\n' => "\\n",
        '\t' => "\\t",
        '\r' => "\\r",
        '"' => "\\\"",
        '\\' => "\\\\",
        _ => $"\\u{code:x4}",
    }))];
    private readonly ArrayBufferWriter<byte> _buffer = new();

    public void Write(Utf8JsonWriter json, ReadOnlyMemory<char> value)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write("\""u8);
        var rest = value.Span;
        for (int next; (next = rest.IndexOfAny(s_escaped)) >= 0; rest = rest[(next + 1)..])
        {
            Copy(rest[..next]);
            _buffer.Write(s_escapes[rest[next]]);
        }
        Copy(rest);
        _buffer.Write("\""u8);
        json.WriteRawValue(_buffer.WrittenSpan, skipInputValidation: true);
    }

    private void Copy(ReadOnlySpan<char> text)
    {
        var room = _buffer.GetSpan((text.Length * 3) + 1); // a UTF-16 unit takes at most three bytes
        Utf8.FromUtf16(text, room, out _, out var written);
        _buffer.Advance(written);
    }
}

/// <summary>A field of the schema over its columns: writes the next value of a text, number, list or struct.</summary>
internal sealed class ParquetNode
{
    private readonly Field _field;
    private readonly JsonEncodedText _name;
    private readonly ParquetNode[] _inner;
    private readonly ParquetColumn[] _columns;

    /// <summary>Builds the tree.</summary>
    /// <param name="field">The field.</param>
    /// <param name="open">Opens a flat column.</param>
    public ParquetNode(Field field, Func<DataField, ParquetColumn> open)
    {
        _field = field;
        _name = JsonEncodedText.Encode(field.Name);
        _inner = field switch
        {
            StructField structure => [.. structure.Fields.Select(member => new ParquetNode(member, open))],
            ListField list => [new ParquetNode(list.Item, open)],
            DataField => [],
            _ => throw new NotSupportedException($"a column of kind {field.SchemaType}"),
        };
        _columns = field is DataField data ? [open(data)] : [.. _inner.SelectMany(node => node._columns)];
    }

    public void WriteNamed(Utf8JsonWriter json)
    {
        json.WritePropertyName(_name);
        Write(json);
    }

    private void Write(Utf8JsonWriter json)
    {
        if (_field is DataField)
        {
            _columns[0].Write(json);
        }
        else if (_columns[0].Definition < _field.MaxDefinitionLevel)
        {
            WriteNothing(json);
        }
        else if (_field is StructField)
        {
            json.WriteStartObject();
            Array.ForEach(_inner, node => node.WriteNamed(json));
            json.WriteEndObject();
        }
        else
        {
            json.WriteStartArray();
            do
            {
                _inner[0].Write(json);
            }
            while (_columns[0].Continues(_field.MaxRepetitionLevel));
            json.WriteEndArray();
        }
    }

    // One level below an item a list is there but empty; anything lower is null.
    private void WriteNothing(Utf8JsonWriter json)
    {
        if (_field is ListField && _columns[0].Definition == _field.MaxDefinitionLevel - 1)
        {
            json.WriteStartArray();
            json.WriteEndArray();
        }
        else
        {
            json.WriteNullValue();
        }
        Array.ForEach(_columns, column => column.Skip());
    }
}
