// Reads what people have: UltraFeedback's shape, plain texts, or pairs that a judge scored; the shape is found per line.
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Chat;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>The records of a file, and how many judged pairs were left out because they tie.</summary>
/// <param name="Records">The pairs in the order of the file. Each is made of its row when it is asked for, anew each time.</param>
/// <param name="TiesDropped">Judged pairs without a better answer.</param>
public sealed record PreferenceSet(IReadOnlyList<PreferenceRecord> Records, int TiesDropped)
{
    /// <summary>Pairs whose two responses are the same text.</summary>
    public int Equal { get; init; }
}

/// <summary>Reads preference pairs in the forms and shapes that people have; writes them as JSONL.</summary>
public static partial class PreferenceFile
{
    private static readonly string[][] s_columns = [["chosen", "rejected"], ["instruction", "output_1", "output_2", "preference"]];

    /// <summary>
    /// Reads JSONL, a JSON list, gzip of either, Parquet, all recognised by their first bytes, or a .csv file. Each row has one of these shapes:
    /// UltraFeedback's, which is also the implicit prompt of TRL (chosen and rejected are whole chats, lists of {role, content});
    /// TRL's explicit prompt (prompt is the list of messages before the answers, chosen and rejected the assistant's turns or, as
    /// in OpenRLHF, the whole chats, which must begin with it); plain ({"prompt", "chosen", "rejected"}, each answer text, the prompt text or
    /// messages); Orca's ({"system", "question" or "input", "chosen", "rejected"}, all texts); HH's (chosen and rejected, or prompt and
    /// answers one after the other, are transcripts "\n\nHuman: .. \n\nAssistant: .."); judged ({"instruction", "output_1", "output_2", "preference"}, a preference from 1 to 2, above 1.5 where output_2 is better, a tie at 1.5).
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="readsY">What reads y, such as "loss selm", where every row must have a reference_response; null asks for none.</param>
    /// <exception cref="InputException">The file is missing or holds no pair; a row is broken, has no known shape, an
    /// empty prompt, chats that differ before the answer or no y where one is asked for; each with file and line.</exception>
    public static PreferenceSet Read(string path, string? readsY = null) => Read([path], readsY);

    /// <summary>The pairs of several files, one file after the other.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="readsY">As above.</param>
    /// <exception cref="InputException">As above, for each file.</exception>
    public static PreferenceSet Read(IEnumerable<string> paths, string? readsY = null)
    {
        var (pairs, ties, equal) = (new PackedRows(), 0, 0);
        foreach (var path in paths)
        {
            var (before, tiesBefore) = (pairs.Count, ties);
            foreach (var row in RowFile.Read(path, s_columns))
            {
                if (FromRow(row) is not { } record)
                {
                    ties++;
                    continue;
                }
                if (readsY is not null && record.ReferenceResponse is null)
                {
                    throw row.Error($"{readsY} reads y, but the field \"reference_response\" is missing; add the reference model's answer or take a loss without y, such as loss: {{kind: dpo}}");
                }
                pairs.Add(row);
                equal += record.ChosenResponse == record.RejectedResponse ? 1 : 0;
            }
            if (pairs.Count == before)
            {
                throw new InputException($"{path} holds no preference pair{(ties > tiesBefore ? $" but {ties - tiesBefore} ties" : "")}; give a file with at least one.");
            }
        }
        return new(pairs.As(row => FromRow(row)! with { Place = row.Place }), ties) { Equal = equal };
    }

    /// <summary>Writes records as one atomic JSONL file in UltraFeedback's shape plus the kit's fields.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<PreferenceRecord> records) => Jsonl.Write(path, records);

    /// <summary>One row as a record, or null for a judged tie.</summary>
    /// <exception cref="InputException">As <see cref="Read(string, string?)"/>.</exception>
    public static PreferenceRecord? FromRow(JsonRow row)
    {
        if (row.Has("instruction") && row.Has("preference"))
        {
            return FromJudged(row);
        }
        if (((string[])["chosen", "rejected"]).FirstOrDefault(name => row.Value.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Null) is { } empty)
        {
            throw row.Error($"\"{empty}\" is null; write the answer or delete that {row.Counted}");
        }
        if (!row.Has("chosen") || !row.Has("rejected"))
        {
            throw row.Error("neither \"chosen\" and \"rejected\" nor \"instruction\", \"output_1\", \"output_2\" and \"preference\" are there; add them");
        }
        var record = IsChat(row, "prompt") || IsChat(row, "chosen") || IsChat(row, "rejected") ? FromChats(row) : IsTranscript(row) ? FromTranscripts(row) : FromTexts(row);
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
            CutOff = ThreeOf(row, "cut_off", (r, name) => r.Flag(name)),
            PolicyLogps = ThreeOf(row, "policy_logps", (r, name) => r.Number(name)),
            ReferenceLogps = ThreeOf(row, "reference_logps", (r, name) => r.Number(name)),
        };
    }

    /// <summary>The name of the shape of a row that <see cref="FromRow"/> reads.</summary>
    internal static string Shape(JsonRow row)
    {
        if (row.Has("instruction") && row.Has("preference"))
        {
            return "judged: instruction, two outputs, a preference";
        }
        if (!IsChat(row, "prompt") && !IsChat(row, "chosen") && !IsChat(row, "rejected") && (IsTranscript(row) || QuestionName(row) != "prompt"))
        {
            return IsTranscript(row) ? "HH: transcripts of Human and Assistant" : $"Orca: {QuestionName(row)}{(row.Has("system") ? " and system" : "")} as text, answers as text";
        }
        var answers = IsChat(row, "chosen") ? Chat(row, "chosen") is [{ Role: "assistant" }, ..] ? "the assistant's turns" : "whole chats" : "text";
        return !row.Has("prompt") ? $"no prompt, answers as {answers}"
            : IsChat(row, "prompt") ? $"prompt as messages, answers as {answers}"
            : answers == "whole chats" ? "UltraFeedback: prompt as text, answers as whole chats"
            : $"prompt as text, answers as {answers}";
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

    private static PreferenceRecord FromTexts(JsonRow row)
    {
        var prompt = NotEmpty(row, QuestionName(row));
        var record = PreferenceRecord.FromTexts(prompt, row.Text("chosen"), row.Text("rejected"));
        return row.TextOrNull("system") is { } system && !string.IsNullOrWhiteSpace(system)
            ? record with { Chosen = [new("system", system), .. record.Chosen], Rejected = [new("system", system), .. record.Rejected] }
            : record;
    }

    // Orca's pairs call the prompt a question, others an input.
    private static string QuestionName(JsonRow row) => row.Has("prompt") ? "prompt" : row.Has("question") ? "question" : row.Has("input") ? "input" : "prompt";

    // A prompt of another kind may begin with the word Human too; one of HH's ends where the assistant begins.
    private static bool IsTranscript(JsonRow row) => row.Has("prompt")
        ? row.Field("prompt").ValueKind == JsonValueKind.String && row.Text("prompt") is var prompt && prompt.TrimEnd().EndsWith("\n\nAssistant:", StringComparison.Ordinal) && BeginsWithSpeaker(prompt)
        : QuestionName(row) == "prompt" && row.Field("chosen").ValueKind == JsonValueKind.String && BeginsWithSpeaker(row.Text("chosen"));

    private static bool BeginsWithSpeaker(string text) => OfSpeakers().Match(text) is { Success: true, Index: 0 };

    private static PreferenceRecord FromTranscripts(JsonRow row)
    {
        var before = row.TextOrNull("prompt") ?? "";
        return Joined(row, Transcript(row, "chosen", before), Transcript(row, "rejected", before));
    }

    private static List<ChatMessage> Transcript(JsonRow row, string name, string before)
    {
        var text = before + row.Text(name);
        var speakers = OfSpeakers().Matches(text);
        List<ChatMessage> chat = [.. speakers.Select((speaker, i) => new ChatMessage(
            speaker.Groups[1].Value == "Human" ? "user" : "assistant",
            text[(speaker.Index + speaker.Length)..(i + 1 < speakers.Count ? speakers[i + 1].Index : text.Length)].Trim()))];
        return chat is [_, .., { Role: "assistant" }] && speakers[0].Index == 0
            ? chat
            : throw row.Error($"\"{name}\" must begin with Human: and end in a turn of Assistant:; complete the transcript");
    }

    [GeneratedRegex(@"(?:\A\s*|\n\n)(Human|Assistant):")]
    private static partial Regex OfSpeakers();

    private static PreferenceRecord FromChats(JsonRow row)
    {
        // What stands before the answers, where the row says so itself.
        IReadOnlyList<ChatMessage> prompt = IsChat(row, "prompt") ? Chat(row, "prompt") : row.Has("prompt") ? [new("user", NotEmpty(row, "prompt"))] : [];
        var record = Joined(row, WholeChat(row, "chosen", prompt), WholeChat(row, "rejected", prompt));
        return row.Has("prompt") && !IsChat(row, "prompt") ? record with { Prompt = NotEmpty(row, "prompt") } : record;
    }

    private static PreferenceRecord Joined(JsonRow row, List<ChatMessage> chosen, List<ChatMessage> rejected)
    {
        if (!chosen.Take(chosen.Count - 1).SequenceEqual(rejected.Take(rejected.Count - 1)))
        {
            throw row.Error("\"chosen\" and \"rejected\" differ before the last turn; both must answer the same prompt");
        }
        if (chosen.FirstOrDefault(turn => turn.Role == "user") is not { } user || string.IsNullOrWhiteSpace(user.Content))
        {
            throw row.Error("the prompt is empty; write one or delete that line");
        }
        return new() { Prompt = user.Content, Chosen = chosen, Rejected = rejected };
    }

    /// <summary>The chat that ends in an answer: the answer's text or turns behind the prompt, or a whole chat as it is.</summary>
    private static List<ChatMessage> WholeChat(JsonRow row, string name, IReadOnlyList<ChatMessage> prompt)
    {
        var turns = IsChat(row, name) ? Chat(row, name) : [new("assistant", row.Text(name))];
        var repeats = turns.Count > prompt.Count && prompt.SequenceEqual(turns.Take(prompt.Count));
        List<ChatMessage> chat = turns is [{ Role: "assistant" }, ..] && !(repeats && prompt.Count > 0) ? [.. prompt, .. turns] : [.. turns];
        if (chat.Count < 2 || chat[^1].Role != "assistant")
        {
            throw row.Error($"\"{name}\" must hold at least a prompt and end in a turn of the assistant; complete the chat");
        }
        return chat.Count > turns.Count || repeats || !IsChat(row, "prompt")
            ? chat
            : throw row.Error($"\"{name}\" begins with other turns than \"prompt\"; repeat the prompt as it is, or give the assistant's turns only");
    }

    private static bool IsChat(JsonRow row, string name) => row.Has(name) && row.Field(name).ValueKind == JsonValueKind.Array;

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
            if (turn.Value.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.Null)
            {
                throw row.Error($"the content of message {i} of \"{name}\" is null; write it or delete that {row.Counted}");
            }
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
