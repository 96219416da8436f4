using Selm.HuggingFace.Chat;
using Selm.Research.Data;

namespace Selm.Research.Tests.Data;

public class CleanPipelineTests
{
    // One id per character; '^' is bos (1), '$' is eos (2); the marker of the assistant is 'A'.
    private static int[] Encode(string text) => [.. text.Select(c => c switch { '^' => 1, '$' => 2, _ => c })];

    private static string Render(IReadOnlyList<ChatMessage> turns, bool marker) =>
        string.Concat(turns.Select(t => char.ToUpperInvariant(t.Role[0]) + t.Content + "$")) + (marker ? "A" : "");

    private static readonly TextEncoding Encoding = new(Encode, 1, 2, Render);

    private static string Show(int[] ids) => string.Concat(ids.Select(id => id switch { 1 => '^', 2 => '$', _ => (char)id }));

    private static TokenTriple Rows(string prompt, string chosen, string rejected, string? y, LengthLimits limits, int[]? ids = null) =>
        CleanPipeline.Rows(PreferenceRecord.FromTexts(prompt, chosen, rejected) with { ReferenceResponse = y }, Encoding, limits, ids);

    [Fact]
    public void the_marker_belongs_to_the_prompt_bos_comes_once_and_eos_ends_each_response_once()
    {
        var rows = Rows("hi", "yes", "no$", "maybe$$", new(100, 50));
        Assert.Equal("^Uhi$A", Show(rows.PromptIds));
        Assert.Equal(["^Uhi$Ayes$", "^Uhi$Ano$", "^Uhi$Amaybe$"], new[] { rows.Chosen, rows.Rejected, rows.Reference! }.Select(row => Show(row.InputIds)));
        Assert.All([rows.Chosen, rows.Rejected, rows.Reference!], row => Assert.Equal(6, row.ResponseStart));
        Assert.Equal([-100, -100, -100, -100, -100, -100, 'n', 'o', 2], rows.Rejected.Labels());
    }

    [Fact]
    public void a_template_that_writes_bos_itself_does_not_double_it()
    {
        var encoding = Encoding with { Render = (turns, marker) => "^" + Render(turns, marker) };
        Assert.Equal("^Uhi$A", Show(encoding.Prompt([new("user", "hi")], new(100, 50))));
        Assert.Equal("Uhi$A", Show((Encoding with { BosId = null }).Prompt([new("user", "hi")], new(100, 50))));
    }

    [Fact]
    public void a_long_prompt_keeps_bos_and_its_end_whatever_the_responses_are()
    {
        Assert.Equal("^gh$A", Show(Rows("abcdefgh", "x", "y", null, new(100, 5)).PromptIds));
        Assert.Equal("^Uabc", Show(Rows("abcdefgh", "x", "y", null, new(100, 5, KeepEnd: false)).PromptIds));
        Assert.Equal("^Uab$A", Show(Rows("ab", new string('x', 200), "y", null, new(20, 10)).PromptIds));
    }

    [Fact]
    public void every_response_y_included_is_cut_to_the_room_behind_the_prompt()
    {
        var rows = Rows("ab", "123456789", "12", "abcdefghi", new(10, 8));
        Assert.Equal(["^Uab$A1234", "^Uab$A12$", "^Uab$Aabcd"], new[] { rows.Chosen, rows.Rejected, rows.Reference! }.Select(row => Show(row.InputIds)));
    }

    [Fact]
    public void sampled_ids_are_used_as_they_are_and_an_empty_response_is_eos_alone()
    {
        var rows = Rows("ab", "", "12", "ignored", new(50, 8), [70, 71]);
        Assert.Equal("^Uab$AFG", Show(rows.Reference!.InputIds));
        Assert.Equal("$", Show(rows.Chosen.Response.ToArray()));
        Assert.Null(Rows("ab", "1", "2", null, new(50, 8)).Reference);
    }

    [Fact]
    public void a_batch_is_padded_on_the_right_to_its_longest_row()
    {
        var batch = TokenBatch.Collate([new([5, 6, 7], 1), new([8], 0)], padId: 9);
        Assert.Equal((2, 3), (batch.Rows, batch.Width));
        Assert.Equal([5, 6, 7, 8, 9, 9], batch.InputIds);
        Assert.Equal([1, 1, 1, 1, 0, 0], batch.AttentionMask);
        Assert.Equal([-100, 6, 7, 8, -100, -100], batch.Labels);
        Assert.Equal(5, TokenBatch.Collate([new([5], 0)], 0, minWidth: 5).Width);
    }
}
