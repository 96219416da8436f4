// The schema as a tree. Parquet writes a list as a group around a repeated one; older writers leave one of the two out, and
// the rules that tell them apart are those of the format's page on logical types.
using System.Text.Json;
using ParquetSharp;
using ParquetSharp.Schema;

namespace Selm.Research.Data;

/// <summary>What the values of a flat column are.</summary>
internal enum ParquetValue
{
    /// <summary>UTF-8.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A whole number without a sign.</summary>
    Unsigned,

    /// <summary>True or false.</summary>
    Flag,
}

/// <summary>A field of the schema: values of a flat column, a struct or a list.</summary>
/// <param name="Name">Its name; that of a list's item counts for nothing.</param>
/// <param name="Definition">The definition level from which on it is there: its value, its struct, or its list, empty or not.</param>
/// <param name="Repetition">The repetition level at which its list goes on; for others that of the list around it.</param>
internal sealed record ParquetField(string Name, short Definition, short Repetition)
{
    private const int Deepest = 30; // a list is two levels of JSON at most, which is read 64 levels deep

    /// <summary>The name with quotes and colon.</summary>
    public byte[] JsonName { get; } = [.. JsonSerializer.SerializeToUtf8Bytes(Name), (byte)':'];

    /// <summary>Whether rows hold lists here; <see cref="Inner"/> is the one item then.</summary>
    public bool IsList { get; private init; }

    /// <summary>The members of a struct or the item of a list; empty for values.</summary>
    public ParquetField[] Inner { get; private init; } = [];

    /// <summary>The number of its flat column; -1 for structs and lists.</summary>
    public int Column { get; private init; } = -1;

    /// <summary>What its column holds.</summary>
    public ParquetValue Value { get; private init; }

    /// <summary>What it holds where that is not read, such as map or Decimal; null where it is.</summary>
    public string? Odd { get; private init; }

    /// <summary>Whether it holds texts, numbers or truth values, or lists or structs of them; of a struct any member will do, and the others are left out.</summary>
    public bool IsRead => Odd is null;

    /// <summary>The fields of a file.</summary>
    /// <exception cref="InvalidDataException">They are nested too deeply.</exception>
    public static ParquetField[] Of(GroupNode root)
    {
        var column = 0;
        return Fields(root, 0, 0, ref column, 1);
    }

    private static ParquetField[] Fields(GroupNode group, int definition, int repetition, ref int column, int depth)
    {
        var fields = new ParquetField[group.FieldCount];
        for (var i = 0; i < fields.Length; i++)
        {
            fields[i] = Field(group.Field(i), definition, repetition, ref column, depth);
        }
        return fields;
    }

    private static ParquetField Field(Node node, int definition, int repetition, ref int column, int depth)
    {
        if (node.Repetition == ParquetSharp.Repetition.Repeated)
        {
            return List(node, definition, repetition + 1, Body(node, definition + 1, repetition + 1, ref column, depth)); // no group around it: always there
        }
        definition += node.Repetition == ParquetSharp.Repetition.Optional ? 1 : 0;
        if (node is GroupNode { LogicalType: ListLogicalType, FieldCount: 1 } list && list.Field(0) is { Repetition: ParquetSharp.Repetition.Repeated } repeated)
        {
            var item = repeated is GroupNode { FieldCount: 1 } around && around.Name != "array" && around.Name != $"{node.Name}_tuple"
                ? Field(around.Field(0), definition + 1, repetition + 1, ref column, depth + 1)
                : Body(repeated, definition + 1, repetition + 1, ref column, depth + 1);
            return List(node, definition, repetition + 1, item);
        }
        return Body(node, definition, repetition, ref column, depth);
    }

    private static ParquetField List(Node node, int definition, int repetition, ParquetField item) =>
        new(node.Name, (short)definition, (short)repetition) { IsList = true, Inner = [item], Odd = item.Odd };

    // A struct or a value; that it may repeat or be left out is in the levels already.
    private static ParquetField Body(Node node, int definition, int repetition, ref int column, int depth)
    {
        if (depth > Deepest)
        {
            throw new InvalidDataException($"{node.Name} lies {depth} levels deep");
        }
        var field = new ParquetField(node.Name, (short)definition, (short)repetition);
        if (node is GroupNode group)
        {
            var inner = Fields(group, definition, repetition, ref column, depth + 1);
            return field with { Inner = inner, Odd = group.LogicalType is MapLogicalType ? "map" : Array.Exists(inner, member => member.IsRead) ? null : "struct" };
        }
        var (value, odd) = ValueOf((PrimitiveNode)node);
        return field with { Column = column++, Value = value, Odd = odd };
    }

    private static (ParquetValue Value, string? Odd) ValueOf(PrimitiveNode node) => (node.PhysicalType, node.LogicalType) switch
    {
        (PhysicalType.ByteArray, StringLogicalType or JsonLogicalType or EnumLogicalType) => (ParquetValue.Text, null),
        (PhysicalType.Boolean, NoneLogicalType) => (ParquetValue.Flag, null),
        (PhysicalType.Double or PhysicalType.Float or PhysicalType.Int32 or PhysicalType.Int64, NoneLogicalType or NullLogicalType) => (ParquetValue.Number, null),
        (PhysicalType.Int32 or PhysicalType.Int64, IntLogicalType whole) => (whole.IsSigned ? ParquetValue.Number : ParquetValue.Unsigned, null),
        (PhysicalType.Int96, _) or (_, TimestampLogicalType) => (default, "DateTime"),
        (var physical, NoneLogicalType) => (default, physical.ToString()),
        var (_, logical) => (default, logical.GetType().Name.Replace("LogicalType", "", StringComparison.Ordinal)),
    };
}
