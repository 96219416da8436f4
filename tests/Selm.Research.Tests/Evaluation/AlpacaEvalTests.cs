using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Evaluation;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

/// <summary>A made-up evaluation set of 40 instructions against the baseline "base", through the files.</summary>
public sealed class AlpacaEvalTests : IDisposable
{
    private const int Count = 40;
    private static readonly IReadOnlyList<JudgedPair> Made = LengthControlledWinRateTests.Made(11, Count);

    private readonly TempFolder folder = new();
    private readonly string difficulty;
    private readonly string gamed;

    public AlpacaEvalTests()
    {
        difficulty = folder.Write("difficulty.csv", "index,instruction_difficulty\n"
            + string.Join("\n", Made.Select((row, i) => string.Create(CultureInfo.InvariantCulture, $"{i},{row.Difficulty:r}"))));
        gamed = folder.Write("gamed.csv", Gamed("base"));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void compact_columns_and_a_public_list_give_the_same_result_as_the_rows_themselves()
    {
        var tables = AlpacaTables.Read(difficulty, gamed);
        var fit = LengthControlledWinRate.Fit(Made, tables.Calibration);
        var compact = AlpacaEval.Run(Compact(All), difficulty, gamed);
        var list = AlpacaEval.Run(PublicList(All), difficulty, gamed);

        Assert.Equal(80, tables.Calibration.Count);
        Assert.Equal(fit.Controlled.Percent, compact.LengthControlledWinrate, 1e-9);
        Assert.Equal(fit.Controlled.StandardError, compact.LcStandardError, 1e-9);
        Assert.Equal(fit.C, compact.C);
        Assert.Equal(fit.Coefficients.Model, compact.Coefficients[2], 1e-9);
        Assert.Equal(0, compact.NMissing);
        Assert.Equal("made", list.Model);
        var lines = folder.Write("list.jsonl", string.Join('\n', All.Select(Row)));
        Assert.Equal(JsonSerializer.Serialize(list, JsonFormat.Line), JsonSerializer.Serialize(AlpacaEval.Run(lines, difficulty, gamed), JsonFormat.Line));
        Assert.Equal(JsonSerializer.Serialize(compact, JsonFormat.Line), JsonSerializer.Serialize(list, JsonFormat.Line));
    }

    [Fact]
    public void the_result_is_one_flat_object_for_machines()
    {
        var json = JsonSerializer.SerializeToElement(AlpacaEval.Run(Compact(All), difficulty, gamed), JsonFormat.Line);
        foreach (var name in new[] { "win_rate", "standard_error", "length_controlled_winrate", "lc_standard_error", "C", "n_total" })
        {
            Assert.Equal(JsonValueKind.Number, json.GetProperty(name).ValueKind);
        }
        Assert.Equal(3, json.GetProperty("coefficients").GetArrayLength());
    }

    [Fact]
    public void lengths_are_code_points()
    {
        var path = folder.Write("one.json", """[{"output_1":"a\ud83d\ude00é","output_2":"","preference":1}]""");
        Assert.Equal(new AlpacaAnnotation(null, 3, 0, 0), Assert.Single(AlpacaAnnotations.Read(path).Rows));
    }

    [Fact]
    public void draws_wins_and_losses_are_counted()
    {
        var result = AlpacaEval.Run(Edited(All, preference: (i, p) => i < 3 ? "0" : i < 5 ? "1.5" : i < 15 ? "2" : "1"), difficulty, gamed);
        Assert.Equal((10, 25, 5), (result.NWins, result.NWinsBase, result.NDraws));
        Assert.Equal(31.25, result.WinRate, 1e-12);
        Assert.Equal(31.25, result.DiscreteWinRate, 1e-12);
    }

    [Fact]
    public void missing_rows_keep_their_own_difficulty_unless_the_published_lookup_is_asked_for()
    {
        int[] kept = [.. All.Where(i => i is not 4 and not 5 and not 20)];
        var tables = AlpacaTables.Read(difficulty, gamed);
        JudgedPair[] own = [.. kept.Select(i => Made[i])];
        JudgedPair[] shifted = [.. kept.Select((i, place) => Made[i] with { Difficulty = Made[place].Difficulty })];

        foreach (var path in new[] { Compact(kept), Compact(kept, numbered: false), PublicList(kept) })
        {
            var sane = AlpacaEval.Run(path, difficulty, gamed);
            var published = AlpacaEval.Run(path, difficulty, gamed, DifficultyLookup.ByRowPosition);
            Assert.Equal(LengthControlledWinRate.Fit(own, tables.Calibration).Controlled.Percent, sane.LengthControlledWinrate, 1e-9);
            Assert.Equal(LengthControlledWinRate.Fit(shifted, tables.Calibration).Controlled.Percent, published.LengthControlledWinrate, 1e-9);
            Assert.Equal(3, sane.NMissing);
            Assert.Equal(sane.WinRate, published.WinRate);
        }
    }

    [Fact]
    public void a_null_preference_is_a_missing_judgement()
    {
        var result = AlpacaEval.Run(Edited(All, preference: (i, p) => i == 9 ? "null" : p), difficulty, gamed);
        Assert.Equal(39, result.NTotal);
        Assert.Equal(1, result.NMissing);
    }

    [Fact]
    public void empty_answers_are_told()
    {
        var read = AlpacaAnnotations.Read(folder.Write("e.json", PublicJson(All).Replace(new string('m', (int)Made[3].ModelLength) + "\"", "\"", StringComparison.Ordinal)));
        var tables = AlpacaTables.Read(difficulty, gamed);
        var found = AlpacaEval.Run(read, tables);

        var result = AlpacaResult.Of(found, read, AlpacaEval.Interval(read, tables, found), Provenance.Now(0, TimeSpan.Zero, new Dictionary<string, string>()), DifficultyLookup.ByInstruction);

        Assert.Equal($"{read.Rows.Count(row => row.ModelLength == 0)} of 40 answers of the model are empty.", result.Notes[0]);
        Assert.True(result.Measures[0].Low < result.Measures[0].Value && result.Measures[0].Value < result.Measures[0].High);
        Assert.True(result.Measures[0].High - result.Measures[0].Low > 4 * found.LcStandardError);
        Assert.All(new[] { found.WinRate, found.DiscreteWinRate, found.AvgLength }.Zip(result.Measures.Skip(1)), pair => Assert.Equal(pair.First, pair.Second.Value, 1e-9));
    }

    [Fact]
    public void the_baseline_against_itself_is_fifty()
    {
        var path = folder.Write("self.json", File.ReadAllText(PublicList(All)).Replace("\"made\"", "\"base\"", StringComparison.Ordinal));
        var result = AlpacaEval.Run(path, difficulty, gamed);
        Assert.Equal(50, result.LengthControlledWinrate);
        Assert.Equal([0, 0, 0], result.Coefficients);
    }

    [Theory]
    [InlineData("NaN", "row 7: the preference is NaN")]
    [InlineData("-Infinity", "row 7: the preference is -Infinity")]
    [InlineData("3", "row 7: the preference is 3 and must be from 1")]
    [InlineData("\"good\"", "row 7: the preference is good")]
    [InlineData("true", "row 7: the preference is true")]
    public void a_preference_that_is_none_is_refused_with_its_row(string written, string complaint) =>
        Refused(Edited(All, preference: (i, p) => i == 6 ? written : p), complaint);

    [Fact]
    public void doubled_and_unknown_instructions_are_refused_with_their_row()
    {
        Refused(Compact([0, 1, 2, 1, 4, 5, 6]), "row 4: instruction 1 of row 2 is there again");
        Refused(Edited(All, index: i => i == 5 ? "40" : null), "row 6: instruction 40 does not exist");
        Refused(Edited(All, index: i => i == 5 ? "-1" : null), "row 6: index is -1");
        Refused(Edited(All, index: i => i == 5 ? "null" : null), "row 6: index is null");
        Refused(PublicList([0, 1, 1, 2, 3, 4, 5]), "row 3: the instruction of row 2 is there again");
        Refused(folder.Write("long.json", PublicJson([.. All, 0, 1])), "is there again");
    }

    [Fact]
    public void annotations_of_another_baseline_are_refused_by_name_or_by_length()
    {
        var renamed = folder.Write("renamed.json", File.ReadAllText(PublicList(All)).Replace("\"base\"", "\"davinci\"", StringComparison.Ordinal));
        Refused(renamed, "against the baseline davinci, but the calibration rows are of base_concise and base_verbose");
        Refused(Edited(All, length: i => i == 12 ? "17" : null), "row 13: the baseline's answer to instruction 12 has 17 characters, but");
        Refused(PublicList([.. All.Reverse()]), "another baseline or another order");
        var mixed = folder.Write("mixed.json", "[" + Row(0) + "," + Row(1).Replace("\"base\"", "\"davinci\"", StringComparison.Ordinal) + "]");
        Refused(mixed, "row 2: generator_1 is davinci but base before");
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("  \n", "is empty")]
    [InlineData("[]", "holds no annotations")]
    [InlineData("""{"model":"m","rows":{"index":[],"len_1":[],"len_2":[],"preference":[]}}""", "holds no annotations")]
    [InlineData("{\n\"rows\": {", "line 2: not valid JSON")]
    [InlineData("{}", "neither a list of annotations nor")]
    [InlineData("7", "neither a list of annotations nor")]
    [InlineData("[3]", "row 1: it is not an object")]
    [InlineData("""[{"output_1":"a","output_2":"b"}]""", "row 1: the field preference is missing")]
    [InlineData("""[{"output_1":"a","preference":1}]""", "row 1: the text output_2 is missing")]
    [InlineData("""[{"output_1":"a","output_2":"\ud83d","preference":1}]""", "half of a surrogate pair")]
    [InlineData("""{"rows":{"index":[0],"len_1":[1],"len_2":[2]}}""", "no list \"preference\"")]
    [InlineData("""{"rows":{"index":[0],"len_1":[1],"len_2":[2,3],"preference":[1]}}""", "lists of different lengths")]
    [InlineData("""{"rows":{"index":[0],"len_1":[1.5],"len_2":[2],"preference":[1]}}""", "row 1: len_1 is 1.5")]
    public void a_broken_file_is_refused_in_one_sentence(string text, string complaint) =>
        Refused(folder.Write("broken.json", text), complaint);

    [Fact]
    public void a_missing_file_too_few_judgements_and_unknown_gaps_are_refused()
    {
        Refused(folder.File("nowhere.json"), "cannot be read");
        Refused(Compact([0, 1, 2]), "3 judgements, too few");
        var bare = folder.Write("bare.csv", "index,std_delta_len,preference\n0,0.5,0.5\n");
        var error = Assert.Throws<InputException>(() => AlpacaEval.Run(PublicList([.. All.Skip(1)]), difficulty, bare));
        Assert.Contains("lacks 1 of 40 annotations and does not say which", error.Message, StringComparison.Ordinal);
        Assert.Equal(39, AlpacaEval.Run(PublicList([.. All.Skip(1)]), difficulty, bare, DifficultyLookup.ByRowPosition).NTotal);
    }

    [Theory]
    [InlineData("", "holds no rows", false)]
    [InlineData("index,instruction_difficulty\n", "holds no rows", false)]
    [InlineData("index,instruction_difficulty\n0,1\n0,2\n", "line 3: instruction 0 is there twice", false)]
    [InlineData("index,instruction_difficulty\n0,1\n2,2\n", "no difficulty for instruction 1", false)]
    [InlineData("index,instruction_difficulty\n0,easy\n", "line 2: instruction_difficulty is 'easy'", false)]
    [InlineData("index,instruction_difficulty\n0,NaN\n", "line 2: instruction_difficulty is 'NaN'", false)]
    [InlineData("index,hardness\n0,1\n", "line 2: the column instruction_difficulty is missing", false)]
    [InlineData("index,std_delta_len,preference\n99,0,0.5\n", "line 2: instruction 99 does not exist", true)]
    [InlineData("index,std_delta_len,preference\n1,0,1.5\n", "line 2: preference is 1.5, which is not between 0 and 1", true)]
    [InlineData("model,index,std_delta_len,preference\na,1,0,0\na,1,0,0\n", "line 3: instruction 1 of a is there twice", true)]
    [InlineData("model,index,len_1,std_delta_len,preference\na,1,5,0,0\nb,1,6,0,0\n", "line 3: the baseline's answer to instruction 1 has 6 characters here and 5 before", true)]
    [InlineData("index,std_delta_len,preference\n1,0\n", "not valid CSV", true)]
    [InlineData("a,b\n1,2\n", "line 2: the column index is missing or empty", true)]
    [InlineData("model,index,std_delta_len,preference\na,0,0,0\na,1,0,0\n", "has 2 rows of a, but", true)]
    [InlineData("index,std_delta_len,preference,instruction_difficulty\n0,0,0,7\n", "line 2: the difficulty of instruction 0 is 7 here and", true)]
    [InlineData("index,std_delta_len,preference,instruction_difficulty\n0,0,0,7\n", "holds the rows of gamed copies, not the difficulties; give each table in its place.", false)]
    public void a_broken_table_is_refused_with_its_line(string text, string complaint, bool isGamed)
    {
        var table = folder.Write("table.csv", text);
        var error = Assert.Throws<InputException>(() => isGamed ? AlpacaTables.Read(difficulty, table) : AlpacaTables.Read(table, gamed));
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(table, error.Message, StringComparison.Ordinal);
    }

    private static int[] All => [.. Enumerable.Range(0, Count)];

    private void Refused(string path, string complaint)
    {
        var error = Assert.Throws<InputException>(() => AlpacaEval.Run(path, difficulty, gamed));
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private string Compact(int[] kept, bool numbered = true) =>
        numbered ? Edited(kept) : Edited([.. kept], index: null, places: true);

    private string Edited(
        int[] kept, Func<int, string?>? index = null, Func<int, string?>? length = null, Func<int, string, string>? preference = null, bool places = false)
    {
        string Column(Func<int, string> cell) => string.Join(",", kept.Select(cell));
        return folder.Write("compact.json", $$"""
            {"model": "made", "rows": {
            "index": [{{Column(i => index?.Invoke(i) ?? (places ? Array.IndexOf(kept, i) : i).ToString(CultureInfo.InvariantCulture))}}],
            "len_1": [{{Column(i => length?.Invoke(i) ?? Number(Made[i].BaselineLength))}}],
            "len_2": [{{Column(i => Number(Made[i].ModelLength))}}],
            "preference": [{{Column(i => preference?.Invoke(i, Preference(i)) ?? Preference(i))}}]
            } }
            """);
    }

    private string PublicList(int[] kept) => folder.Write("list.json", PublicJson(kept));

    private static string PublicJson(int[] kept) => "[" + string.Join(",\n", kept.Select(Row)) + "]";

    private static string Row(int i) => $$"""
        {"instruction":"task {{i}}","output_1":"{{new string('b', (int)Made[i].BaselineLength)}}","generator_1":"base","output_2":"{{new string('m', (int)Made[i].ModelLength)}}","generator_2":"made","annotator":"judge","preference":{{Preference(i)}} }
        """;

    private static string Preference(int i) => Number(1 + Made[i].Preference!.Value);

    private static string Number(double value) => value.ToString("r", CultureInfo.InvariantCulture);

    // Two copies of the baseline, one short and one long; a judge that likes length.
    private static string Gamed(string baseline)
    {
        var lines = new List<string> { "model,index,len_1,len_2,std_delta_len,preference,instruction_difficulty,not_gamed_baseline" };
        foreach (var (copy, sign) in new[] { ("concise", 1), ("verbose", -1) })
        {
            for (var i = 0; i < Count; i++)
            {
                var gap = sign * (0.5 + (i % 7 * 0.3));
                var p = 1 / (1 + Math.Exp(1.5 * Math.Tanh(gap)));
                lines.Add($"{baseline}_{copy},{i},{Number(Made[i].BaselineLength)},0,{Number(gap)},{Number(p)},{Number(Made[i].Difficulty)},False");
            }
        }
        return string.Join("\n", lines) + "\n";
    }
}
