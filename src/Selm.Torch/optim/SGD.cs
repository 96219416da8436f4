using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>
        /// Stochastic gradient descent as PyTorch computes it: with momentum, b = g at the first step and then
        /// b = momentum b + (1 - dampening) g; p -= lr b, or p -= lr (g + momentum b) with Nesterov's.
        /// </summary>
        public class SGD : OptimizerHelper, optim.IMomentum
        {
            private readonly Options defaults;

            public SGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize)
            {
            }

            public SGD(IEnumerable<ParamGroup> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
            {
                if (lr < 0 || momentum < 0 || weight_decay < 0 || (nesterov && (momentum == 0 || dampening != 0)))
                {
                    throw new ArgumentException($"SGD needs lr {lr}, momentum {momentum} and weight decay {weight_decay} >= 0; Nesterov's needs momentum and no dampening");
                }
                defaults = new()
                {
                    LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize,
                };
                foreach (var group in parameters)
                {
                    add_param_group(group);
                }
            }

            public double Momentum
            {
                get => ((Options)_parameter_groups[0].Options!).momentum!.Value;
                set
                {
                    foreach (var group in _parameter_groups)
                    {
                        ((Options)group.Options!).momentum = value;
                    }
                }
            }

            public override void add_param_group(Modules.ParamGroup param_group)
            {
                var options = (Options)(param_group.Options ??= new Options());
                options.LearningRate ??= defaults.LearningRate;
                options.momentum ??= defaults.momentum;
                options.dampening ??= defaults.dampening;
                options.weight_decay ??= defaults.weight_decay;
                options.nesterov ??= defaults.nesterov;
                options.maximize ??= defaults.maximize;
                Add(param_group, parameter => new State(parameter));
            }

            // A batch holds either parameters at their first step, whose buffers are yet to be made, or others.
            public override Tensor? step(Func<Tensor>? closure = null) => Step<State>(closure, state => state.momentum_buffer is null ? 0 : 1, Update);

            protected override void Dispose(bool disposing)
            {
                if (disposing)
                {
                    DisposeStates();
                }
                base.Dispose(disposing);
            }

            private static void Update(Modules.ParamGroup group, Tensor[] parameters, Tensor[] grads, State[] states)
            {
                var options = (Options)group.Options!;
                var momentum = options.momentum!.Value;
                if (options.maximize!.Value)
                {
                    grads = Foreach.Negative(grads);
                }
                if (options.weight_decay is not 0)
                {
                    grads = Foreach.Sum(grads, parameters, options.weight_decay!.Value);
                }
                if (momentum != 0)
                {
                    var buffers = Gather(states, grads, momentum, 1 - options.dampening!.Value);
                    grads = options.nesterov!.Value ? Foreach.Sum(grads, buffers, momentum) : buffers;
                }
                Foreach.Add(parameters, grads, -options.LearningRate!.Value);
            }

            private static Tensor[] Gather(State[] states, Tensor[] grads, double momentum, double share)
            {
                if (states[0].momentum_buffer is null)
                {
                    for (var k = 0; k < states.Length; k++)
                    {
                        states[k].momentum_buffer = grads[k].clone().DetachFromDisposeScope();
                    }
                    return [.. states.Select(state => state.momentum_buffer!)];
                }
                Tensor[] buffers = [.. states.Select(state => state.momentum_buffer!)];
                Foreach.Multiply(buffers, momentum);
                Foreach.Add(buffers, grads, share);
                return buffers;
            }

            public class Options : OptimizerOptions
            {
                public double? momentum;
                public double? dampening;
                public double? weight_decay;
                public bool? nesterov;
                public bool? maximize;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var other = (Options)source;
                    (momentum, dampening, weight_decay) = (other.momentum, other.dampening, other.weight_decay);
                    (nesterov, maximize) = (other.nesterov, other.maximize);
                }
            }

            public class ParamGroup : ParamGroup<Options>, optim.IMomentum
            {
                public ParamGroup()
                {
                }

                public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                    : base(parameters, options)
                {
                }

                public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                    : base(parameters, new Options
                    {
                        LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize,
                    })
                {
                }

                public double Momentum
                {
                    get => Options.momentum!.Value;
                    set => Options.momentum = value;
                }
            }

            /// <summary>The running sum of gradients; null without momentum and before the first step.</summary>
            public class State : OptimizerState, IDisposable
            {
                public Tensor? momentum_buffer;

                public State(Parameter parameter)
                    : base(parameter)
                {
                }

                public override void Initialize(OptimizerOptions options)
                {
                    momentum_buffer?.Dispose();
                    momentum_buffer = null;
                }

                public override void LoadStateDict(OptimizerState source) => Copy(ref momentum_buffer, ((State)source).momentum_buffer);

                public override bool ApproximatelyEquals(OptimizerState other) => other is State state && Close(momentum_buffer, state.momentum_buffer);

                public override void to(Device device) => Move(ref momentum_buffer, device);

                public void Dispose()
                {
                    momentum_buffer?.Dispose();
                    GC.SuppressFinalize(this);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static SGD SGD(IEnumerable<Parameter> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            public static SGD SGD(IEnumerable<(string, Parameter)> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters.Select(named => named.Item2), learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            public static SGD SGD(IEnumerable<SGD.ParamGroup> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}
