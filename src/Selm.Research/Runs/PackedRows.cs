using System.Runtime.InteropServices;
using System.Text.Json;

namespace Selm.Research.Runs;

/// <summary>
/// Rows as their bytes, each parsed again when it is asked for: what is held is the size of the file and eight bytes a row,
/// where objects made of them take twice the file and, of short rows, many times.
/// </summary>
internal sealed class PackedRows
{
    private const int BlockSize = 1 << 18; // bytes; a longer row has a block of its own

    private readonly List<Block> blocks = [];
    private readonly List<int> firsts = []; // index of each block's first row

    /// <summary>How many rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>A row as it was added.</summary>
    public JsonRow this[int index]
    {
        get
        {
            var found = firsts.BinarySearch(index);
            var at = found >= 0 ? found : ~found - 1; // the block that begins there, or the last one that begins before
            return blocks[at].Row(index - firsts[at]);
        }
    }

    /// <summary>Appends a row.</summary>
    public void Add(JsonRow row)
    {
        var json = JsonMarshal.GetRawUtf8Value(row.Value);
        var block = blocks.LastOrDefault();
        if (block is null || !block.Takes(row, json.Length))
        {
            block?.Close();
            blocks.Add(block = new(row.Path, row.Counted));
            firsts.Add(Count);
        }
        block.Add(row.Line, json);
        Count++;
    }

    /// <summary>The rows so far as something else, made of each when it is asked for.</summary>
    public IReadOnlyList<T> As<T>(Func<JsonRow, T> make) => new LazyList<T>(Count, index => make(this[index]));

    /// <summary>Rows of one file, one behind the other.</summary>
    private sealed class Block(string path, string counted)
    {
        private readonly List<(int End, int Line)> rows = [];
        private byte[] bytes = [];

        private int Length => rows is [.., var last] ? last.End : 0;

        public bool Takes(JsonRow row, int length) => row.Path == path && row.Counted == counted && Length + length <= BlockSize;

        public void Add(int line, ReadOnlySpan<byte> json)
        {
            var end = Length + json.Length;
            if (end > bytes.Length)
            {
                Array.Resize(ref bytes, Math.Max(end, 2 * bytes.Length));
            }
            json.CopyTo(bytes.AsSpan(Length));
            rows.Add((end, line));
        }

        /// <summary>No row follows: room that was kept for more is given back.</summary>
        public void Close()
        {
            Array.Resize(ref bytes, Length);
            rows.TrimExcess();
        }

        public JsonRow Row(int index)
        {
            var start = index == 0 ? 0 : rows[index - 1].End;
            return new(path, rows[index].Line, JsonElement.Parse(bytes.AsSpan(start..rows[index].End))) { Counted = counted };
        }
    }
}
