namespace Selm.Research.Lab;

/// <summary>The shape of a policy of the lab.</summary>
/// <param name="Width">Hidden size.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Attention heads; a divisor of the width.</param>
/// <param name="Inner">Width of the SwiGLU.</param>
public sealed record LabShape(int Width = 64, int Layers = 2, int Heads = 4, int Inner = 160);

/// <summary>Everything that a <see cref="LabBudget"/> says: one code path, other numbers.</summary>
public sealed record LabSizes
{
    private static readonly LabLanguage enlarged = LabLanguage.Enlarged(10);

    private static readonly LabSizes lab = new();

    private static readonly LabSizes smoke = new()
    {
        Sft = new SftOptions { Steps = 30, BatchSize = 16, SingleTurn = 200, TwoTurn = 50, Quiz = 50 },
        Ranker = new LabRankerOptions { Pairs = 200, HeldOut = 50, Steps = 20, BatchSize = 16 },
        Pairs = 64,
        BatchSize = 16,
        QuizItems = 12,
    };

    // Rates fall with the width; they were written down before any run on a GPU.
    private static readonly LabSizes gpu = new()
    {
        Language = enlarged,
        Shape = new LabShape(Width: 512, Layers: 8, Heads: 8, Inner: 1408),
        Sft = new SftOptions { Steps = 3000, BatchSize = 128, LearningRate = 5e-4, SingleTurn = 120_000, TwoTurn = 30_000, Quiz = 36_000 },
        Ranker = new LabRankerOptions { Pairs = 60_000, HeldOut = 4000, Steps = 2000, BatchSize = 96, LearningRate = 2e-4 },
        Pairs = 8192,
        BatchSize = 64,
        LearningRate = 3e-5,
        SmallStepRate = 1e-6,
        Headroom = true,
    };

    /// <summary>The language.</summary>
    public LabLanguage Language { get; private init; } = LabLanguage.Standard;

    /// <summary>The policy's shape; the ranker and explicit reward models have it too.</summary>
    public LabShape Shape { get; private init; } = new();

    /// <summary>Supervised fine-tuning.</summary>
    public SftOptions Sft { get; private init; } = new();

    /// <summary>The ranker; its learning rate serves explicit reward models too.</summary>
    public LabRankerOptions Ranker { get; private init; } = new();

    /// <summary>Offline pairs of an iteration.</summary>
    public int Pairs { get; private init; } = LabPreset.PortionSize;

    /// <summary>Examples per optimiser step; null: as the ranker's setting says.</summary>
    public int? BatchSize { get; private init; }

    /// <summary>Peak learning rate of an iteration; null: as the ranker's setting says.</summary>
    public double? LearningRate { get; private init; }

    /// <summary>A peak learning rate at which mean sigma(-margin) stays near one half, as in the paper's runs.</summary>
    public double SmallStepRate { get; private init; } = 4e-5;

    /// <summary>Questions of each benchmark.</summary>
    public int QuizItems { get; private init; } = 60;

    /// <summary>The world is <see cref="LabPreset.Headroom"/>, whatever a spec says.</summary>
    public bool Headroom { get; private init; }

    /// <summary>The numbers of a budget.</summary>
    /// <param name="budget">The budget.</param>
    public static LabSizes Of(LabBudget budget) => budget switch
    {
        LabBudget.Smoke => smoke,
        LabBudget.Lab => lab,
        LabBudget.Gpu => gpu,
        LabBudget.GpuSmoke => smoke with { Language = gpu.Language, Headroom = gpu.Headroom, LearningRate = gpu.LearningRate, SmallStepRate = gpu.SmallStepRate },
        _ => throw new ArgumentOutOfRangeException(nameof(budget), budget, "not a budget"),
    };
}
