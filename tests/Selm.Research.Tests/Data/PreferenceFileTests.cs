using Selm.HuggingFace.Chat;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

public class PreferenceFileTests
{
    private const string Good = """{"prompt":"p","chosen":"a","rejected":"b"}""";

    private static string Message(TempFolder folder, string name, string text) =>
        Assert.Throws<InputException>(() => PreferenceFile.Read(folder.Write(name, text))).Message;

    [Fact]
    public void the_three_shapes_give_the_same_record()
    {
        using var folder = new TempFolder();
        var set = PreferenceFile.Read(folder.Write("f.jsonl", """
            {"prompt":"p","prompt_id":"1","chosen":[{"content":"p","role":"user"},{"content":"a","role":"assistant"}],"rejected":[{"content":"p","role":"user"},{"content":"b","role":"assistant"}],"messages":[{"content":"p","role":"user"},{"content":"a","role":"assistant"}],"score_chosen":8.5,"score_rejected":2}
            {"prompt":"p","chosen":"a","rejected":"b"}
            {"instruction":"p","output_1":"a","output_2":"b","preference":1.0000002}
            {"instruction":"p","output_1":"b","output_2":"a","preference":2}
            {"instruction":"p","output_1":"b","output_2":"a","preference":1.5}
            """));
        Assert.Equal((4, 1), (set.Records.Count, set.TiesDropped));
        Assert.All(set.Records, record =>
        {
            Assert.Equal(("p", "a", "b"), (record.Prompt, record.ChosenResponse, record.RejectedResponse));
            Assert.Equal([new ChatMessage("user", "p")], record.PromptMessages);
        });
        Assert.Equal(("1", 8.5, 2.0, 2), (set.Records[0].PromptId, set.Records[0].ScoreChosen, set.Records[0].ScoreRejected, set.Records[0].Messages!.Count));
    }

    [Fact]
    public void every_field_survives_writing_and_reading()
    {
        using var folder = new TempFolder();
        var record = PreferenceRecord.FromTexts("p \"q\"\n", "a", "") with
        {
            PromptId = "id",
            ScoreChosen = 1.5,
            ReferenceResponse = "y ü",
            ReferenceRole = ReferenceRole.Middle,
            Iteration = 2,
            Ranks = new(1, 3, 2),
            Scores = new(0.1, -0.2, double.NaN),
            Lengths = new(4, 5, 6),
            PolicyLogps = new(-1.25, -2.5, null),
            ReferenceLogps = new(-1, double.NegativeInfinity, -3),
        };
        PreferenceFile.Write(folder.File("f.jsonl"), [record, PreferenceRecord.FromTexts("x", "y", "z")]);
        var lines = File.ReadAllLines(folder.File("f.jsonl"));
        Assert.Equal("""{"prompt":"x","chosen":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}],"rejected":[{"role":"user","content":"x"},{"role":"assistant","content":"z"}]}""", lines[1]);
        Assert.Contains("\"reference_role\":\"middle\"", lines[0], StringComparison.Ordinal);
        var back = PreferenceFile.Read(folder.File("f.jsonl")).Records;
        PreferenceFile.Write(folder.File("g.jsonl"), back);
        Assert.Equal(lines, File.ReadAllLines(folder.File("g.jsonl")));
        Assert.Equal(record.Ranks, back[0].Ranks);
        Assert.Equal(record.Scores, back[0].Scores);
        Assert.Null(back[0].PolicyLogps!.Reference);
    }

    [Theory]
    [InlineData("""{"prompt":"  ","chosen":"a","rejected":"b"}""", "the prompt is empty")]
    [InlineData("""{"instruction":"","output_1":"a","output_2":"b","preference":1}""", "the prompt is empty")]
    [InlineData("""{"chosen":[{"role":"user","content":""},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":""},{"role":"assistant","content":"b"}]}""", "the prompt is empty")]
    [InlineData("""{"prompt":"p","chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""", "differ before the last turn")]
    [InlineData("""{"prompt":"p","chosen":[{"role":"user","content":"p"}],"rejected":[{"role":"user","content":"p"}]}""", "\"chosen\" must hold at least a prompt")]
    [InlineData("""{"prompt":"p","chosen":["a"],"rejected":["b"]}""", "message 0 of \"chosen\" is not an object")]
    [InlineData("""{"prompt":"p","chosen":[{"role":"user"}],"rejected":[]}""", "the field \"content\" is missing")]
    [InlineData("""{"instruction":"p","output_1":"a","output_2":"b","preference":0}""", "\"preference\" is 0 but must lie between 1")]
    [InlineData("""{"prompt":"p","chosen":"a"}""", "neither \"chosen\" and \"rejected\" nor")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":"b","ranks":[1,2,3]}""", "\"ranks\" must be an object")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":"b","reference_role":"best"}""", "\"reference_role\" is 'best'")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":7}""", "the field \"rejected\" must be text")]
    public void a_bad_row_is_told_with_its_line(string row, string what)
    {
        using var folder = new TempFolder();
        var message = Message(folder, "f.jsonl", $"{Good}\n\n{row}\n");
        Assert.StartsWith(folder.File("f.jsonl") + " line 3: ", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_file_without_pairs_and_what_is_no_parquet_are_refused()
    {
        using var folder = new TempFolder();
        Assert.Contains("holds no preference pair but 1 ties", Message(folder, "f.jsonl", """{"instruction":"p","output_1":"a","output_2":"b","preference":1.5}"""), StringComparison.Ordinal);
        Assert.Contains("holds no preference pair;", Message(folder, "f.csv", ""), StringComparison.Ordinal);
        Assert.Contains("begins as Parquet but is cut off", Message(folder, "f.parquet", "PAR1"), StringComparison.Ordinal);
        Assert.Contains("is not Parquet although its name says so", Message(folder, "f.parquet", Good), StringComparison.Ordinal);
    }

    [Fact]
    public void csv_keeps_texts_of_several_lines_longer_chats_and_scores()
    {
        using var folder = new TempFolder();
        PreferenceRecord[] records =
        [
            PreferenceRecord.FromTexts("say \"hi\", twice", "hi\r\nhi", "") with { ScoreChosen = 0.1, PromptId = "7", ReferenceResponse = "ho" },
            new()
            {
                Prompt = "one",
                Chosen = [new("system", "s"), new("user", "one"), new("assistant", "1"), new("user", "two"), new("assistant", "2")],
                Rejected = [new("system", "s"), new("user", "one"), new("assistant", "1"), new("user", "two"), new("assistant", "no")],
            },
            PreferenceRecord.FromTexts("a trap", """[{"role":"user"}]""", "[{"),
        ];
        PreferenceCsv.Write(folder.File("f.csv"), records);
        PreferenceFile.Write(folder.File("want.jsonl"), records);
        PreferenceFile.Write(folder.File("have.jsonl"), PreferenceFile.Read(folder.File("f.csv")).Records);
        Assert.Equal(File.ReadAllText(folder.File("want.jsonl")), File.ReadAllText(folder.File("have.jsonl")));
    }

    [Theory]
    [InlineData("prompt,chosen,rejected\np,a,b\n\" \",a,b\n", "line 3: the prompt is empty")]
    [InlineData("prompt,chosen,rejected\n\"p\np\",a,b\n,a,b\n", "line 4: the prompt is empty")]
    [InlineData("prompt,chosen,rejected\np,\"a,b\n", "not valid CSV")]
    [InlineData("prompt,chosen,rejected\np,a\n", "line 2: not valid CSV")]
    [InlineData("prompt,chosen,rejected,score_chosen\np,a,b,high\n", "line 2: the field \"score_chosen\" must be a number")]
    [InlineData("instruction,output_1,output_2,preference\np,a,b,3\n", "line 2: \"preference\" is 3")]
    public void bad_csv_is_told_with_its_line(string text, string what)
    {
        using var folder = new TempFolder();
        Assert.Contains(what, Message(folder, "f.csv", text), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void the_hundred_judged_pairs_read_and_the_better_answer_is_chosen()
    {
        var path = Golden.Outside("benchmark-samples", "alpaca_eval_preference_pairs_100.jsonl");
        Skip.If(path is null, "fixtures/benchmark-samples is not there");
        var set = PreferenceFile.Read(path!);
        var rows = Jsonl.Read(path!).Where(row => row.Number("preference") != 1.5).ToList();
        Assert.Equal(100, set.Records.Count + set.TiesDropped);
        Assert.Equal(
            rows.Select(row => (row.Text("instruction"), row.Text(row.Number("preference") > 1.5 ? "output_2" : "output_1"))),
            set.Records.Select(record => (record.Prompt, record.ChosenResponse)));
    }
}
