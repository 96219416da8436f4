using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>Empty responses, copied examples, no clipping, and trainings that run away.</summary>
public sealed class TrainingEdgesTests : IDisposable
{
    private static readonly int[] prompt = [5, 9, 31];
    private readonly string folder = Directory.CreateTempSubdirectory("selm-edges-").FullName;
    private readonly Llama model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void a_pair_of_empty_responses_has_log_prob_0_and_no_gradient()
    {
        var empty = new TrainingExample(new TokenTriple(prompt, Row(), Row(), null));
        var filled = new ReferenceLogps(null, "", "").Fill(model, [empty]);
        Assert.Equal((0.0, 0.0), (filled[0].RefChosen, filled[0].RefRejected));
        var (losses, logps) = PreferenceStep.Backward(model, new DpoLoss(0.1), filled, 1);
        Assert.Equal((0.0, 0.0, Math.Log(2)), (logps[0].PolicyChosen, logps[0].PolicyRejected, losses[0].Loss));
        Assert.Equal(0, Gradient());
        Assert.Equal(Math.Log(2), PreferenceStep.Evaluate(model, new DpoLoss(0.1), filled, 1).Loss);
    }

    [Fact]
    public void empty_pairs_leave_the_others_of_their_batch_alone()
    {
        var (empty, full) = (new TrainingExample(new TokenTriple(prompt, Row(), Row(), null)), new TrainingExample(new TokenTriple(prompt, Row(11, 12), Row(44), null)));
        var reference = new ReferenceLogps(null, "", "");
        var alone = reference.Fill(model, [full])[0];
        var together = reference.Fill(model, [empty, full, empty]);
        Assert.Equal((alone.RefChosen, alone.RefRejected, 0.0), (together[1].RefChosen, together[1].RefRejected, together[2].RefChosen));
        var metrics = PreferenceStep.Evaluate(model, new DpoLoss(0.1), together, 3);
        Assert.Equal((alone.RefChosen + 0.0) / 3, metrics.ChosenLogp, 1e-9);
        PreferenceStep.Backward(model, new DpoLoss(0.1), together, 1);
        var mixed = Gradient();
        model.zero_grad();
        PreferenceStep.Backward(model, new DpoLoss(0.1), [alone], 1);
        Assert.Equal(Gradient(), mixed, 1e-6);
        Assert.True(mixed > 0);
    }

    [Fact]
    public void a_loss_of_means_says_which_pair_has_no_tokens()
    {
        TrainingExample[] pairs = [new(new TokenTriple(prompt, Row(11), Row(12), null)), new(new TokenTriple(prompt, Row(11), Row(), null))];
        Assert.StartsWith(
            "Pair 2 of 2 has a response without a token, and the loss divides by lengths;",
            Assert.Throws<InputException>(() => Trainer.Run(model, pairs, [], new SimpoLoss(2, 1), new TrainerOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_copied_example_finds_its_own_y()
    {
        var third = new TrainingExample(new TokenTriple(prompt, Row(11), Row(12), Row(13)));
        Assert.Equal(0, (third with { Tokens = third.Tokens with { Reference = Row(11) } }).SampleSlot);
        Assert.Equal(1, (third with { Tokens = third.Tokens with { Reference = Row(12) } }).SampleSlot);
        Assert.Equal((-1, 2), ((third with { Tokens = third.Tokens with { Reference = null } }).SampleSlot, third.SampleSlot));
        Assert.Equal(2, (third with { RefChosen = -1 }).SampleSlot);
    }

    [Fact]
    public void max_grad_norm_0_leaves_gradients_alone()
    {
        var start = Weights();
        var free = Train(0);
        Assert.NotEqual(start, free);
        Assert.Equal(free, Train(1e9));
        Assert.NotEqual(free, Train(1e-3));
        Assert.Equal(0, TrainerOptions.Of(new Recipe { MaxGradNorm = null }, 0).MaxGradNorm);
    }

    [Fact]
    public void a_training_that_runs_away_names_the_checkpoint_that_is_there_and_no_other()
    {
        var pairs = new ReferenceLogps(null, "", "").Fill(model, [.. Enumerable.Range(0, 4).Select(k => new TrainingExample(new TokenTriple(prompt, Row(11 + k), Row(44), null)))]);
        pairs[2] = pairs[2] with { RefChosen = double.NaN };
        var checkpoints = Path.Combine(folder, "checkpoints");
        string Message(int every, string? into) => Assert.Throws<DivergenceException>(() =>
            Trainer.Run(model, pairs, [], new DpoLoss(0.1), new TrainerOptions { LearningRate = 1e-4, BatchSize = 1, CheckpointEvery = every }, checkpoints: into)).Message;
        Assert.EndsWith("no checkpoint was written.", Message(1, null), StringComparison.Ordinal);
        Assert.EndsWith("no checkpoint was written.", Message(100, checkpoints), StringComparison.Ordinal);
        Assert.False(Directory.Exists(checkpoints));
        var last = Message(1, checkpoints);
        var step = int.Parse(last.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) - 1;
        Assert.EndsWith(step == 0 ? "no checkpoint was written." : $"the checkpoint after step {step} is kept in {checkpoints}.", last, StringComparison.Ordinal);
        Assert.Equal(step > 0, File.Exists(Path.Combine(checkpoints, "checkpoint.json")));
    }

    private static TokenRow Row(params int[] response) => new([.. prompt, .. response], prompt.Length);

    private static float[] Train(double maxGradNorm)
    {
        using var policy = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        TrainingExample[] pairs = [new(new TokenTriple(prompt, Row(11, 12), Row(44), null), -10, -5)];
        Trainer.Run(policy, pairs, [], new DpoLoss(0.1), new TrainerOptions { Optimizer = new() { Name = OptimizerKind.Sgd }, LearningRate = 0.1, MaxGradNorm = maxGradNorm });
        return Weights(policy);
    }

    private float[] Weights() => Weights(model);

    private static float[] Weights(Llama of)
    {
        using var scope = NewDisposeScope();
        return [.. of.parameters().SelectMany(p => p.detach().contiguous().data<float>().ToArray())];
    }

    // The largest absolute entry; 0 where no gradient is there.
    private double Gradient()
    {
        using var scope = NewDisposeScope();
        return model.parameters().Max(p => p.grad is { } grad ? grad.abs().max().item<float>() : 0);
    }
}
