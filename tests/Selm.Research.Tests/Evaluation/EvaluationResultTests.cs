using Selm.Research.Evaluation;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public class EvaluationResultTests
{
    [Theory]
    [InlineData(0, 10, 0, 0.2775)] // z^2 / (n + z^2)
    [InlineData(1, 10, 0.7225, 1)]
    [InlineData(0.5, 100, 0.4038, 0.5962)]
    public void a_share_has_wilson_s_interval(double share, int n, double low, double high)
    {
        var measure = Measure.Share("s", share, n);
        Assert.Equal(low, measure.Low!.Value, 1e-4);
        Assert.Equal(high, measure.High!.Value, 1e-4);
    }

    [Fact]
    public void a_result_survives_its_files_and_nothing_else_is_taken_for_one()
    {
        using var folder = new TempFolder();
        var result = new EvaluationResult("gsm8k", "my model", [Measure.Percent("exact_match", [1, 0, 1, 1]), new("nothing", double.NaN, 0)], Provenance.Now(7, TimeSpan.FromSeconds(2), new Dictionary<string, string> { ["in"] = "hash" }))
        {
            Missing = 1,
            Notes = ["a note"],
            Settings = new Dictionary<string, string> { ["shots"] = "8" },
            Items = [new("1", 100), new("2", null)],
        };

        var read = EvaluationResult.Read(result.Save(folder.Root))!;

        Assert.Equal(["gsm8k-my-model.csv", "gsm8k-my-model.items.jsonl", "gsm8k-my-model.json"], folder.Names());
        Assert.Equal(result.Measures, read.Measures);
        Assert.True(read.Partial);
        Assert.Equal((7ul, "8", "a note"), (read.Provenance.Seed, read.Settings["shots"], read.Notes[0]));
        Assert.Equal([new("1", 100), new("2", null)], PairedComparison.ReadItems(folder.File("gsm8k-my-model.items.jsonl")));
        Assert.Equal("gsm8k,my model,exact_match,75,25,0,100,4,1,7", string.Join(',', File.ReadAllLines(folder.File("gsm8k-my-model.csv"))[1].Split(',').Take(10)));
        Assert.Null(EvaluationResult.Read(folder.Write("other.json", "{\"benchmark\": 1}")));
        Assert.Throws<InputException>(() => EvaluationResult.Read(folder.Write("broken.json", "{")));
    }
}
