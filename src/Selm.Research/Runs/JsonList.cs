using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace Selm.Research.Runs;

/// <summary>One JSON list, element by element, so that no more than one of them is in memory.</summary>
/// <param name="path">The file's name, for messages.</param>
/// <param name="rows">The file; the caller's.</param>
internal sealed class JsonList(string path, RowStream rows)
{
    private readonly byte[] buffer = new byte[1 << 16];
    private readonly ArrayBufferWriter<byte> item = new();
    private int length, at; // of the buffer
    private long line = 1, column; // of the byte that was read last, the column counted from 1
    private bool begun, ended;

    /// <summary>The next element, or null behind the last.</summary>
    /// <param name="row">Its number, for messages.</param>
    /// <exception cref="InputException">It is not JSON, not UTF-8, or longer than a row may be; with file and place.</exception>
    public JsonElement? Next(int row)
    {
        if (!begun)
        {
            begun = true;
            Skip(value => value is 0xEF or 0xBB or 0xBF); // a byte-order mark
            Read(); // the bracket, by which the file was recognised
        }
        if (ended)
        {
            return null;
        }
        Skip(_ => false);
        var (firstLine, before) = (line, column);
        var closed = TakeItem(row);
        ended = closed == ']';
        if (ended && item.WrittenCount == 0 && row == 1)
        {
            Close();
            return null;
        }
        var value = Parse(firstLine, before);
        if (closed < 0)
        {
            throw Broken(line, column, null);
        }
        if (ended)
        {
            Close();
        }
        return value;
    }

    // The bytes up to the comma or bracket behind the element; returns that sign, or -1 at the file's end.
    private int TakeItem(int row)
    {
        item.ResetWrittenCount();
        var (depth, inText) = (0, false);
        for (int value; (value = Read()) >= 0;)
        {
            if (inText)
            {
                inText = value != '"';
                if (value == '\\')
                {
                    Put((byte)value);
                    if ((value = Read()) < 0)
                    {
                        break;
                    }
                }
            }
            else if (depth == 0 && value is ',' or ']')
            {
                return value;
            }
            else
            {
                depth += value is '{' or '[' ? 1 : value is '}' or ']' ? -1 : 0;
                inText = value == '"';
            }
            Put((byte)value);
            if (item.WrittenCount > Jsonl.LongestRow)
            {
                throw new InputException($"{path} row {row}: it is longer than {Jsonl.LongestRow >> 20} MB, which no row is; put one object after the other into the list.");
            }
        }
        return -1;
    }

    private void Put(byte value)
    {
        item.GetSpan(1)[0] = value;
        item.Advance(1);
    }

    private JsonElement Parse(long firstLine, long before)
    {
        var bytes = item.WrittenSpan;
        if (!Utf8.IsValid(bytes))
        {
            throw new InputException($"{path}: not valid UTF-8; save the file as UTF-8.");
        }
        try
        {
            return PythonJson.Parse(bytes, path);
        }
        catch (JsonException e)
        {
            throw Broken(firstLine + (e.LineNumber ?? 0), (e.BytePositionInLine ?? 0) + (e.LineNumber > 0 ? 0 : before), e);
        }
    }

    // Behind the list there is nothing.
    private void Close()
    {
        Skip(_ => false);
        if (Read() >= 0)
        {
            throw Broken(line, column - 1, null);
        }
    }

    private InputException Broken(long inLine, long behind, JsonException? e) =>
        new($"{path} line {inLine}: not valid JSON at byte {behind + 1} of a file that begins as a list; repair it, or put one object on each line without the list.", e);

    private void Skip(Predicate<int> also)
    {
        while (Peek() is var value && (value is ' ' or '\t' or '\r' or '\n' || also(value)))
        {
            Read();
        }
    }

    private int Peek()
    {
        if (at == length)
        {
            (at, length) = (0, rows.Read(buffer));
        }
        return at < length ? buffer[at] : -1;
    }

    private int Read()
    {
        var value = Peek();
        if (value >= 0)
        {
            at++;
            (line, column) = value == '\n' ? (line + 1, 0) : (line, column + 1);
        }
        return value;
    }
}
