namespace Selm.Research.Runs;

/// <summary>The ranges in which a recipe's numbers make sense.</summary>
internal static class RecipeRules
{
    private const int Most = 65_536; // batches, epochs, iterations: beyond it a number is a slip of the hand
    private const int Longest = 1 << 20; // tokens

    /// <summary>What is wrong with method and loss, as key and words; the room that knows the losses sets it when the library is loaded.</summary>
    internal static Func<Recipe, (string Key, string What)?>? OfLoss { get; set; }

    public static void Check(Recipe recipe, RecipeYaml source)
    {
        foreach (var (holds, key, what) in Rules(recipe))
        {
            if (!holds)
            {
                throw source.Error(key, what);
            }
        }
        if (OfLoss?.Invoke(recipe) is { } problem)
        {
            throw source.Error(problem.Key, problem.What);
        }
    }

    private static bool Adam(Recipe r) => r.Optimizer.Name == OptimizerKind.Adamw;

    private static (bool Holds, string Key, string What)[] Rules(Recipe r) =>
    [
        (r.Iterations is >= 1 and <= Most, "iterations", $"must be from 1 to {Most}"),
        (r.Portions >= 1, "portions", "must be at least 1"),
        (r.Portions == 1 || r.Portions >= r.Iterations, "portions", "must be 1 (every iteration sees all pairs) or at least the number of iterations"),
        (r.PairsPerIteration is null or >= 1, "pairs_per_iteration", "must be at least 1"),
        (r.MaxPromptLength is >= 1 and <= Longest, "max_prompt_length", $"must be from 1 to {Longest}"),
        (r.MaxLength > r.MaxPromptLength, "max_length", "must exceed max_prompt_length, or no response fits"),
        (r.MaxLength <= Longest, "max_length", $"must be at most {Longest}"),
        (r.MaxNewTokens is >= 1 and <= Longest, "max_new_tokens", $"must be from 1 to {Longest}"),
        (r.Sampling.Temperature >= 0, "sampling.temperature", "must not be negative"),
        (r.Sampling.TopK >= 0, "sampling.top_k", "must not be negative"),
        (r.Sampling.TopP is > 0 and <= 1, "sampling.top_p", "must be in (0, 1]"),
        (r.Sampling.MinP is >= 0 and < 1, "sampling.min_p", "must be in [0, 1)"),
        (r.Sampling.RepetitionPenalty > 0, "sampling.repetition_penalty", "must be above 0"),
        (r.Samples is >= 2 and <= 1024, "samples", "must be from 2 to 1024"),
        (r.KeptShare is > 0 and <= 1, "kept_share", "must be in (0, 1]"),
        (r.Reward.LearningRate > 0, "reward.learning_rate", "must be above 0"),
        (r.Reward.Epochs is >= 1 and <= Most, "reward.epochs", $"must be from 1 to {Most}"),
        (r.Adapter?.Rank is null or >= 1 and <= Most, "adapter.rank", $"must be from 1 to {Most}"),
        (r.Adapter?.Alpha is null or > 0, "adapter.alpha", "must be above 0"),
        (r.Adapter is not { Path: not null, Beside: not null }, $"adapter.{r.Adapter?.Beside}", "must be left out beside adapter.path, whose adapter_config.json says it"),
        (r.Adapter is null || r.Method != "explicit-reward", "adapter", "does not go with method explicit-reward, whose reward model is a whole copy of the base"),
        (r.Optimizer.LearningRate > 0, "optimizer.learning_rate", "must be above 0"),
        (r.Optimizer.Betas.Count == 2 && r.Optimizer.Betas.All(b => b is >= 0 and < 1), "optimizer.betas", "must be two numbers in [0, 1)"),
        (r.Optimizer.Eps > 0, "optimizer.eps", "must be above 0"),
        (r.Optimizer.WeightDecay >= 0, "optimizer.weight_decay", "must not be negative"),
        (r.Optimizer.MasterWeights || r.Precision == Precision.Bf16, "optimizer.master_weights", "is false, which goes with precision: bf16 alone: fp32 weights have no copy to leave out"),
        (r.Optimizer.MasterWeights || Adam(r), "optimizer.master_weights", "is false, which goes with optimizer.name: adamw alone, whose step is rounded stochastically"),
        (r.Optimizer.Moments == Precision.Fp32 || Adam(r), "optimizer.moments", "is bf16, which goes with optimizer.name: adamw alone"),
        (r.Optimizer.MomentsOn == MomentsPlace.Device || Adam(r), "optimizer.moments_on", "is host, which goes with optimizer.name: adamw alone"),
        (!r.Optimizer.UpdateInBackward || r.MaxGradNorm is null or 0, "optimizer.update_in_backward", "does not go with max_grad_norm, which needs the norm of the whole gradient before the first weight moves; write max_grad_norm: 0 or leave update_in_backward out"),
        (!r.Optimizer.UpdateInBackward || r.GradientAccumulation == 1, "optimizer.update_in_backward", "does not go with gradient_accumulation above 1, whose sum is a whole gradient; write gradient_accumulation: 1 or leave update_in_backward out"),
        (!r.Optimizer.UpdateInBackward || r.ActivationCheckpointing, "optimizer.update_in_backward", "goes with activation_checkpointing: true alone, whose backward pass ends block by block"),
        (r.Schedule.WarmupRatio is >= 0 and <= 1, "schedule.warmup_ratio", "must be in [0, 1]"),
        (r.LastIterationLrFactor > 0, "last_iteration_lr_factor", "must be above 0"),
        (r.IterationLearningRates.Count == 0 || r.IterationLearningRates.Count == r.Iterations, "iteration_learning_rates", "must name one rate for each iteration"),
        (r.IterationLearningRates.All(rate => rate > 0), "iteration_learning_rates", "must be above 0"),
        (r.BatchSize is >= 1 and <= Most, "batch_size", $"must be from 1 to {Most}"),
        (r.GradientAccumulation is >= 1 and <= Most, "gradient_accumulation", $"must be from 1 to {Most}"),
        (r.Epochs is >= 1 and <= Most, "epochs", $"must be from 1 to {Most}"),
        (r.MaxGradNorm is null or >= 0, "max_grad_norm", "must not be negative"),
        (r.CheckpointEvery >= 1, "checkpoint_every", "must be at least 1"),
        (r.EvalEvery >= 0, "eval_every", "must not be negative"),
        (r.EvalFraction is >= 0 and < 1, "eval_fraction", "must be in [0, 1)"),
        (r.EvalEvery == 0 || r.EvalFraction > 0, "eval_fraction", "must be above 0 when eval_every is"),
        (r.Threads is >= 0 and <= 4096, "threads", "must be from 0 to 4096"),
        (r.Device is "cpu" or "cuda" || r.Device.StartsWith("cuda:", StringComparison.Ordinal), "device", "must be cpu, cuda or cuda:N"),
    ];
}
