using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Ranking;

public class RankFileTests
{
    private static readonly OracleRanker ByLength = new((_, response) => response.Length);

    [Fact]
    public void rows_come_back_with_their_own_fields_scores_and_ranks()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """
            {"id":12345678901234567890,"prompt":"p","candidates":["a","ccc","bb","ddd"],"ranks":"old"}

            {"prompt":"ü","candidates":["é"]}
            """);
        Assert.Equal(2, RankFile.Run(input, folder.File("out.jsonl"), ByLength));
        Assert.Equal(
            "{\"id\":12345678901234567890,\"prompt\":\"p\",\"candidates\":[\"a\",\"ccc\",\"bb\",\"ddd\"],\"ranks\":[4,1,3,1],\"scores\":[1,3,2,3]}\n"
            + "{\"prompt\":\"ü\",\"candidates\":[\"é\"],\"scores\":[1],\"ranks\":[1]}\n",
            File.ReadAllText(folder.File("out.jsonl")));
    }

    [Theory]
    [InlineData("""{"candidates":["a"]}""", "\"prompt\" is missing")]
    [InlineData("""{"prompt":" ","candidates":["a"]}""", "the prompt is empty")]
    [InlineData("""{"prompt":"p"}""", "\"candidates\" is missing")]
    [InlineData("""{"prompt":"p","candidates":[]}""", "\"candidates\" is empty")]
    [InlineData("""{"prompt":"p","candidates":["a",1]}""", "element 1 of \"candidates\" is not text")]
    [InlineData("""{"prompt":"p","candidates":["\ud800"]}""", "half of a surrogate pair")]
    [InlineData("""{"prompt":""", "not valid JSON")]
    public void a_broken_row_is_named_with_its_line_before_anything_is_ranked(string row, string expected)
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", "{\"prompt\":\"p\",\"candidates\":[\"a\"]}\n" + row + "\n");
        var ranked = 0;
        var error = Assert.Throws<InputException>(() => RankFile.Run(input, folder.File("out.jsonl"), new OracleRanker((_, _) => ++ranked), batchSize: 1));
        Assert.StartsWith(input + " line 2: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(0, ranked);
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Fact]
    public void a_failing_ranker_and_an_empty_file_leave_no_output()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", "{\"prompt\":\"p\",\"candidates\":[\"a\"]}\n");
        Assert.Throws<InputException>(() => RankFile.Run(input, folder.File("out.jsonl"), new OracleRanker((_, _) => double.NaN)));
        var empty = folder.Write("empty.jsonl", "\n");
        Assert.StartsWith(empty + " has no rows", Assert.Throws<InputException>(() => RankFile.Run(empty, folder.File("out.jsonl"), ByLength)).Message, StringComparison.Ordinal);
        Assert.Equal(["empty.jsonl", "in.jsonl"], folder.Names());
    }

    [Fact]
    public void rows_are_collated_in_order_and_the_reward_model_sees_a_batch_at_once()
    {
        using var folder = new TempFolder();
        var input = folder.File("in.jsonl");
        Jsonl.Write(input, Enumerable.Range(0, 5).Select(k => new { Prompt = $"p{k}", Candidates = Enumerable.Range(0, k + 1).Select(c => $"{k}{c}") }));
        var calls = new List<string>();
        var done = new List<int>();
        var ranker = new RewardModelRanker(pairs =>
        {
            calls.Add(string.Join(' ', pairs.Select(p => p.Prompt + p.Response)));
            return [.. pairs.Select(p => double.Parse(p.Response, System.Globalization.CultureInfo.InvariantCulture))];
        });
        RankFile.Run(input, folder.File("out.jsonl"), ranker, batchSize: 2, new Recorder(done));
        Assert.Equal(["p000 p110 p111", "p220 p221 p222 p330 p331 p332 p333", "p440 p441 p442 p443 p444"], calls);
        Assert.Equal([2, 4, 5], done);
        Assert.Equal([30.0, 31, 32, 33], Jsonl.Read(folder.File("out.jsonl")).ElementAt(3).Numbers("scores"));
        Assert.Equal([4, 3, 2, 1], Jsonl.Read(folder.File("out.jsonl")).ElementAt(3).WholeNumbers("ranks"));
        Assert.Throws<InvalidOperationException>(() => new RewardModelRanker(_ => []).Rank([new RankRequest("p", ["a"])]));
    }

    [Fact]
    public void pairrm_ranks_a_file_as_the_golden_batch()
    {
        using var folder = new TempFolder();
        var group = Golden.Json("hf-models", "pairrm", "expected.json").GetProperty("groups")[1];
        var input = folder.File("in.jsonl");
        Jsonl.Write(input, group.GetProperty("sources").EnumerateArray().Zip(group.GetProperty("candidates").EnumerateArray(), (prompt, candidates) => new { prompt, candidates }));
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        RankFile.Run(input, folder.File("out.jsonl"), ranker);
        var ranks = Jsonl.Read(folder.File("out.jsonl")).Select(row => row.WholeNumbers("ranks")).ToArray();
        Assert.Equal([[3, 1, 5, 2, 4], [2, 5, 1, 3, 4]], ranks);
    }

    private sealed class Recorder(List<int> done) : IProgress<int>
    {
        public void Report(int value) => done.Add(value);
    }
}
