using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

/// <summary>Pairs that are kept as the bytes of their rows.</summary>
public class PackedPairsTests
{
    [Fact]
    public void pairs_of_any_texts_and_sizes_are_those_that_were_written() =>
        Prop.ForAll<(NonNull<string> Chosen, NonNull<string> Rejected, PositiveInt Size)[]>(drawn =>
        {
            using var folder = new TempFolder();
            // Some are as long as a block, so that rows lie in several.
            PreferenceRecord[] records = [PreferenceRecord.FromTexts("p", "a", "b"), .. drawn.Select((d, i) => PreferenceRecord.FromTexts($"{i} {Whole(d.Chosen.Get)}", Whole(d.Chosen.Get), Whole(d.Rejected.Get) + new string('r', 20_000 * d.Size.Get)))];
            PreferenceFile.Write(folder.File("f.jsonl"), records);
            var read = PreferenceFile.Read(folder.File("f.jsonl")).Records;
            return read.Count == records.Length && read.Zip(records).All(two => Same(two.First, two.Second)) && Enumerable.Range(0, records.Length).Reverse().All(i => Same(read[i], records[i]));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void a_pair_knows_its_own_file_and_line_among_several_files_and_forms()
    {
        using var folder = new TempFolder();
        const string pair = """{"prompt":"p","chosen":"a","rejected":"b"}""", tie = """{"instruction":"p","output_1":"b","output_2":"a","preference":1.5}""";
        string[] files = [folder.Write("a.jsonl", $"{pair}\n\n{tie}\n{pair}\n"), folder.Write("b.json", $"[{pair},{pair}]"), folder.Write("c.csv", "prompt,chosen,rejected\np,a,b\n")];
        var read = PreferenceFile.Read(files);
        Assert.Equal(["a.jsonl line 1", "a.jsonl line 4", "b.json row 1", "b.json row 2", "c.csv line 2"], read.Records.Select(record => record.Place!.Replace(folder.Root + "/", "", StringComparison.Ordinal)));
        Assert.Equal(1, read.TiesDropped);
    }

    [Fact]
    public void among_several_files_the_one_without_a_pair_is_named()
    {
        using var folder = new TempFolder();
        string[] files = [folder.Write("a.jsonl", """{"prompt":"p","chosen":"a","rejected":"b"}"""), folder.Write("b.jsonl", """{"instruction":"p","output_1":"b","output_2":"a","preference":1.5}""")];
        Assert.Contains("b.jsonl holds no preference pair but 1 ties", Assert.Throws<InputException>(() => PreferenceFile.Read(files)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void a_pair_beyond_the_last_is_not_there(int index)
    {
        using var folder = new TempFolder();
        var pairs = PreferenceFile.Read(folder.Write("f.jsonl", """{"prompt":"p","chosen":"a","rejected":"b"}""")).Records;
        Assert.Throws<ArgumentOutOfRangeException>(() => pairs[index]);
        Assert.Throws<ArgumentOutOfRangeException>(() => Splits.Portions(pairs, 1)[0][index]);
    }

    // JSON in UTF-8 has no half characters.
    private static string Whole(string text) => string.Concat(text.EnumerateRunes());

    private static bool Same(PreferenceRecord a, PreferenceRecord b) => a.Prompt == b.Prompt && a.Chosen.SequenceEqual(b.Chosen) && a.Rejected.SequenceEqual(b.Rejected);
}
