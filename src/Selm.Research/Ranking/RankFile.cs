using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Ranking;

/// <summary>
/// The files of <c>selm rank</c>: each line {"prompt", "candidates": [..]}, or with a chat as "messages" instead of "prompt", comes out as the same plus
/// {"scores": [..], "ranks": [..]}; higher scores are better, rank 1 is best, ties share the lower rank.
/// </summary>
public static class RankFile
{
    /// <summary>Rows that are collated together where the caller does not say.</summary>
    public const int DefaultBatchSize = 8;

    /// <summary>Ranks a file. All rows are checked before the first is ranked; the output appears only when it is whole.</summary>
    /// <param name="input">JSONL with "prompt" or "messages", and "candidates".</param>
    /// <param name="output">Where the ranked rows go.</param>
    /// <param name="ranker">Orders the candidates.</param>
    /// <param name="batchSize">Rows collated together, in the order of the file.</param>
    /// <param name="progress">Told the number of rows done so far.</param>
    /// <returns>The number of rows.</returns>
    /// <exception cref="InputException">A file is missing or cannot be written; a row is broken, with its line.</exception>
    public static int Run(string input, string output, IRanker ranker, int batchSize = DefaultBatchSize, IProgress<int>? progress = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var rows = new PackedRows();
        foreach (var row in Jsonl.Read(input))
        {
            Check(row.Repeatable(), Request(row), ranker);
            rows.Add(row);
        }
        if (rows.Count == 0)
        {
            throw new InputException($"{input} has no rows; put one {{\"prompt\": .., \"candidates\": [..]}} on each line.");
        }
        using var writer = new JsonlWriter(output);
        var done = 0;
        foreach (var batch in rows.As(row => row).Chunk(batchSize))
        {
            var ranked = ranker.Rank([.. batch.Select(Request)]);
            foreach (var (row, result) in batch.Zip(ranked))
            {
                writer.Write(Extended(row, result));
            }
            progress?.Report(done += batch.Length);
        }
        writer.Commit();
        return rows.Count;
    }

    private static void Check(JsonRow row, RankRequest request, IRanker ranker)
    {
        try
        {
            ranker.Check(request);
        }
        catch (InputException e)
        {
            throw row.Error(e.Message.TrimEnd('.'));
        }
    }

    private static RankRequest Request(JsonRow row)
    {
        if (row.Has("messages"))
        {
            var turns = PreferenceFile.Chat(row, "messages");
            return turns is [.., { Role: "user" }]
                ? RankRequest.Of(turns, Candidates(row))
                : throw row.Error("\"messages\" must end in the user's turn that the candidates answer; complete it or cut it there");
        }
        var prompt = row.Text("prompt");
        if (string.IsNullOrWhiteSpace(prompt))
        {
            throw row.Error("the prompt is empty; give a prompt");
        }
        return new RankRequest(prompt, Candidates(row));
    }

    private static string[] Candidates(JsonRow row) => row.Texts("candidates") is { Length: > 0 } candidates
        ? candidates
        : throw row.Error("\"candidates\" is empty; give at least one response");

    // The row's own fields as they are, in their order.
    private static Dictionary<string, object> Extended(JsonRow row, RankedCandidates ranked)
    {
        var fields = new Dictionary<string, object>();
        foreach (var property in row.Value.EnumerateObject())
        {
            fields[property.Name] = property.Value;
        }
        fields["scores"] = ranked.Scores;
        fields["ranks"] = ranked.Ranks;
        return fields;
    }
}
