using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What all optimizers share: groups, states, and steps over batches of tensors.</summary>
public abstract class OptimizerHelper : optim.Optimizer
{
    // Elements per batch of list operators: on a CPU few enough that all lists of a batch stay in the cache.
    private const long BatchOnCpu = 1 << 17, BatchOnGpu = 1 << 26;

    private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

    public OptimizerHelper()
    {
    }

    public override void zero_grad()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var grads = parameters().Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
        if (grads.Length > 0)
        {
            Foreach.Zero(grads);
        }
    }

    public override void add_param_group(ParamGroup param_group) => _parameter_groups.Add(param_group);

    public virtual StateDictionary state_dict()
    {
        var all = new StateDictionary();
        foreach (var group in _parameter_groups)
        {
            all.Options.Add(group.Options!);
            all.StateIndexRef.Add([]);
            foreach (var parameter in group.Parameters)
            {
                all.StateIndexRef[^1].Add(all.State.Count);
                all.State.Add(states[parameter]);
            }
        }
        return all;
    }

    /// <exception cref="ArgumentException">The dictionary has other numbers of groups or parameters.</exception>
    public virtual void load_state_dict(StateDictionary state_dict)
    {
        var own = this.state_dict();
        if (own.Options.Count != state_dict.Options.Count || own.State.Count != state_dict.State.Count)
        {
            throw new ArgumentException(
                $"the state has {state_dict.Options.Count} groups and {state_dict.State.Count} parameters, the optimizer {own.Options.Count} and {own.State.Count}");
        }
        for (var k = 0; k < own.Options.Count; k++)
        {
            own.Options[k].LoadStateDict(state_dict.Options[k]);
        }
        for (var k = 0; k < own.State.Count; k++)
        {
            own.State[k].LoadStateDict(state_dict.State[k]);
        }
    }

    public void to(Device device)
    {
        foreach (var state in states.Values)
        {
            state.to(device);
        }
    }

    private protected void DisposeStates()
    {
        foreach (var state in states.Values.OfType<IDisposable>())
        {
            state.Dispose();
        }
        states.Clear();
    }

    /// <summary>Adds a group whose options are complete.</summary>
    private protected void Add(ParamGroup group, Func<Parameter, OptimizerState> makeState)
    {
        group.Options!.InitialLearningRate = group.Options.LearningRate!.Value;
        group.Parameters = [.. group.Parameters];
        _parameter_groups.Add(group);
        foreach (var parameter in group.Parameters)
        {
            var state = makeState(parameter);
            state.Initialize(group.Options);
            states.Add(parameter, state);
        }
    }

    /// <summary>
    /// Runs an update over all parameters that have gradients, in batches of the same key (the step number, where it matters).
    /// Whatever tensors the body makes are disposed after its batch.
    /// </summary>
    private protected Tensor? Step<TState>(
        Func<Tensor>? closure, Func<TState, long> key, Action<ParamGroup, Tensor[], Tensor[], TState[]> body)
        where TState : OptimizerState
    {
        Tensor? loss = null;
        if (closure is not null)
        {
            using var grad = enable_grad();
            loss = closure();
        }
        using var mode = no_grad();
        foreach (var group in _parameter_groups)
        {
            var (parameters, grads, own, elements) = (new List<Tensor>(), new List<Tensor>(), new List<TState>(), 0L);
            using var scope = NewDisposeScope();
            foreach (var parameter in group.Parameters)
            {
                if (parameter.grad is not { } grad)
                {
                    continue;
                }
                var state = (TState)states[parameter];
                var limit = parameter.device_type == DeviceType.CPU ? BatchOnCpu : BatchOnGpu;
                if (own.Count > 0 && (elements + parameter.numel() > limit || key(state) != key(own[0])))
                {
                    Flush();
                }
                parameters.Add(parameter);
                grads.Add(grad);
                own.Add(state);
                elements += parameter.numel();
            }
            Flush();

            void Flush()
            {
                if (own.Count > 0)
                {
                    using var batch = NewDisposeScope();
                    body(group, [.. parameters], [.. grads], [.. own]);
                }
                parameters.Clear();
                grads.Clear();
                own.Clear();
                elements = 0;
            }
        }
        return loss;
    }
}
