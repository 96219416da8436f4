// Parquet keeps nested values as flat columns with two levels per entry (Dremel): the definition level says how much of the
// value is there (no list, an empty list, a null item, ...), the repetition level whether an entry goes on with the list before it.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Parquet.Data;
using Parquet.Schema;

namespace Selm.Research.Data;

/// <summary>The entries of one flat column, read from first to last.</summary>
internal abstract class ParquetColumn(DataField column, RawColumnData data) : IDisposable
{
    private readonly int _highest = column.MaxDefinitionLevel;
    private readonly int[] _definitions = column.MaxDefinitionLevel == 0 ? [] : data.DefinitionLevels.ToArray();
    private readonly int[] _repetitions = column.MaxRepetitionLevel == 0 ? [] : data.RepetitionLevels.ToArray();
    private int _entry;
    private int _value;

    /// <summary>The definition level of the entry that comes next.</summary>
    public int Definition => _highest == 0 ? 0 : _definitions[_entry];

    /// <summary>Whether the entry that comes next goes on with a list of this level.</summary>
    public bool Continues(int level) => _entry < _repetitions.Length && _repetitions[_entry] >= level;

    /// <summary>Steps over an entry without a value.</summary>
    public void Skip() => _entry++;

    /// <summary>Writes the next entry: its value or null.</summary>
    public void Write(JsonText json)
    {
        if (Definition == _highest)
        {
            WriteValue(json, _value++);
        }
        else
        {
            json.Raw("null"u8);
        }
        _entry++;
    }

    public void Dispose() => data.Dispose();

    protected abstract void WriteValue(JsonText json, int index);

    private static readonly HashSet<Type> s_read =
    [
        typeof(string), typeof(ReadOnlyMemory<char>), typeof(double), typeof(float), typeof(long), typeof(int), typeof(short), typeof(sbyte), typeof(byte),
        typeof(ushort), typeof(uint), typeof(ulong), typeof(bool),
    ];

    /// <summary>Whether a column holds texts, numbers or truth values.</summary>
    public static bool Reads(DataField field) => s_read.Contains(field.ClrType);

    /// <summary>A reader for a column of texts, numbers or truth values.</summary>
    /// <exception cref="InputException">The column holds something else.</exception>
    public static ParquetColumn Of(string path, DataField field, RawColumnData data) => data switch
    {
        RawColumnData<ReadOnlyMemory<char>> texts => new Column<ReadOnlyMemory<char>>(field, texts, (json, value) => json.Text(value.Span)),
        RawColumnData<double> numbers => new Column<double>(field, numbers, WriteNumber),
        RawColumnData<float> numbers => new Column<float>(field, numbers, (json, value) => WriteNumber(json, value)),
        RawColumnData<long> numbers => Whole(field, numbers),
        RawColumnData<int> numbers => Whole(field, numbers),
        RawColumnData<short> numbers => Whole(field, numbers),
        RawColumnData<sbyte> numbers => Whole(field, numbers),
        RawColumnData<byte> numbers => Whole(field, numbers),
        RawColumnData<ushort> numbers => Whole(field, numbers),
        RawColumnData<uint> numbers => Whole(field, numbers),
        RawColumnData<ulong> numbers => Whole(field, numbers),
        RawColumnData<bool> flags => new Column<bool>(field, flags, (json, value) => json.Raw(value ? "true"u8 : "false"u8)),
        _ => throw new InputException($"{path}: the column {field.Path} holds {field.ClrType.Name}, which is not read; write it without that column, or as text."),
    };

    private static Column<T> Whole<T>(DataField field, RawColumnData<T> data)
        where T : struct, IUtf8SpanFormattable => new(field, data, (json, value) => json.Number(value));

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

    private sealed class Column<T>(DataField field, RawColumnData<T> data, Action<JsonText, T> write) : ParquetColumn(field, data)
        where T : struct
    {
        private readonly T[] _values = data.Values.ToArray();

        protected override void WriteValue(JsonText json, int index) => write(json, _values[index]);
    }
}

/// <summary>The text of one row as JSON. Only what JSON itself demands is escaped, so that most of a text is copied at once.</summary>
internal sealed class JsonText
{
    private const int LongestNumber = 32;
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

    public void Text(ReadOnlySpan<char> value)
    {
        Raw("\""u8);
        for (int next; (next = value.IndexOfAny(s_escaped)) >= 0; value = value[(next + 1)..])
        {
            Copy(value[..next]);
            Raw(s_escapes[value[next]]);
        }
        Copy(value);
        Raw("\""u8);
    }

    private void Copy(ReadOnlySpan<char> text)
    {
        Utf8.FromUtf16(text, Room(text.Length * 3), out _, out var written); // a UTF-16 unit takes at most three bytes
        _length += written;
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
    private readonly Field _field;
    private readonly byte[] _name; // with quotes and colon
    private readonly ParquetNode[] _inner;
    private readonly ParquetColumn[] _columns;

    /// <summary>Builds the tree.</summary>
    /// <param name="field">The field; <see cref="IsRead"/>.</param>
    /// <param name="open">Opens a flat column.</param>
    public ParquetNode(Field field, Func<DataField, ParquetColumn> open)
    {
        _field = field;
        _name = [.. JsonSerializer.SerializeToUtf8Bytes(field.Name), (byte)':'];
        _inner = field switch
        {
            StructField structure => [.. structure.Fields.Where(IsRead).Select(member => new ParquetNode(member, open))],
            ListField list => [new ParquetNode(list.Item, open)],
            _ => [],
        };
        _columns = field is DataField data ? [open(data)] : [.. _inner.SelectMany(node => node._columns)];
    }

    /// <summary>Whether a field holds texts, numbers or truth values, or lists or structs of them; of a struct any member will do, and the others are left out.</summary>
    public static bool IsRead(Field field) => field switch
    {
        StructField structure => structure.Fields.Any(IsRead),
        ListField list => IsRead(list.Item),
        DataField data => ParquetColumn.Reads(data),
        _ => false, // a map, for instance
    };

    public static void WriteObject(ParquetNode[] fields, JsonText json)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            json.Raw(i == 0 ? "{"u8 : ","u8);
            json.Raw(fields[i]._name);
            fields[i].Write(json);
        }
        json.Raw(fields.Length == 0 ? "{}"u8 : "}"u8);
    }

    private void Write(JsonText json)
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
            WriteObject(_inner, json);
        }
        else
        {
            json.Raw("["u8);
            _inner[0].Write(json);
            while (_columns[0].Continues(_field.MaxRepetitionLevel))
            {
                json.Raw(","u8);
                _inner[0].Write(json);
            }
            json.Raw("]"u8);
        }
    }

    // One level below an item a list is there but empty; anything lower is null.
    private void WriteNothing(JsonText json)
    {
        json.Raw(_field is ListField && _columns[0].Definition == _field.MaxDefinitionLevel - 1 ? "[]"u8 : "null"u8);
        Array.ForEach(_columns, column => column.Skip());
    }
}
