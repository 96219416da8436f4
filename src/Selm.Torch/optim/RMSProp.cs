using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>
        /// RMSprop as PyTorch computes it: v = a v + (1 - a) g^2; p -= lr g / (sqrt(v) + eps), with v less the squared mean of g
        /// where it is centered, and the quotient gathered in a buffer where there is momentum.
        /// </summary>
        public class RMSProp : OptimizerHelper, optim.IMomentum
        {
            private readonly Options defaults;

            public RMSProp(IEnumerable<Parameter> parameters, double lr = 0.001, double alpha = 0.99, double eps = 1E-08, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false)
                : this([new ParamGroup { Parameters = parameters }], lr, alpha, eps, weight_decay, momentum, centered, maximize)
            {
            }

            public RMSProp(IEnumerable<ParamGroup> parameters, double lr = 0.001, double alpha = 0.99, double eps = 1E-08, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false)
            {
                if (lr < 0 || eps < 0 || weight_decay < 0 || alpha < 0 || momentum < 0)
                {
                    throw new ArgumentException($"RMSProp needs lr {lr}, alpha {alpha}, eps {eps}, weight decay {weight_decay} and momentum {momentum} >= 0");
                }
                defaults = new()
                {
                    LearningRate = lr, alpha = alpha, eps = eps, weight_decay = weight_decay, momentum = momentum, centered = centered, maximize = maximize,
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
                options.alpha ??= defaults.alpha;
                options.eps ??= defaults.eps;
                options.weight_decay ??= defaults.weight_decay;
                options.momentum ??= defaults.momentum;
                options.centered ??= defaults.centered;
                options.maximize ??= defaults.maximize;
                Add(param_group, parameter => new State(parameter));
            }

            public override Tensor? step(Func<Tensor>? closure = null) => Step<State>(closure, _ => 0, Update);

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
                var (lr, alpha, momentum) = (options.LearningRate!.Value, options.alpha!.Value, options.momentum!.Value);
                if (options.maximize!.Value)
                {
                    grads = Foreach.Negative(grads);
                }
                if (options.weight_decay is not 0)
                {
                    grads = Foreach.Sum(grads, parameters, options.weight_decay!.Value);
                }
                Tensor[] squares = [.. states.Select(state => state.square_avg!)];
                Foreach.Multiply(squares, alpha);
                Foreach.AddProduct(squares, grads, grads, 1 - alpha);
                if (options.centered!.Value)
                {
                    Tensor[] means = [.. states.Select(state => state.grad_avg!)];
                    Foreach.Multiply(means, alpha);
                    Foreach.Add(means, grads, 1 - alpha);
                    squares = Foreach.Product(squares, means, means, -1);
                }
                var denominators = Foreach.SquareRoot(squares);
                Foreach.Add(denominators, options.eps!.Value);
                if (momentum > 0)
                {
                    Tensor[] buffers = [.. states.Select(state => state.momentum_buffer!)];
                    Foreach.Multiply(buffers, momentum);
                    Foreach.AddQuotient(buffers, grads, denominators, 1);
                    Foreach.Add(parameters, buffers, -lr);
                }
                else
                {
                    Foreach.AddQuotient(parameters, grads, denominators, -lr);
                }
                foreach (var state in states)
                {
                    state.step++;
                }
            }

            public class Options : OptimizerOptions
            {
                public double? alpha;
                public double? eps;
                public double? weight_decay;
                public double? momentum;
                public bool? centered;
                public bool? maximize;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var other = (Options)source;
                    (alpha, eps, weight_decay, momentum) = (other.alpha, other.eps, other.weight_decay, other.momentum);
                    (centered, maximize) = (other.centered, other.maximize);
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

                public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double eps = 1E-08, double alpha = 0.99, double weight_decay = 0, double momentum = 0, bool centered = false)
                    : base(parameters, new Options { LearningRate = lr, eps = eps, alpha = alpha, weight_decay = weight_decay, momentum = momentum, centered = centered })
                {
                }

                public double Momentum
                {
                    get => Options.momentum!.Value;
                    set => Options.momentum = value;
                }
            }

            /// <summary>Steps taken, the running mean of g^2 and, where asked for, of g and of the quotients.</summary>
            public class State : OptimizerState, IDisposable
            {
                public long step;
                public Tensor? square_avg;
                public Tensor? momentum_buffer;
                public Tensor? grad_avg;

                public State(Parameter parameter)
                    : base(parameter)
                {
                }

                public override void Initialize(OptimizerOptions options)
                {
                    var own = (Options)options;
                    step = 0;
                    Zero(ref square_avg);
                    if (own.momentum > 0)
                    {
                        Zero(ref momentum_buffer);
                    }
                    if (own.centered == true)
                    {
                        Zero(ref grad_avg);
                    }
                }

                public override void LoadStateDict(OptimizerState source)
                {
                    var other = (State)source;
                    step = other.step;
                    Copy(ref square_avg, other.square_avg);
                    Copy(ref momentum_buffer, other.momentum_buffer);
                    Copy(ref grad_avg, other.grad_avg);
                }

                public override bool ApproximatelyEquals(OptimizerState other) => other is State state && step == state.step
                    && Close(square_avg, state.square_avg) && Close(momentum_buffer, state.momentum_buffer) && Close(grad_avg, state.grad_avg);

                public override void to(Device device)
                {
                    Move(ref square_avg, device);
                    Move(ref momentum_buffer, device);
                    Move(ref grad_avg, device);
                }

                public void Dispose()
                {
                    square_avg?.Dispose();
                    momentum_buffer?.Dispose();
                    grad_avg?.Dispose();
                    GC.SuppressFinalize(this);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static RMSProp RMSProp(IEnumerable<Parameter> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1E-08, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters, lr, alpha, eps, weight_decay, momentum, centered, maximize);

            public static RMSProp RMSProp(IEnumerable<(string, Parameter)> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1E-08, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters.Select(named => named.Item2), lr, alpha, eps, weight_decay, momentum, centered, maximize);

            public static RMSProp RMSProp(IEnumerable<RMSProp.ParamGroup> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1E-08, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
                new(parameters, lr, alpha, eps, weight_decay, momentum, centered, maximize);
        }
    }
}
