using System.Text.Json;

namespace Selm.Cli.Tests;

public class DataCommandTests
{
    private const string Rows = """
        {"prompt":[{"role":"user","content":"Name a use of salt."}],"chosen":[{"role":"assistant","content":"It keeps food."}],"rejected":[{"role":"assistant","content":"No."}]}
        {"prompt":"Why?","chosen":"x","rejected":"x"}
        {"prompt":"Why?","chosen":"x","rejected":null}
        """;

    [Fact]
    public void inspect_says_in_a_dozen_lines_what_is_in_a_file_and_what_training_would_refuse()
    {
        using var folder = new TempFolder();
        var path = folder.Write("pairs.jsonl", Rows);

        var run = SelmProcess.Run("data", "inspect", path);

        Assert.Equal((0, ""), (run.Code, run.Error));
        var lines = run.Out.TrimEnd().Split('\n');
        Assert.Equal($"{path}: JSONL, 3 rows, 2 pairs", lines[0]);
        Assert.Equal("columns   prompt, chosen, rejected", lines[1]);
        Assert.Contains("prompt as messages, answers as the assistant's turns (1)", lines[2], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("  chosen       1       1      14      14  ", StringComparison.Ordinal));
        Assert.Contains("pairs     1 with equal answers, 0 with an empty answer; 0 ties are left out", lines);
        Assert.Contains("  1 x \"rejected\" is null; write the answer or delete that line. (line 3)", lines);
        Assert.InRange(lines.Length, 8, 12);
    }

    [Fact]
    public void inspect_prints_json_with_lengths_in_a_model_s_tokens()
    {
        using var folder = new TempFolder();
        Assert.Equal(0, SelmProcess.Run("make-demo", folder.File("demo")).Code);

        var run = SelmProcess.Run("data", "inspect", folder.Write("pairs.jsonl", Rows), "--model", folder.File("demo", "model"), "--json");

        Assert.Equal(0, run.Code);
        var found = JsonDocument.Parse(run.Out).RootElement;
        Assert.Equal(2, found.GetProperty("pairs").GetInt32());
        Assert.Equal("line 3", found.GetProperty("problems")[0].GetProperty("places")[0].GetString());
        Assert.Equal(2, found.GetProperty("tokens").GetProperty("prompt").GetProperty("histogram").EnumerateArray().Sum(count => count.GetInt32()));
        Assert.True(found.GetProperty("tokens").GetProperty("chosen").GetProperty("least").GetInt32() >= 2);
    }

    [Fact]
    public void inspect_refuses_what_is_no_file_of_rows()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
        SelmProcess.Run("data", "inspect", path).Refused($"{path} is a Git LFS pointer and not the file itself; fetch the file with git lfs pull.");
    }
}
