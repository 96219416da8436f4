// PairRM has one place for what was asked. LLM-Blender writes a chat there with USER: before each user turn; it compares
// whole chats and so leaves blanks for the answers, which are then the candidates. Here only the last answer differs:
// earlier answers stand in the chat, where they cost the candidates no room.
namespace Selm.Research.Ranking;

/// <summary>The source text under which PairRM compares candidates.</summary>
internal static class PairRmTexts
{
    /// <summary>A single question as it is; a chat as one text, each turn after its role, the system's included.</summary>
    public static string Source(RankRequest request) => !request.IsChat
        ? request.Prompt
        : string.Join('\n', request.Conversation.Select(turn => $"{turn.Role.ToUpperInvariant()}: {turn.Content}"));
}
