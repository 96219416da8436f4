// A chat reaches PairRM in the words it was trained on: those of LLM-Blender's compare_conversations, spelling included.
// Only the system turn has no place there; it stands before the rest, as LLM-Blender puts an instruction before its input.
using Selm.HuggingFace.Chat;

namespace Selm.Research.Ranking;

/// <summary>The source and candidate texts that PairRM compares.</summary>
internal static class PairRmTexts
{
    private const string Instruction = "Finish the following coversation in each i-th turn by filling in <Response i> with your response.";

    /// <summary>The source: a single question as it is, a chat as its user turns with numbered blanks for the answers.</summary>
    /// <exception cref="InputException">User and assistant do not take turns.</exception>
    public static string Source(RankRequest request)
    {
        var system = request.Conversation.TakeWhile(turn => turn.Role == "system").Select(turn => turn.Content).ToArray();
        var turns = Turns(request);
        var text = turns is [var only] ? only.Content
            : Instruction + string.Join('\n', turns.Where(turn => turn.Role == "user").Select((turn, k) => $"USER: {turn.Content}\nAssistant: <Response {k + 1}>"));
        return string.Join('\n', [.. system, text]);
    }

    /// <summary>A candidate: the response to a single question as it is; in a chat all answers, numbered, the candidate last.</summary>
    public static string Candidate(RankRequest request, string response)
    {
        var turns = Turns(request);
        return turns.Length == 1
            ? response
            : string.Join('\n', turns.Where(turn => turn.Role == "assistant").Select(turn => turn.Content).Append(response).Select((answer, k) => $"<Response {k + 1}>: {answer}"));
    }

    private static ChatMessage[] Turns(RankRequest request)
    {
        ChatMessage[] turns = [.. request.Conversation.SkipWhile(turn => turn.Role == "system")];
        var wrong = Array.FindIndex([.. turns.Select((turn, k) => turn.Role == (k % 2 == 0 ? "user" : "assistant"))], fits => !fits);
        return wrong < 0 && turns.Length % 2 == 1
            ? turns
            : throw new InputException(
                $"PairRM compares chats in which user and assistant take turns and the user's turn is the last, but the roles are {string.Join(", ", request.Conversation.Select(turn => turn.Role))}; reorder or leave out that row.");
    }
}
