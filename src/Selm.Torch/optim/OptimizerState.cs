using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Options of one group; what is null is taken from the optimizer's own.</summary>
public class OptimizerOptions
{
    public double? LearningRate { get; set; }

    public double InitialLearningRate { get; set; }

    public virtual void LoadStateDict(OptimizerOptions source) =>
        (LearningRate, InitialLearningRate) = (source.LearningRate, source.InitialLearningRate);
}

/// <summary>What an optimizer remembers of one parameter.</summary>
public abstract class OptimizerState
{
    protected Parameter _parameter;

    protected OptimizerState(Parameter parameter) => _parameter = parameter;

    /// <summary>Starts afresh, as before the first step.</summary>
    public abstract void Initialize(OptimizerOptions options);

    /// <summary>Copies the values of another state, to this one's device.</summary>
    public abstract void LoadStateDict(OptimizerState source);

    public virtual bool ApproximatelyEquals(OptimizerState other) => false;

    public virtual void to(Device device)
    {
    }

    private protected void Zero(ref Tensor? state)
    {
        state?.Dispose();
        state = _parameter.zeros_like().DetachFromDisposeScope();
    }

    private protected void Copy(ref Tensor? state, Tensor? source)
    {
        if (ReferenceEquals(state, source))
        {
            return;
        }
        state?.Dispose();
        state = source?.to(_parameter.device, copy: true).DetachFromDisposeScope();
    }

    private protected static void Move(ref Tensor? state, Device device)
    {
        var before = state;
        state = before?.to(device).DetachFromDisposeScope();
        before?.Dispose();
    }

    private protected static bool Close(Tensor? left, Tensor? right) => left is null ? right is null : right is not null && left.allclose(right);
}

/// <summary>Parameters that share options.</summary>
public class ParamGroup : optim.ILearningRateController
{
    public IEnumerable<Parameter> Parameters { get; set; } = [];

    public OptimizerOptions? Options { get; set; }

    public double LearningRate
    {
        get => Options!.LearningRate!.Value;
        set => Options!.LearningRate = value;
    }

    public double InitialLearningRate
    {
        get => Options!.InitialLearningRate;
        set => Options!.InitialLearningRate = value;
    }
}

/// <summary>Parameters that share options of one optimizer.</summary>
public class ParamGroup<TOptions> : ParamGroup
    where TOptions : OptimizerOptions
{
    public ParamGroup()
    {
    }

    public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null) => (Parameters, base.Options) = (parameters, options);

    public new TOptions Options
    {
        get => (TOptions)base.Options!;
        set => base.Options = value;
    }
}
