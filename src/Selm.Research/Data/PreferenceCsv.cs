// CSV for spreadsheets: columns as the JSONL fields. The chats of a single-turn pair are
// their plain answers; longer ones are the JSON lists of their messages in the cells. CsvHelper does quoting and line counting.
using System.Globalization;
using System.Text.Json;
using CsvHelper;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>Preference pairs as CSV, UTF-8, with a header line.</summary>
public static class PreferenceCsv
{
    private static readonly string[] Columns = ["prompt", "chosen", "rejected", "reference_response", "prompt_id", "score_chosen", "score_rejected"];
    private static readonly HashSet<string> NumberColumns = ["score_chosen", "score_rejected", "preference"];

    /// <summary>Writes the texts, scores and names of records as one atomic file.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<PreferenceRecord> records) => AtomicFile.Write(path, stream =>
    {
        using var csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        foreach (var column in Columns)
        {
            csv.WriteField(column);
        }
        csv.EndRecord();
        foreach (var record in records)
        {
            csv.WriteField(record.Prompt);
            var plain = IsPlain(record, record.Chosen) && IsPlain(record, record.Rejected);
            csv.WriteField(plain ? record.ChosenResponse : Messages(record.Chosen));
            csv.WriteField(plain ? record.RejectedResponse : Messages(record.Rejected));
            csv.WriteField(record.ReferenceResponse);
            csv.WriteField(record.PromptId);
            csv.WriteField(record.ScoreChosen);
            csv.WriteField(record.ScoreRejected);
            csv.EndRecord();
        }
    });

    /// <summary>The rows of a file as objects with their line numbers; empty optional cells are absent fields.</summary>
    /// <exception cref="InputException">The file is missing or broken.</exception>
    internal static IEnumerable<JsonRow> Rows(string path)
    {
        using var csv = Open(path);
        while (Next(path, csv))
        {
            yield return Row(path, csv);
        }
    }

    /// <summary>Reads the next row of a file.</summary>
    /// <exception cref="InputException">It is no valid CSV; with its line.</exception>
    internal static bool Next(string path, CsvReader csv)
    {
        try
        {
            return csv.Read();
        }
        catch (CsvFormatException e)
        {
            throw new InputException($"{path} line {e.LineNumber}: not valid CSV ({e.Message.TrimEnd('.')}); correct the quotes and the number of cells.", e);
        }
    }

    private static JsonRow Row(string path, CsvReader csv)
    {
        var fields = new Dictionary<string, object?>();
        for (var i = 0; i < csv.Headers.Count; i++)
        {
            var (name, text) = (csv.Headers[i], csv.GetString(i));
            // An empty cell may be an empty response, so only columns that may be absent are dropped.
            if (text.Length > 0 || !(NumberColumns.Contains(name) || name is "prompt_id" or "reference_response"))
            {
                fields[name] = NumberColumns.Contains(name) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : text;
            }
        }
        if (AsChat(fields.GetValueOrDefault("chosen")) is { } chosen && AsChat(fields.GetValueOrDefault("rejected")) is { } rejected)
        {
            (fields["chosen"], fields["rejected"]) = (chosen, rejected);
        }
        return new(path, (int)csv.LineNumber, JsonSerializer.SerializeToElement(fields, JsonFormat.Line));
    }

    private static string Messages(IReadOnlyList<ChatMessage> chat) => JsonSerializer.Serialize(chat, JsonFormat.Line);

    private static bool IsPlain(PreferenceRecord record, IReadOnlyList<ChatMessage> chat) =>
        chat.Count == 2 && chat[0] == new ChatMessage("user", record.Prompt) && AsChat(chat[1].Content) is null;

    private static JsonElement? AsChat(object? cell)
    {
        if (cell is not string text || !text.StartsWith("[{", StringComparison.Ordinal))
        {
            return null;
        }
        try
        {
            var json = JsonElement.Parse(text);
            return json.EnumerateArray().All(turn => turn.ValueKind == JsonValueKind.Object && turn.TryGetProperty("role", out _)) ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Opens a strict reader: a cell too many or a stray quote is an error with its line.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    internal static CsvReader Open(string path)
    {
        try
        {
            var stream = File.OpenRead(path);
            return CsvReader.Create(stream, new CsvReaderOptions
            {
                Separator = Separator(stream),
                TrackLineNumbers = true,
                MalformedData = CsvMalformedDataHandling.Throw,
                FieldCountMismatch = CsvFieldCountHandling.Throw,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give the path of a readable CSV file");
        }
    }

    // A spreadsheet set to a language with decimal commas writes semicolons: the header, whose names hold neither, tells.
    private static char Separator(FileStream stream)
    {
        if (!stream.CanSeek)
        {
            return ',';
        }
        var header = new StreamReader(stream, leaveOpen: true).ReadLine() ?? "";
        stream.Position = 0;
        return header.Contains(';', StringComparison.Ordinal) && !header.Contains(',', StringComparison.Ordinal) ? ';' : ',';
    }
}
