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
    public void a_chat_reaches_pairrm_as_llm_blender_writes_conversations()
    {
        var request = RankRequest.Of(Salt, ["Salt keeps food from spoiling."]);
        Assert.Equal(
            "Finish the following coversation in each i-th turn by filling in <Response i> with your response."
            + "USER: Hello there.\nAssistant: <Response 1>\nUSER: Name a use of salt.\nAssistant: <Response 2>",
            PairRmTexts.Source(request));
        Assert.Equal("<Response 1>: Hello. What can I do?\n<Response 2>: Salt keeps food from spoiling.", PairRmTexts.Candidate(request, request.Candidates[0]));
    }

    [Fact]
    public void a_single_question_reaches_pairrm_as_it_is_and_a_system_turn_stands_before_it()
    {
        var plain = new RankRequest("Name a use of salt.", ["a"]);
        Assert.Equal(("Name a use of salt.", "a"), (PairRmTexts.Source(plain), PairRmTexts.Candidate(plain, "a")));
        var one = RankRequest.Of(Salt[2..], ["a"]);
        Assert.Equal(("Name a use of salt.", "a"), (PairRmTexts.Source(one), PairRmTexts.Candidate(one, "a")));
        var system = RankRequest.Of([new("system", "Answer in one word."), Salt[2]], ["a"]);
        Assert.Equal(("Answer in one word.\nName a use of salt.", "a"), (PairRmTexts.Source(system), PairRmTexts.Candidate(system, "a")));
    }

    [Fact]
    public void chats_without_turns_in_order_are_refused()
    {
        foreach (ChatMessage[] turns in (ChatMessage[][])[[new("user", "a"), new("user", "b")], [new("user", "a"), new("assistant", "b")], [new("user", "a"), new("tool", "b"), new("user", "c")]])
        {
            Assert.Contains("take turns", Assert.Throws<InputException>(() => PairRmTexts.Source(RankRequest.Of(turns, ["x"]))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void every_turn_before_the_answer_changes_what_pairrm_says()
    {
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        string[] candidates = ["Salt keeps food from spoiling.", "No idea.", "Blue."];
        double[] Scores(params ChatMessage[] turns) => ranker.Rank([RankRequest.Of(turns, candidates)])[0].Scores;
        var salt = Scores(Salt);
        Assert.NotEqual(salt, Scores([Salt[0], Salt[1], new("user", "Name a colour of the sky.")]));
        Assert.NotEqual(salt, Scores([new("user", "Good night."), Salt[1], Salt[2]]));
        Assert.NotEqual(salt, Scores([Salt[0], new("assistant", "Yes?"), Salt[2]]));
        Assert.NotEqual(salt, Scores([new("system", "Be brief."), .. Salt]));
        Assert.NotEqual(salt, ((IRanker)ranker).Rank("Hello there.", candidates).Scores);
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
