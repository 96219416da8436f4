using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>A response that was cut off before its end has no end token, in the run that drew it and in any training on its files.</summary>
public sealed class CutOffTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void a_cut_off_y_of_preferences_jsonl_is_trained_on_as_it_was_drawn()
    {
        var recipe = tiny.Recipe with { Iterations = 1, Portions = 1, MaxNewTokens = 8, EvalFraction = 0, EvalEvery = 0 };
        SelmRun.Run(new(recipe, tiny.File("run")), _ => TinyRun.Oracle());
        var file = Path.Combine(tiny.File("run"), "iteration-0", "preferences.jsonl");
        var drawn = PreferenceFile.Read(file).Records;
        var ids = Jsonl.Read(Path.Combine(tiny.File("run"), "iteration-0", "responses.jsonl")).Select(row => row.WholeNumbers("output_ids")).ToArray();
        // Only an answer whose text has the same tokens again can be compared; at most it differs where a character was cut.
        var cut = Enumerable.Range(0, drawn.Count).Where(k => ids[k][^1] != 2).ToArray();
        Assert.True(cut.Length > 4, "the tiny model should leave answers open");
        Assert.All(Enumerable.Range(0, drawn.Count), k => Assert.Equal(ids[k][^1] != 2, drawn[k].CutOff?.Reference ?? false));
        Assert.All(drawn, record => Assert.Equal(record.ReferenceRole == ReferenceRole.Chosen && record.CutOff?.Reference == true, record.CutOff?.Chosen ?? false));

        int[] Lengths(string data, string run)
        {
            SelmRun.Run(new(SelmRun.OneTraining(recipe, recipe.Base!, data), tiny.File(run)), _ => TinyRun.Oracle());
            return [.. PreferenceFile.Read(Path.Combine(tiny.File(run), "iteration-0", "preferences.jsonl")).Records.Select(record => record.Lengths!.Reference!.Value)];
        }
        // The same file without the field, as another tool would write it.
        PreferenceFile.Write(tiny.File("foreign.jsonl"), drawn.Select(record => record with { CutOff = null }));
        var (own, foreign) = (Lengths(file, "own"), Lengths(tiny.File("foreign.jsonl"), "foreign"));
        Assert.All(cut, k => Assert.Equal(1, foreign[k] - own[k]));
        Assert.All(Enumerable.Range(0, drawn.Count).Except(cut), k => Assert.Equal(foreign[k], own[k]));
        Assert.Equal(drawn.Select(record => record.CutOff), PreferenceFile.Read(Path.Combine(tiny.File("own"), "iteration-0", "preferences.jsonl")).Records.Select(record => record.CutOff));
    }
}
