using System.Text.RegularExpressions;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Lab;

/// <summary>The path of the gpu scale, run on a CPU with a tiny model.</summary>
public sealed partial class LabGpuTests
{
    private static readonly LabCellSpec smoke = new() { Seed = 100, Budget = LabBudget.GpuSmoke, Iterations = 2, LearningRate = 2e-3 };

    [Fact]
    public void the_gpu_path_trains_and_measures_in_the_enlarged_language()
    {
        using var folder = new TempFolder();
        var (models, language) = (Path.Combine(folder.Root, "models"), LabSizes.Of(LabBudget.Gpu).Language);
        var result = LabCells.Run(smoke, models, folder.Root, device: CPU);
        Assert.Null(result.Failure);
        Assert.Equal(LabWorldPreset.Headroom, result.Spec.Preset);
        Assert.Equal(240, language.Topics.Count);
        Assert.Equal(language.Split.Test.Count, result.Last!.Rewards.Length);
        Assert.Equal(1440, result.Last.Implicit!.Own.Length);
        Assert.NotEqual(result.Start!.Rewards, result.Last.Rewards);
        Assert.Contains("\"device\": \"cpu\"", File.ReadAllText(Path.ChangeExtension(LabCells.PathOf(smoke, folder.Root), ".run.json")), StringComparison.Ordinal);
        using var policy = LlamaWeights.Load(Directory.GetDirectories(models, "*-sft-*").Single());
        Assert.Equal(language.Words.Count, policy.Config.VocabSize);

        var learnt = LabCells.Run(smoke with { Ranker = LabJudge.Model, Method = LoopMethod.ExplicitReward, CurveSteps = [1, 4] }, models, folder.Root, device: CPU);
        Assert.Null(learnt.Failure);
        Assert.Equal(1440, learnt.Iterations[^1].Curve![^1].Implicit.Own.Length);
    }

    [Fact]
    public void the_gpu_policy_has_twenty_to_fifty_million_weights_and_differs_from_its_smoke_test_in_size_alone()
    {
        var (gpu, small) = (LabSizes.Of(LabBudget.Gpu), LabSizes.Of(LabBudget.GpuSmoke));
        using var model = new Llama(LabPolicy.Config(gpu.Language, gpu.Shape));
        Assert.InRange(model.parameters().Sum(p => p.numel()), 20_000_000, 50_000_000);
        Assert.Same(gpu.Language, small.Language);
        var (big, tiny) = (new LabCellSpec { Budget = LabBudget.Gpu }.Resolved(), new LabCellSpec { Budget = LabBudget.GpuSmoke }.Resolved());
        Assert.Equal(big with { Budget = LabBudget.GpuSmoke, PairsPerIteration = tiny.PairsPerIteration, BatchSize = tiny.BatchSize }, tiny);
        Assert.True(gpu.SmallStepRate < gpu.LearningRate / 10);
    }

    // What runs on a GPU may make no tensor on the CPU by oversight: each creation names a device, and so does each load.
    [Theory]
    [InlineData("Selm.HuggingFace/Models")]
    [InlineData("Selm.Research/Sampling")]
    [InlineData("Selm.Research/Ranking")]
    [InlineData("Selm.Research/Training")]
    [InlineData("Selm.Research/Algorithm1")]
    [InlineData("Selm.Research/Lab")]
    public void no_tensor_is_made_without_its_device(string room)
    {
        var files = Directory.GetFiles(Path.Combine(Golden.Root, "src", room), "*.cs");
        Assert.NotEmpty(files);
        var bare = files.SelectMany(file => File.ReadLines(file)
            .Where(line => Creation().IsMatch(line) && !line.Contains("evice", StringComparison.Ordinal))
            .Select(line => $"{Path.GetFileName(file)}: {line.Trim()}"));
        Assert.Empty(bare);
    }

    [GeneratedRegex(@"(?<![\w.])(tensor|zeros|ones|empty|full|arange|randn|rand)\(")]
    private static partial Regex Creation();
}
