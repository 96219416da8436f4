using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>The rows of a benchmark's public file, in whichever form it was published.</summary>
internal static class PublicRows
{
    /// <summary>Reads a JSON list, JSONL, gzip of either, Parquet, or CSV (.csv).</summary>
    /// <param name="path">The file.</param>
    /// <param name="example">What an element of a list holds, for complaints.</param>
    /// <exception cref="InputException">The file is missing, empty or broken; the sentence names the line.</exception>
    internal static IEnumerable<JsonRow> Read(string path, string example) =>
        path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && File.Exists(path) && RowFile.Format(path) is "JSONL" or "JSON list" && !HasLines(path)
            ? List(path, example)
            : RowFile.Read(path);

    // A file may be called .json though each of its lines is an object.
    private static bool HasLines(string path)
    {
        var lines = File.ReadLines(path).Where(line => !string.IsNullOrWhiteSpace(line)).Take(2).ToList();
        return lines.Count == 2 && lines.TrueForAll(line => line.StartsWith('{') && line.TrimEnd().EndsWith('}'));
    }

    private static IEnumerable<JsonRow> List(string path, string example)
    {
        JsonElement list;
        try
        {
            var bytes = File.ReadAllBytes(path);
            list = bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty
                ? throw new InputException($"{path} is empty; give a list of objects with {example}.")
                : PythonJson.Parse(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes, path);
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} line {e.LineNumber + 1}: not valid JSON; repair or download the file again, and call it .jsonl where each line is an object of its own.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give the path of a readable file");
        }
        return list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select((item, i) => item.ValueKind == JsonValueKind.Object
                ? new JsonRow(path, i + 1, item) { Counted = "row" }
                : throw new InputException($"{path} row {i + 1} is not an object; give one with {example}."))
            : throw new InputException($"{path} is not a list; give a list of objects with {example}.");
    }
}
