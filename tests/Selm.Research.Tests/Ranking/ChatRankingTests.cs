using Selm.HuggingFace.Chat;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Tests;

namespace Selm.Research.Tests.Ranking;

/// <summary>A ranker is asked about the whole chat, in its own format.</summary>
public class ChatRankingTests
{
    private static readonly ChatMessage[] Salt = [new("user", "Hello there."), new("assistant", "Hello. What can I do?"), new("user", "Name a use of salt.")];

    [Fact]
    public void a_chat_reaches_pairrm_as_one_text()
    {
        Assert.Equal("USER: Hello there.\nASSISTANT: Hello. What can I do?\nUSER: Name a use of salt.", RankRequest.Of(Salt, ["a"]).Text);
        Assert.Equal("SYSTEM: Answer in one word.\nUSER: Name a use of salt.", RankRequest.Of([new("system", "Answer in one word."), Salt[2]], ["a"]).Text);
    }

    [Fact]
    public void a_single_question_reaches_pairrm_as_it_is()
    {
        Assert.Equal("Name a use of salt.", new RankRequest("Name a use of salt.", ["a"]).Text);
        Assert.Equal("Name a use of salt.", RankRequest.Of(Salt[2..], ["a"]).Text);
    }

    [Fact]
    public void pairrm_scores_a_chat_as_the_same_text_given_as_a_prompt()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        string[] candidates = ["Salt keeps food from spoiling.", "No idea."];
        Assert.Equal(
            ((IRanker)ranker).Rank("USER: Hello there.\nASSISTANT: Hello. What can I do?\nUSER: Name a use of salt.", candidates).Scores,
            ranker.Rank([RankRequest.Of(Salt, candidates)])[0].Scores);
    }

    [Fact]
    public void every_turn_before_the_answer_changes_what_pairrm_says()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        string[] candidates = ["Salt keeps food from spoiling.", "No idea.", "Blue."];
        double[] Scores(params ChatMessage[] turns) => ranker.Rank([RankRequest.Of(turns, candidates)])[0].Scores;
        // Short turns: the golden ranker cuts a source at 48 tokens.
        ChatMessage[] chat = [new("user", "Hi."), new("assistant", "Yes?"), new("user", "Salt?")];
        var scores = Scores(chat);
        Assert.NotEqual(scores, Scores(chat[0], chat[1], new("user", "Sky?")));
        Assert.NotEqual(scores, Scores(new("user", "No."), chat[1], chat[2]));
        Assert.NotEqual(scores, Scores(chat[0], new("assistant", "Oh."), chat[2]));
        Assert.NotEqual(scores, Scores([new("system", "Go."), .. chat]));
        Assert.NotEqual(scores, Scores(chat[2]));
        Assert.NotEqual(scores, Scores(chat[0]));
    }

    [Fact]
    public void the_request_of_a_record_has_all_turns_before_its_answers()
    {
        var record = PreferenceRecord.FromTexts("Hello there.", "x", "y") with { Chosen = [.. Salt, new("assistant", "good")], Rejected = [.. Salt, new("assistant", "bad")] };
        var request = Selection.Request(record, "mine");
        Assert.True(request.IsChat);
        Assert.Equal(Salt, request.Conversation);
        Assert.Equal("Name a use of salt.", request.Prompt);
        Assert.Equal(["mine", "good", "bad"], request.Candidates);
        Assert.False(Selection.Request(PreferenceRecord.FromTexts("q", "a", "b"), "c").IsChat);
    }

    [Fact]
    public void an_oracle_of_single_questions_refuses_a_chat() =>
        Assert.Contains(
            "a chat of 3 turns",
            Assert.Throws<InputException>(() => new OracleRanker((_, _) => 0).Rank([RankRequest.Of(Salt, ["a"])])).Message,
            StringComparison.Ordinal);

    [Fact]
    public void rows_of_selm_rank_may_be_chats()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """
            {"messages":[{"role":"user","content":"Hello there."},{"role":"assistant","content":"Hi."},{"role":"user","content":"Name a use of salt."}],"candidates":["a","b"]}
            {"prompt":"Name a use of salt.","candidates":["a","b"]}
            """);
        var seen = new List<RankRequest>();
        RankFile.Run(input, folder.File("out.jsonl"), new Listening(seen));
        Assert.Equal(3, seen[0].Conversation.Count);
        Assert.False(seen[1].IsChat);
    }

    private sealed class Listening(List<RankRequest> seen) : IRanker
    {
        public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch)
        {
            seen.AddRange(batch);
            return [.. batch.Select(request => RankedCandidates.FromScores(new double[request.Candidates.Count]))];
        }
    }
}
