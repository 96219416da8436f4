// Reads what people have: UltraFeedback's shape, plain texts, or pairs that a judge scored; the shape is found per line.
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>The records of a file, and how many judged pairs were left out because they tie.</summary>
/// <param name="Records">The pairs in the order of the file.</param>
/// <param name="TiesDropped">Judged pairs without a better answer.</param>
public sealed record PreferenceSet(IReadOnlyList<PreferenceRecord> Records, int TiesDropped);

/// <summary>Reads and writes preference pairs as JSONL; reads CSV too.</summary>
public static class PreferenceFile
{
    /// <summary>Reads a .jsonl or .csv file. Each row has one of three shapes:
    /// UltraFeedback's (chosen and rejected are lists of {role, content}); plain
    /// ({"prompt", "chosen", "rejected"} as texts); judged ({"instruction", "output_1", "output_2", "preference"}, a
    /// preference from 1 to 2, above 1.5 where output_2 is better, a tie at 1.5).</summary>
    /// <param name="path">The file.</param>
    /// <param name="readsY">What reads y, such as "loss selm", where every row must have a reference_response; null asks for none.</param>
    /// <exception cref="InputException">The file is missing or holds no pair; a row is broken, has no known shape, an
    /// empty prompt, chats that differ before the answer or no y where one is asked for; each with file and line.</exception>
    public static PreferenceSet Read(string path, string? readsY = null)
    {
        var rows = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" => PreferenceCsv.Rows(path),
            ".parquet" => throw new InputException($"{path} is Parquet, which is not read; convert it to JSONL (one object per line) first."),
            _ => Jsonl.Read(path),
        };
        var records = new List<PreferenceRecord>();
        var ties = 0;
        foreach (var row in rows)
        {
            if (FromRow(row) is { } record)
            {
                if (readsY is not null && record.ReferenceResponse is null)
                {
                    throw row.Error($"{readsY} reads y, but the field \"reference_response\" is missing; add the reference model's answer or take a loss without y, such as loss: {{kind: dpo}}");
                }
                records.Add(record with { Place = row.Place });
            }
            else
            {
                ties++;
            }
        }
        return records.Count > 0
            ? new(records, ties)
            : throw new InputException($"{path} holds no preference pair{(ties > 0 ? $" but {ties} ties" : "")}; give a file with at least one.");
    }

    /// <summary>Writes records as one atomic JSONL file in UltraFeedback's shape plus the kit's fields.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<PreferenceRecord> records) => Jsonl.Write(path, records);

    /// <summary>One row as a record, or null for a judged tie.</summary>
    /// <exception cref="InputException">As <see cref="Read"/>.</exception>
    public static PreferenceRecord? FromRow(JsonRow row)
    {
        if (row.Has("instruction") && row.Has("preference"))
        {
            return FromJudged(row);
        }
        if (!row.Has("chosen") || !row.Has("rejected"))
        {
            throw row.Error("neither \"chosen\" and \"rejected\" nor \"instruction\", \"output_1\", \"output_2\" and \"preference\" are there; add them");
        }
        var record = row.Field("chosen").ValueKind == JsonValueKind.Array ? FromChats(row) : FromTexts(row);
        return record with
        {
            PromptId = row.TextOrNull("prompt_id"),
            Messages = row.Has("messages") ? Chat(row, "messages") : null,
            ScoreChosen = row.NumberOrNull("score_chosen"),
            ScoreRejected = row.NumberOrNull("score_rejected"),
            ReferenceResponse = row.TextOrNull("reference_response"),
            ReferenceRole = Role(row),
            Iteration = row.WholeNumberOrNull("iteration"),
            Ranks = ThreeOf(row, "ranks", (r, name) => r.WholeNumber(name)),
            Scores = ThreeOf(row, "scores", (r, name) => r.Number(name)),
            Lengths = ThreeOf(row, "lengths", (r, name) => r.WholeNumber(name)),
            PolicyLogps = ThreeOf(row, "policy_logps", (r, name) => r.Number(name)),
            ReferenceLogps = ThreeOf(row, "reference_logps", (r, name) => r.Number(name)),
        };
    }

    private static PreferenceRecord? FromJudged(JsonRow row)
    {
        var prompt = NotEmpty(row, "instruction");
        var (first, second) = (row.Text("output_1"), row.Text("output_2"));
        return row.Number("preference") switch
        {
            >= 1 and < 1.5 => PreferenceRecord.FromTexts(prompt, first, second),
            > 1.5 and <= 2 => PreferenceRecord.FromTexts(prompt, second, first),
            1.5 => null,
            var other => throw row.Error(FormattableString.Invariant($"\"preference\" is {other} but must lie between 1 (output_1 is better) and 2; correct it")),
        };
    }

    private static PreferenceRecord FromTexts(JsonRow row) =>
        PreferenceRecord.FromTexts(NotEmpty(row, "prompt"), row.Text("chosen"), row.Text("rejected"));

    private static PreferenceRecord FromChats(JsonRow row)
    {
        var (chosen, rejected) = (Chat(row, "chosen"), Chat(row, "rejected"));
        foreach (var (name, chat) in new[] { ("chosen", chosen), ("rejected", rejected) })
        {
            if (chat.Count < 2 || chat[^1].Role != "assistant")
            {
                throw row.Error($"\"{name}\" must hold at least a prompt and end in a turn of the assistant; complete the chat");
            }
        }
        if (!chosen.Take(chosen.Count - 1).SequenceEqual(rejected.Take(rejected.Count - 1)))
        {
            throw row.Error("\"chosen\" and \"rejected\" differ before the last turn; both must answer the same prompt");
        }
        if (chosen.FirstOrDefault(turn => turn.Role == "user") is not { } user || string.IsNullOrWhiteSpace(user.Content))
        {
            throw row.Error("the prompt is empty; write one or delete that line");
        }
        return new() { Prompt = row.Has("prompt") ? NotEmpty(row, "prompt") : user.Content, Chosen = chosen, Rejected = rejected };
    }

    private static string NotEmpty(JsonRow row, string name) => row.Text(name) is var text && !string.IsNullOrWhiteSpace(text)
        ? text
        : throw row.Error("the prompt is empty; write one or delete that line");

    /// <summary>A field that holds a chat: a list of {role, content}.</summary>
    /// <exception cref="InputException">It is not; with file and line.</exception>
    public static IReadOnlyList<ChatMessage> Chat(JsonRow row, string name)
    {
        var turns = row.Items(name, "a list of messages");
        var chat = new ChatMessage[turns.Length];
        for (var i = 0; i < turns.Length; i++)
        {
            if (turns[i].ValueKind != JsonValueKind.Object)
            {
                throw row.Error($"message {i} of \"{name}\" is not an object with \"role\" and \"content\"; correct it");
            }
            var turn = row with { Value = turns[i] };
            chat[i] = new(turn.Text("role"), turn.Text("content"));
        }
        return chat;
    }

    private static ReferenceRole? Role(JsonRow row) => row.TextOrNull("reference_role") switch
    {
        null => null,
        "chosen" => ReferenceRole.Chosen,
        "rejected" => ReferenceRole.Rejected,
        "middle" => ReferenceRole.Middle,
        var other => throw row.Error($"\"reference_role\" is '{other}' but must be chosen, rejected or middle; correct it"),
    };

    private static PerRole<T>? ThreeOf<T>(JsonRow row, string name, Func<JsonRow, string, T> read)
        where T : struct
    {
        if (!row.Has(name))
        {
            return null;
        }
        var roles = row with { Value = row.Field(name) };
        if (roles.Value.ValueKind != JsonValueKind.Object)
        {
            throw row.Error($"\"{name}\" must be an object with \"chosen\", \"rejected\" and, where there is one, \"reference\"; correct it");
        }
        return new(read(roles, "chosen"), read(roles, "rejected"), roles.Has("reference") ? read(roles, "reference") : null);
    }
}
