using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>What an objective does not need is not computed.</summary>
public sealed class NeedsTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Theory]
    [InlineData("dpo")]
    [InlineData("iterative-dpo")]
    public void a_loss_without_reference_runs_without_a_reference_pass_or_its_cache(string method)
    {
        var run = tiny.File("run");
        SelmRun.Run(new(tiny.Recipe with { Method = method, Reference = ReferencePolicy.Fixed, Loss = new() { Kind = "simpo" } }, run), _ => TinyRun.Oracle());

        Assert.False(Directory.Exists(Path.Combine(run, "cache")));
        Assert.All(PreferenceFile.Read(Path.Combine(run, "iteration-1", "preferences.jsonl")).Records, record => Assert.Null(record.ReferenceLogps));
        Assert.All(Jsonl.Read(Path.Combine(run, "metrics.jsonl")), row => Assert.True(double.IsFinite(row.Number("loss")) && row.Number("chosen_reward") < 0));
        Assert.NotEqual(SafetensorsFolder.WeightHash(tiny.Recipe.Base!), SafetensorsFolder.WeightHash(Path.Combine(run, SelmRun.ResultName)));
    }

    [Fact]
    public void a_loss_with_a_reference_has_both() // so that the test above can fail
    {
        var run = tiny.File("run");
        SelmRun.Run(new(tiny.Recipe with { Method = "dpo", Loss = new() { Kind = "dpo" } }, run), _ => TinyRun.Oracle());
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(run, "cache")));
        Assert.All(PreferenceFile.Read(Path.Combine(run, "iteration-1", "preferences.jsonl")).Records, record => Assert.NotNull(record.ReferenceLogps));
    }

    [Fact]
    public void the_reference_is_asked_for_what_is_needed_alone()
    {
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        int[] prompt = [5, 9, 31];
        TokenRow Row(params int[] response) => new([.. prompt, .. response], prompt.Length);
        TrainingExample[] examples = [new(new TokenTriple(prompt, Row(11, 12), Row(44, 45), Row(7, 8)))];
        (bool Chosen, bool Rejected, bool Sample, int Batches) Known(LossInputs needs)
        {
            var reference = new ReferenceLogps(null, "", "");
            var e = reference.Fill(model, examples, needs: needs)[0];
            return (double.IsFinite(e.RefChosen), double.IsFinite(e.RefRejected), double.IsFinite(e.RefSample), reference.BatchesComputed);
        }
        Assert.Equal((false, false, false, 0), Known(new SimpoLoss(2, 1).Needs));
        Assert.Equal((true, true, false, 1), Known(new DpoLoss(0.1).Needs));
        Assert.Equal((true, true, false, 1), Known(new XpoLoss(0.1, 0.1).Needs));
        Assert.Equal((true, true, true, 1), Known(new SelmLoss(0.1, 0.1).Needs));
    }
}
