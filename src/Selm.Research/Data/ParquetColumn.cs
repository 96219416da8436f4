// Parquet keeps nested values as flat columns with two levels per entry (Dremel): the definition level says how much of the
// value is there (no list, an empty list, a null item, ...), the repetition level whether an entry goes on with the list before it.
using System.Buffers;
using System.Globalization;
using ParquetSharp;

namespace Selm.Research.Data;

/// <summary>The entries of one flat column of a row group, read from first to last, some at a time.</summary>
internal abstract class ParquetColumn(ParquetField of) : IDisposable
{
    private const int Most = 1024; // entries at a time

    private readonly short[] _definitions = new short[Most];
    private readonly short[] _repetitions = new short[Most];
    private int _entries;
    private int _entry;
    private int _values;
    private int _value;

    /// <summary>The definition level of the entry that comes next.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public int Definition => !IsThere() ? throw new InvalidDataException($"the column {of.Name} ends too early") : of.Definition == 0 ? 0 : _definitions[_entry];

    /// <summary>Whether the entry that comes next goes on with a list of this level.</summary>
    public bool Continues(int level) => of.Repetition > 0 && IsThere() && _repetitions[_entry] >= level;

    /// <summary>Steps over an entry without a value.</summary>
    public void Skip()
    {
        if (IsThere())
        {
            _entry++;
        }
    }

    /// <summary>Writes the next entry: its value or null.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public void Write(JsonText json)
    {
        if (Definition < of.Definition)
        {
            json.Raw("null"u8);
        }
        else if (_value < _values)
        {
            WriteValue(json, _value++);
        }
        else
        {
            throw new InvalidDataException($"the column {of.Name} lacks a value");
        }
        _entry++;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Reads further entries; the texts of earlier ones are gone then.</summary>
    /// <returns>How many entries, none at the end, and values.</returns>
    protected abstract (int Entries, int Values) Read(int most, short[] definitions, short[] repetitions);

    /// <summary>Writes a value of those that were read last.</summary>
    protected abstract void WriteValue(JsonText json, int index);

    private bool IsThere()
    {
        if (_entry == _entries)
        {
            (_entry, _value) = (0, 0);
            (_entries, _values) = Read(Most, _definitions, _repetitions);
        }
        return _entry < _entries;
    }

    /// <summary>A reader for a column of texts, numbers or truth values.</summary>
    /// <param name="field">The field; <see cref="ParquetField.IsRead"/>.</param>
    /// <param name="reader">Its column in a row group; the result owns it.</param>
    /// <exception cref="InvalidDataException">The column is of another type than the schema says.</exception>
    public static ParquetColumn Of(ParquetField field, ColumnReader reader) => (reader, field.Value) switch
    {
        (ColumnReader<ByteArray> texts, ParquetValue.Text) => new Column<ByteArray>(field, texts, WriteText),
        (ColumnReader<double> numbers, ParquetValue.Number) => new Column<double>(field, numbers, WriteNumber),
        (ColumnReader<float> numbers, ParquetValue.Number) => new Column<float>(field, numbers, (json, value) => WriteNumber(json, value)),
        (ColumnReader<long> numbers, ParquetValue.Number) => new Column<long>(field, numbers, (json, value) => json.Number(value)),
        (ColumnReader<int> numbers, ParquetValue.Number) => new Column<int>(field, numbers, (json, value) => json.Number(value)),
        (ColumnReader<long> numbers, ParquetValue.Unsigned) => new Column<long>(field, numbers, (json, value) => json.Number((ulong)value)),
        (ColumnReader<int> numbers, ParquetValue.Unsigned) => new Column<int>(field, numbers, (json, value) => json.Number((uint)value)),
        (ColumnReader<bool> flags, ParquetValue.Flag) => new Column<bool>(field, flags, (json, value) => json.Raw(value ? "true"u8 : "false"u8)),
        _ => throw new InvalidDataException($"the column {field.Name} is of another type than the schema says"),
    };

    private static unsafe void WriteText(JsonText json, ByteArray text) => json.Text(new ReadOnlySpan<byte>((void*)text.Pointer, text.Length));

    // NaN means a missing value, as in JSON lines.
    private static void WriteNumber(JsonText json, double value)
    {
        if (double.IsFinite(value))
        {
            json.Number(value);
        }
        else
        {
            json.Raw(double.IsNaN(value) ? "null"u8 : value > 0 ? "\"Infinity\""u8 : "\"-Infinity\""u8);
        }
    }

    private sealed class Column<T>(ParquetField field, ColumnReader<T> reader, Action<JsonText, T> write) : ParquetColumn(field)
        where T : unmanaged
    {
        private readonly T[] _read = new T[Most];

        public override void Dispose() => reader.Dispose();

        protected override (int Entries, int Values) Read(int most, short[] definitions, short[] repetitions) =>
            ((int)reader.ReadBatch(most, definitions, repetitions, _read, out var values), (int)values);

        protected override void WriteValue(JsonText json, int index) => write(json, _read[index]);
    }
}

/// <summary>The text of one row as JSON. Only what JSON itself demands is escaped, so that most of a text is copied at once.</summary>
internal sealed class JsonText
{
    private const int LongestNumber = 32;
    private static readonly SearchValues<byte> s_escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(code => (byte)code), (byte)'"', (byte)'\\']);
    private static readonly byte[][] s_escapes = [.. Enumerable.Range(0, 128).Select(code => System.Text.Encoding.ASCII.GetBytes((char)code switch
    {
        '\n' => "\\n",
        '\t' => "\\t",
        '\r' => "\\r",
        '"' => "\\\"",
        '\\' => "\\\\",
        _ => $"\\u{code:x4}",
    }))];
    private byte[] _bytes = new byte[1 << 16];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public void Raw(ReadOnlySpan<byte> json)
    {
        json.CopyTo(Room(json.Length));
        _length += json.Length;
    }

    public void Number<T>(T value)
        where T : IUtf8SpanFormattable
    {
        value.TryFormat(Room(LongestNumber), out var written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    /// <summary>A text as a JSON string.</summary>
    /// <param name="value">UTF-8; whether it is, nobody looks here.</param>
    public void Text(ReadOnlySpan<byte> value)
    {
        Raw("\""u8);
        for (int next; (next = value.IndexOfAny(s_escaped)) >= 0; value = value[(next + 1)..])
        {
            Raw(value[..next]);
            Raw(s_escapes[value[next]]);
        }
        Raw(value);
        Raw("\""u8);
    }

    private Span<byte> Room(int more)
    {
        if (_bytes.Length - _length < more)
        {
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + more));
        }
        return _bytes.AsSpan(_length);
    }
}

/// <summary>A field of the schema over its columns: writes the next value of a text, number, list or struct.</summary>
internal sealed class ParquetNode
{
    private readonly ParquetField _field;
    private readonly ParquetNode[] _inner;
    private readonly ParquetColumn[] _columns;

    /// <summary>Builds the tree.</summary>
    /// <param name="field">The field; <see cref="ParquetField.IsRead"/>.</param>
    /// <param name="open">Opens a flat column.</param>
    public ParquetNode(ParquetField field, Func<ParquetField, ParquetColumn> open)
    {
        _field = field;
        _inner = [.. field.Inner.Where(member => member.IsRead).Select(member => new ParquetNode(member, open))];
        _columns = field.Column >= 0 ? [open(field)] : [.. _inner.SelectMany(node => node._columns)];
    }

    public static void WriteObject(ParquetNode[] fields, JsonText json)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            json.Raw(i == 0 ? "{"u8 : ","u8);
            json.Raw(fields[i]._field.JsonName);
            fields[i].Write(json);
        }
        json.Raw("}"u8);
    }

    private void Write(JsonText json)
    {
        if (_field.Column >= 0)
        {
            _columns[0].Write(json);
        }
        else if (_columns[0].Definition is var definition && definition < _field.Definition + (_field.IsList ? 1 : 0))
        {
            json.Raw(definition == _field.Definition ? "[]"u8 : "null"u8); // a list that is there has no items
            Array.ForEach(_columns, column => column.Skip());
        }
        else if (!_field.IsList)
        {
            WriteObject(_inner, json);
        }
        else
        {
            json.Raw("["u8);
            _inner[0].Write(json);
            while (_columns[0].Continues(_field.Repetition))
            {
                json.Raw(","u8);
                _inner[0].Write(json);
            }
            json.Raw("]"u8);
        }
    }
}
