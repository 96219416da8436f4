namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>Schedules of the learning rate; a scheduler sets the first rate when it is made and the next at each step.</summary>
        public static class lr_scheduler
        {
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false) =>
                new impl.LambdaLR(optimizer, lr_lambda, last_epoch, verbose);

            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new impl.StepLR(optimizer, step_size, gamma, last_epoch, verbose);

            public abstract class LRScheduler
            {
                private readonly bool verbose;
                private readonly List<double> last;

                /// <summary>Steps taken, the one at construction included.</summary>
                protected int _step_count;

                protected LRScheduler(Optimizer optimizer, int last_epoch = -1, bool verbose = false)
                {
                    (Optimizer, Epoch, this.verbose) = (optimizer, last_epoch, verbose);
                    Base = [.. optimizer.ParamGroups.Select(group => group.InitialLearningRate)];
                    last = [.. optimizer.ParamGroups.Select(group => group.LearningRate)];
                }

                internal Optimizer Optimizer { get; }

                internal int Epoch { get; private set; }

                internal IReadOnlyList<double> Base { get; }

                /// <summary>The rates of all groups after the last step.</summary>
                public IEnumerable<double> get_last_lr() => last;

                public virtual void step() => step(null);

                public virtual void step(int? epoch)
                {
                    _step_count++;
                    Epoch = epoch ?? Epoch + 1;
                    double[] rates = [.. epoch is null ? get_lr() : get_closed_form_lr()];
                    foreach (var (k, group) in Optimizer.ParamGroups.Index())
                    {
                        if (verbose && last[k] != rates[k])
                        {
                            Console.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Adjusting learning rate to {rates[k]}"));
                        }
                        group.LearningRate = last[k] = rates[k];
                    }
                }

                protected virtual IEnumerable<double> get_lr() => Optimizer.ParamGroups.Select(group => group.LearningRate);

                protected virtual IEnumerable<double> get_closed_form_lr() => get_lr();
            }

            public static class impl
            {
                /// <summary>The initial rate times a function of the epoch.</summary>
                public class LambdaLR : LRScheduler
                {
                    private readonly List<Func<int, double>> factors;

                    public LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false)
                        : this(optimizer, optimizer.ParamGroups.Select(_ => lr_lambda), last_epoch, verbose)
                    {
                    }

                    public LambdaLR(Optimizer optimizer, IEnumerable<Func<int, double>> lr_lambdas, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        factors = [.. lr_lambdas];
                        step();
                    }

                    protected override IEnumerable<double> get_lr() => Base.Zip(factors, (rate, factor) => rate * factor(Epoch));
                }

                /// <summary>The rate times gamma after every step_size epochs.</summary>
                public class StepLR : LRScheduler
                {
                    private readonly int size;
                    private readonly double gamma;

                    public StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        (size, this.gamma) = (step_size, gamma);
                        step();
                    }

                    protected override IEnumerable<double> get_lr() =>
                        Optimizer.ParamGroups.Select(group => group.LearningRate * (Epoch == 0 || Epoch % size != 0 ? 1 : gamma));

                    protected override IEnumerable<double> get_closed_form_lr() => Base.Select(rate => rate * Math.Pow(gamma, Epoch / size));
                }
            }
        }
    }
}
