using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it:
        /// p -= lr wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
        /// </summary>
        public class AdamW : OptimizerHelper, optim.IBetas
        {
            private readonly Options defaults;

            public AdamW(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
                : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize)
            {
            }

            public AdamW(IEnumerable<ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            {
                if (lr < 0 || eps < 0 || weight_decay < 0 || beta1 is < 0 or >= 1 || beta2 is < 0 or >= 1)
                {
                    throw new ArgumentException($"AdamW needs lr {lr}, eps {eps} and weight decay {weight_decay} >= 0 and betas {beta1}, {beta2} in [0, 1)");
                }
                defaults = new()
                {
                    LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize,
                };
                foreach (var group in parameters)
                {
                    add_param_group(group);
                }
            }

            public (double, double) Betas
            {
                get => _parameter_groups[0] is ParamGroup group ? group.Betas : default;
                set
                {
                    foreach (var group in _parameter_groups.OfType<ParamGroup>())
                    {
                        group.Betas = value;
                    }
                }
            }

            /// <exception cref="NotSupportedException">The group asks for amsgrad.</exception>
            public override void add_param_group(Modules.ParamGroup param_group)
            {
                var options = (Options)(param_group.Options ??= new Options());
                options.LearningRate ??= defaults.LearningRate;
                options.beta1 ??= defaults.beta1;
                options.beta2 ??= defaults.beta2;
                options.eps ??= defaults.eps;
                options.weight_decay ??= defaults.weight_decay;
                options.amsgrad ??= defaults.amsgrad;
                options.maximize ??= defaults.maximize;
                if (options.amsgrad == true)
                {
                    throw new NotSupportedException("AdamW with amsgrad is not offered");
                }
                Add(param_group, parameter => new State(parameter));
            }

            public override Tensor? step(Func<Tensor>? closure = null) => Step<State>(closure, state => state.step, Update);

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
                var (lr, decay, eps) = (options.LearningRate!.Value, options.weight_decay!.Value, options.eps!.Value);
                var (beta1, beta2) = (options.beta1!.Value, options.beta2!.Value);
                var step = states[0].step + 1;
                Tensor[] first = [.. states.Select(state => state.exp_avg!)], second = [.. states.Select(state => state.exp_avg_sq!)];
                if (options.maximize!.Value)
                {
                    grads = Foreach.Negative(grads);
                }
                if (decay != 0)
                {
                    Foreach.Multiply(parameters, 1 - (lr * decay));
                }
                Foreach.Multiply(first, beta1);
                Foreach.Add(first, grads, 1 - beta1);
                Foreach.Multiply(second, beta2);
                Foreach.AddProduct(second, grads, grads, 1 - beta2);
                var denominators = Foreach.SquareRoot(second);
                Foreach.Divide(denominators, Math.Sqrt(1 - Math.Pow(beta2, step)));
                Foreach.Add(denominators, eps);
                Foreach.AddQuotient(parameters, first, denominators, -lr / (1 - Math.Pow(beta1, step)));
                foreach (var state in states)
                {
                    state.step = step;
                }
            }

            public class Options : OptimizerOptions
            {
                public double? beta1;
                public double? beta2;
                public double? weight_decay;
                public double? eps;
                public bool? amsgrad;
                public bool? maximize;

                public override void LoadStateDict(OptimizerOptions source)
                {
                    base.LoadStateDict(source);
                    var other = (Options)source;
                    (beta1, beta2, weight_decay, eps) = (other.beta1, other.beta2, other.weight_decay, other.eps);
                    (amsgrad, maximize) = (other.amsgrad, other.maximize);
                }
            }

            public class ParamGroup : ParamGroup<Options>, optim.IBetas
            {
                public ParamGroup()
                {
                }

                public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                    : base(parameters, options)
                {
                }

                public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
                    : base(parameters, new Options
                    {
                        LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize,
                    })
                {
                }

                public (double, double) Betas
                {
                    get => (Options.beta1!.Value, Options.beta2!.Value);
                    set => (Options.beta1, Options.beta2) = value;
                }
            }

            /// <summary>Steps taken and the two running means, m and v.</summary>
            public class State : OptimizerState, IDisposable
            {
                public long step;
                public Tensor? exp_avg;
                public Tensor? exp_avg_sq;

                public State(Parameter parameter)
                    : base(parameter)
                {
                }

                public override void Initialize(OptimizerOptions options)
                {
                    step = 0;
                    Zero(ref exp_avg);
                    Zero(ref exp_avg_sq);
                }

                public override void LoadStateDict(OptimizerState source)
                {
                    var other = (State)source;
                    step = other.step;
                    Copy(ref exp_avg, other.exp_avg);
                    Copy(ref exp_avg_sq, other.exp_avg_sq);
                }

                public override bool ApproximatelyEquals(OptimizerState other) => other is State state && step == state.step
                    && Close(exp_avg, state.exp_avg) && Close(exp_avg_sq, state.exp_avg_sq);

                public override void to(Device device)
                {
                    Move(ref exp_avg, device);
                    Move(ref exp_avg_sq, device);
                }

                public void Dispose()
                {
                    exp_avg?.Dispose();
                    exp_avg_sq?.Dispose();
                    GC.SuppressFinalize(this);
                }
            }
        }
    }

    public static partial class torch
    {
        public static partial class optim
        {
            public static AdamW AdamW(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            public static AdamW AdamW(IEnumerable<(string, Parameter)> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters.Select(named => named.Item2), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            public static AdamW AdamW(IEnumerable<AdamW.ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1E-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
        }
    }
}
