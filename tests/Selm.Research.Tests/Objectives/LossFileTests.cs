using System.Text.Json;
using Selm.Research.Objectives;

namespace Selm.Research.Tests.Objectives;

public sealed class LossFileTests : IDisposable
{
    private const string Row =
        """{"id":"a","policy_chosen":-10.5,"policy_rejected":-12,"policy_reference":-11,"ref_chosen":-11,"ref_rejected":-11.5,"ref_reference":-10.25}""";

    private readonly string folder = Directory.CreateTempSubdirectory("selm-loss-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void rows_come_back_with_loss_and_gradient()
    {
        var output = Run(new SelmLoss(0.1, 0.01), Row, "", Row.Replace("\"a\"", "\"b\"", StringComparison.Ordinal));
        var expected = new SelmLoss(0.1, 0.01).Evaluate(new SequenceLogps(-10.5, -12, -11, -11, -11.5, -10.25));

        Assert.Equal(2, output.Length);
        Assert.Equal("a", output[0].GetProperty("id").GetString());
        Assert.Equal("b", output[1].GetProperty("id").GetString());
        Assert.Equal(-10.5, Number(output[0], "policy_chosen"));
        Assert.Equal(
            expected,
            new LossResult(
                Number(output[1], "loss"), Number(output[1], "chosen_reward"), Number(output[1], "rejected_reward"),
                Number(output[1], "grad_policy_chosen"), Number(output[1], "grad_policy_rejected"), Number(output[1], "grad_policy_reference")));
        Assert.Equal(13, output[0].EnumerateObject().Count());
    }

    [Fact]
    public void a_second_run_over_its_own_output_replaces_the_results()
    {
        var first = Run(new DpoLoss(0.1), Row)[0];
        var again = Run(new DpoLoss(0.1), first.GetRawText())[0];
        Assert.Equal(first.GetRawText(), again.GetRawText());
    }

    [Fact]
    public void input_and_output_may_be_the_same_file()
    {
        var path = Write(Row, Row);
        Assert.Equal(2, LossFile.Run(path, path, new DpoLoss(0.1)));
        Assert.All(File.ReadAllLines(path), line => Assert.Contains("\"loss\":", line));
    }

    [Fact]
    public void a_loss_without_y_accepts_rows_without_y()
    {
        const string Pair = """{"policy_chosen":-1,"policy_rejected":-2,"ref_chosen":-1,"ref_rejected":-1}""";
        Assert.Equal(0, Number(Run(new DpoLoss(0.1), Pair)[0], "grad_policy_reference"));
        Assert.Single(Run(new SelmLoss(0.1, 0), Pair));
        Refused("line 1", "\"policy_reference\" is missing", new SelmLoss(0.1, 0.01), Pair);
    }

    [Fact]
    public void each_loss_asks_for_no_more_than_it_uses()
    {
        const string Bare = """{"policy_chosen":-1,"policy_rejected":-2}""";
        const string WithoutRef = """{"policy_chosen":-1,"policy_rejected":-2,"ref_chosen":-1,"ref_rejected":-1,"policy_reference":-4}""";
        Assert.Equal(-0.1, Number(Run(new DpoLoss(0.1, ReferenceFree: true), Bare)[0], "chosen_reward"));
        Assert.Equal(0.5, Number(Run(new XpoLoss(0.1, 0.5), WithoutRef)[0], "grad_policy_reference"));
        Refused("line 1", "\"ref_chosen\" is missing", new DpoLoss(0.1), Bare);
        Refused("line 1", "\"ref_reference\" is missing", new VpoLoss(0.1, 0.5), WithoutRef);
    }

    [Fact]
    public void means_ask_for_lengths()
    {
        var means = new IpoLoss(0.1, IpoConvention.LengthMeans);
        Refused("line 1", "\"chosen_length\" is missing", means, Row);
        Refused("line 1", "\"rejected_length\" must be at least 1", means, Row[..^1] + ",\"chosen_length\":3,\"rejected_length\":0}");
        Assert.Single(Run(means, Row[..^1] + ",\"chosen_length\":3,\"rejected_length\":4}"));
    }

    [Theory]
    [InlineData("{\"policy_chosen\":-1,", "line 2", "not valid JSON")]
    [InlineData("[1,2]", "line 2", "a JSON object")]
    [InlineData("{\"policy_chosen\":\"x\"}", "line 2", "\"policy_chosen\" must be a number")]
    [InlineData("{\"policy_chosen\":\"NaN\"}", "line 2", "\"policy_chosen\" must be a finite")]
    [InlineData("{\"policy_chosen\":1e999}", "line 2", "\"policy_chosen\" must be a finite")]
    [InlineData("{\"policy_chosen\":-1,\"policy_rejected\":-1,\"ref_chosen\":-1,\"ref_rejected\":-1,\"id\":\"\\ud800\"}", "line 2", "surrogate")]
    [InlineData("{\"policy_chosen\":-1,\"policy_rejected\":-1,\"ref_chosen\":-1,\"ref_rejected\":-1,\"\\ud800\":1}", "line 2", "surrogate")]
    [InlineData("{}", "line 2", "\"policy_chosen\" is missing")]
    public void a_bad_row_is_named_and_nothing_is_written(string bad, string line, string complaint) =>
        Refused(line, complaint, new DpoLoss(0.1), Row, bad);

    [Fact]
    public void a_missing_file_is_named()
    {
        var path = Path.Combine(folder, "absent.jsonl");
        var error = Assert.Throws<InputException>(() => LossFile.Run(path, Output, new DpoLoss(0.1)));
        Assert.Contains(path, error.Message);
        Assert.Empty(Directory.GetFiles(folder));
    }

    private string Output => Path.Combine(folder, "out.jsonl");

    private string Write(params string[] lines)
    {
        var path = Path.Combine(folder, "in.jsonl");
        File.WriteAllLines(path, lines);
        return path;
    }

    private JsonElement[] Run(IPreferenceLoss loss, params string[] lines)
    {
        LossFile.Run(Write(lines), Output, loss);
        return [.. File.ReadAllLines(Output).Select(line => JsonElement.Parse(line))];
    }

    private void Refused(string line, string complaint, IPreferenceLoss loss, params string[] lines)
    {
        File.Delete(Output);
        var input = Write(lines);
        var error = Assert.Throws<InputException>(() => LossFile.Run(input, Output, loss));
        Assert.Contains($"{input} {line}:", error.Message);
        Assert.Contains(complaint, error.Message);
        Assert.Equal([input], Directory.GetFiles(folder));
    }

    private static double Number(JsonElement row, string name) => row.GetProperty(name).GetDouble();
}
