using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Analysis;
using Selm.Research.Claims;
using Selm.Research.Data;
using Selm.Research.Figures;
using Selm.Tests;

namespace Selm.Interactive.Tests;

public class FrameTests
{
    private static readonly ResultTable table = new("t", "A table", [new("method"), new("win rate", "%"), new("again", "%"), new("again", "%"), new("note")],
    [
        ["SELM", Cell.Interval(0.1 + 0.2, 0.1, 1.0 / 3), 1e-300, 3.0, "first"],
        ["DPO", Cell.Number(Math.PI), Cell.Empty, 4.0, ""],
        ["base", Cell.Empty, 5.0, double.MaxValue, 7.0],
    ]);

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Path.Combine(Golden.Root, "data", "results"), "*.csv").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public void numbers_keep_their_bits_and_what_is_missing_is_null()
    {
        var frame = table.ToDataFrame();
        Assert.Equal(["method", "win rate (%)", "win rate low", "win rate high", "again (%)", "again (%) (2)", "note"], frame.Columns.Select(column => column.Name));
        Assert.Equal([0.1 + 0.2, Math.PI, null], frame["win rate (%)"].Cast<double?>());
        Assert.Equal([0.1, null, null], frame["win rate low"].Cast<double?>());
        Assert.Equal([1.0 / 3, null, null], frame["win rate high"].Cast<double?>());
        Assert.Equal([1e-300, null, 5.0], frame["again (%)"].Cast<double?>());
        Assert.Equal([3.0, 4.0, double.MaxValue], frame["again (%) (2)"].Cast<double?>());
        Assert.Equal(["first", null, "7"], frame["note"].Cast<string?>());
        Assert.Equal(1, frame["win rate (%)"].NullCount);
    }

    [Fact]
    public void a_frame_becomes_a_table_and_a_frame_again()
    {
        var frame = table.ToDataFrame();
        var again = frame.ToResultTable("again", "Again").ToDataFrame();
        Assert.Equal(frame.Columns.Select(column => column.Name), again.Columns.Select(column => column.Name));
        Assert.All(frame.Columns, column => Assert.Equal(column.Cast<object?>(), again[column.Name].Cast<object?>()));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void every_recorded_csv_is_read_in_double_precision(string name)
    {
        var path = Path.Combine(Golden.Root, "data", "results", name);
        var frame = Frames.ReadCsv(path);
        Assert.All(frame.Columns, column => Assert.True(column is DoubleDataFrameColumn or StringDataFrameColumn, $"{column.Name} is {column.GetType().Name}"));
        Assert.Contains(frame.Columns, column => column is DoubleDataFrameColumn || name is "claims.csv");
        if (Table(name) is { } recorded)
        {
            var wanted = recorded.ToDataFrame();
            Assert.Equal(wanted.Columns.Select(column => column.Name), frame.Columns.Select(column => column.Name));
            Assert.All(wanted.Columns, column => Assert.Equal(column.Cast<object?>().Select(Text), frame[column.Name].Cast<object?>().Select(Text)));
        }
    }

    [Fact]
    public void a_csv_whose_columns_share_a_name_is_read_with_a_suffix()
    {
        using var folder = new TempFolder();
        var frame = Frames.ReadCsv(folder.Write("twice.csv", "a,a,a (2),b\n1,2,3,\n4,,6,x\n"));
        Assert.Equal(["a", "a (2)", "a (2) (2)", "b"], frame.Columns.Select(column => column.Name));
        Assert.Equal([2.0, null], frame["a (2)"].Cast<double?>());
        Assert.Equal([null, "x"], frame["b"].Cast<string?>());
    }

    [Fact]
    public void a_broken_csv_names_its_line()
    {
        using var folder = new TempFolder();
        var path = folder.Write("broken.csv", "a,b\n1,2\n3\n");
        var error = Assert.Throws<InputException>(() => Frames.ReadCsv(path));
        Assert.StartsWith($"{path} line 3: ", error.Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => Frames.ReadCsv(folder.File("absent.csv")));
    }

    [Fact]
    public void metrics_of_a_run_are_one_row_per_line_with_null_where_a_field_is_absent()
    {
        using var folder = new TempFolder();
        folder.Write("metrics.jsonl", """
            {"step":1,"phase":"train","loss":0.6931471805599453,"rewards":{"chosen":0.5,"rejected":null}}
            {"step":1,"phase":"eval","accuracy":1}
            {"step":2,"phase":"train","loss":"NaN","last":true}
            {"step":3,"pha
            """);
        var frame = Frames.ReadMetrics(folder.Root);
        Assert.Equal(["step", "phase", "loss", "rewards.chosen", "rewards.rejected", "accuracy", "last"], frame.Columns.Select(column => column.Name));
        Assert.Equal([1.0, 1.0, 2.0], frame["step"].Cast<double?>());
        Assert.Equal(["train", "eval", "train"], frame["phase"].Cast<string?>());
        Assert.Equal([0.6931471805599453, null, double.NaN], frame["loss"].Cast<double?>());
        Assert.Equal([null, 1.0, null], frame["accuracy"].Cast<double?>());
        Assert.Equal([null, null, true], frame["last"].Cast<bool?>());
        Assert.Equal(3, frame.Rows.Count);
    }

    [Fact]
    public void a_folder_without_metrics_is_refused_by_name()
    {
        using var folder = new TempFolder();
        Assert.Contains("metrics.jsonl", Assert.Throws<InputException>(() => Frames.ReadMetrics(folder.Root)).Message, StringComparison.Ordinal);
        folder.Write("metrics.jsonl", "{\"step\":1}\n[2]\n");
        Assert.Contains("metrics.jsonl line 2: ", Assert.Throws<InputException>(() => Frames.ReadMetrics(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void pairs_are_the_same_frame_from_jsonl_and_from_parquet()
    {
        var frames = new[] { "jsonl", "parquet" }.Select(form => Frames.ReadPreferences(Path.Combine(Golden.Root, "data", "examples", $"lab-pairs.{form}"))).ToArray();
        var records = PreferenceFile.Read(Path.Combine(Golden.Root, "data", "examples", "lab-pairs.jsonl")).Records;
        Assert.Equal(frames[0].Columns.Select(column => column.Name), frames[1].Columns.Select(column => column.Name));
        Assert.All(frames[0].Columns, column => Assert.Equal(column.Cast<object?>(), frames[1][column.Name].Cast<object?>()));
        Assert.Equal(records.Select(record => record.ChosenResponse), frames[0]["chosen"].Cast<string>());
        Assert.Equal(records.Select(record => record.ScoreChosen), frames[0]["score_chosen"].Cast<double?>());
    }

    [Fact]
    public void what_an_iteration_added_to_a_pair_has_its_columns()
    {
        var pair = PreferenceRecord.FromTexts("x", "w", "l");
        var frame = new[] { pair, pair with { Iteration = 2, ReferenceRole = ReferenceRole.Middle, ReferenceResponse = "y", PolicyLogps = new(-1.5, -2.5, -3.5), Ranks = new(1, 3, 2) } }.ToDataFrame();
        Assert.Equal([null, 2.0], frame["iteration"].Cast<double?>());
        Assert.Equal([null, "middle"], frame["reference_role"].Cast<string?>());
        Assert.Equal([null, -3.5], frame["policy logp reference"].Cast<double?>());
        Assert.Equal([null, 3.0], frame["rank rejected"].Cast<double?>());
        Assert.DoesNotContain(frame.Columns, column => column.Name == "score_chosen");
    }

    [Fact]
    public void a_frame_is_shown_by_the_same_bytes_and_another_one_by_another_id()
    {
        var other = table.ToDataFrame();
        other["win rate (%)"][0L] = 0.31;
        Assert.Equal(table.ToDataFrame().View().Html(), table.ToDataFrame().View().Html());
        Assert.NotEqual(Id(table.ToDataFrame().View()), Id(other.View()));
        Assert.Matches("^selm-frame-[0-9a-f]{10}$", Id(other.View()));
    }

    [Fact]
    public void a_long_frame_says_how_much_of_it_is_shown()
    {
        var frame = new DataFrame(new DoubleDataFrameColumn("n", Enumerable.Range(0, 1000).Select(n => (double)n)));
        var (html, text) = (frame.View(3).Html(), frame.View(3).Text());
        Assert.Equal(4, html.Split("<tr>").Length - 1);
        Assert.Contains("1000 rows, 1 columns", html, StringComparison.Ordinal);
        Assert.Contains("The first 3 rows are shown.", text, StringComparison.Ordinal);
    }

    private static string Id(FrameView view) => view.Html().Split('"')[1];

    // A text of digits is a number in the file.
    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) is { } text
        ? double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number.ToString(CultureInfo.InvariantCulture) : text
        : "";

    // The table of a record that was saved under this name.
    private static ResultTable? Table(string name) => (
        from file in Directory.EnumerateFiles(Path.Combine(Golden.Root, "data", "results"), "*.json")
        where JsonElement.Parse(File.ReadAllBytes(file)) is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("tables", out _)
        from one in ExperimentRecord.Read(file).Tables
        where $"{one.Id}.csv" == name
        select one).SingleOrDefault();
}
