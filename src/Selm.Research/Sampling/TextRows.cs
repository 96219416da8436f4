// The rows of `selm logprobs` and `selm generate`. Token ids win over messages, messages over prompt: data sets in
// UltraFeedback's shape carry the first question as "prompt" beside the whole chat.
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Sampling;

/// <summary>JSONL rows to token ids; every complaint names file and line.</summary>
internal static class TextRows
{
    /// <summary>Reads a whole file before anything is computed, so that its last line cannot waste the work on the others.</summary>
    /// <param name="input">The file.</param>
    /// <param name="read">From one row to what is computed on.</param>
    /// <param name="example">A row as it should look, for an empty file.</param>
    /// <returns>The rows, to be written again, and what was made of each.</returns>
    internal static (IReadOnlyList<JsonRow> Rows, IReadOnlyList<T> Values) Read<T>(string input, Func<JsonRow, T> read, string example)
    {
        var (rows, values) = (new PackedRows(), new List<T>());
        foreach (var row in Jsonl.Read(input))
        {
            rows.Add(row.Repeatable());
            values.Add(read(row));
        }
        return rows.Count > 0 ? (rows.As(row => row), values) : throw new InputException($"{input} has no rows; put one {example} on each line.");
    }

    /// <summary>The prompt of a row: "input_ids", "messages" or "prompt".</summary>
    internal static int[] Prompt(JsonRow row, ModelFolder model)
    {
        var ids = row.Has("input_ids") ? Ids(row, model)
            : row.Has("messages") ? Encoded(row, model.PromptIds, Question(row))
            : row.Has("prompt") ? Text(row, model)
            : throw row.Error("it has neither \"input_ids\" nor \"messages\" nor \"prompt\"; add one of them");
        if (ids.Length == 0)
        {
            throw row.Error("the prompt is empty; write one or delete that line");
        }
        return ids.Length < model.Model.Config.MaxPositionEmbeddings
            ? ids
            : throw row.Error($"the prompt has {ids.Length} tokens, but the model's context of {model.Model.Config.MaxPositionEmbeddings} must also hold a response; shorten it");
    }

    /// <summary>Prompt and response of a row: "input_ids" and "response_start", "messages", or "prompt" and "response".</summary>
    internal static TokenRow PromptAndResponse(JsonRow row, ModelFolder model)
    {
        var result = row.Has("input_ids") ? Split(row, Ids(row, model))
            : row.Has("messages") ? Chat(row, model)
            : row.Has("prompt") ? Join(Text(row, model), Encoded(row, text => model.ResponseIds(row.Text("prompt"), text), row.Text("response")))
            : throw row.Error("it has neither \"input_ids\" with \"response_start\" nor \"messages\" nor \"prompt\" with \"response\"; add one of them");
        var context = model.Model.Config.MaxPositionEmbeddings;
        return result.Length <= context
            ? result
            : throw row.Error($"prompt and response have {result.ResponseStart} + {result.Length - result.ResponseStart} tokens, but the model's context has {context}; shorten one");
    }

    private static int[] Ids(JsonRow row, ModelFolder model)
    {
        var ids = row.WholeNumbers("input_ids");
        var vocabulary = model.Model.Config.VocabSize;
        var outside = Array.FindIndex(ids, id => id < 0 || id >= vocabulary);
        return outside < 0
            ? ids
            : throw row.Error($"element {outside} of \"input_ids\" is {ids[outside]}, but the model's vocabulary has the ids 0 to {vocabulary - 1}; encode the text with this model's tokenizer");
    }

    private static TokenRow Split(JsonRow row, int[] ids)
    {
        var start = row.WholeNumber("response_start");
        return start >= 1 && start < ids.Length
            ? new TokenRow(ids, start)
            : throw row.Error($"\"response_start\" is {start}, but of {ids.Length} tokens the response must start after the first and before the end; correct it");
    }

    private static TokenRow Chat(JsonRow row, ModelFolder model)
    {
        var turns = PreferenceFile.Chat(row, "messages");
        if (turns is not [_, .., { Role: "assistant" } answer])
        {
            throw row.Error("\"messages\" must hold a question and end in the assistant's answer; complete it");
        }
        IReadOnlyList<ChatMessage> question = [.. turns.SkipLast(1)];
        return Join(Encoded(row, model.PromptIds, question), Encoded(row, text => model.ResponseIds(question, text), answer.Content));
    }

    private static IReadOnlyList<ChatMessage> Question(JsonRow row)
    {
        var turns = PreferenceFile.Chat(row, "messages");
        return turns switch
        {
            [] => throw row.Error("\"messages\" is empty; write a user's turn"),
            [.., { Role: "assistant" }] => throw row.Error("\"messages\" ends in the assistant's turn, which is what is to be generated; leave that turn out"),
            _ => turns,
        };
    }

    private static int[] Text(JsonRow row, ModelFolder model)
    {
        var text = row.Text("prompt");
        return string.IsNullOrWhiteSpace(text)
            ? throw row.Error("the prompt is empty; write one or delete that line")
            : Encoded(row, model.PromptIds, text);
    }

    // What tokenizer and template complain about becomes a complaint about the row.
    private static int[] Encoded<T>(JsonRow row, Func<T, int[]> encode, T text)
    {
        try
        {
            return encode(text);
        }
        catch (InputException e)
        {
            throw row.Error(e.Message.TrimEnd('.'));
        }
    }

    private static TokenRow Join(int[] prompt, int[] response) => new([.. prompt, .. response], prompt.Length);
}
