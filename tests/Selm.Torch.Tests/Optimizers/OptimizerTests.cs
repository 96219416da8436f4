using Selm.Torch.Tests.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Torch.Tests.Optimizers;

/// <summary>Every optimizer against its published formula, written out in plain doubles.</summary>
public class OptimizerTests
{
    private const int Steps = 7;

    // Gradients that depend on the step and the element only, so that the loops below see the same ones.
    private static double Gradient(int step, int element) => Math.Sin((step * 1.7) + (element * 0.9)) + (0.1 * element);

    private static readonly double[] Start = [0.5, -1, 2, 0, 3];

    /// <summary>Runs an optimizer over two parameters (elements 0-2 and 3-4) and returns all elements.</summary>
    private static double[] Run(Func<IEnumerable<Parameter>, torch.optim.Optimizer> make, ScalarType? dtype = null)
    {
        using var scope = NewDisposeScope();
        var type = dtype ?? float64;
        Parameter[] parameters = [new(tensor(Start[..3], type)), new(tensor(Start[3..], type)), new(tensor(new[] { 9.0 }, type))];
        using var optimizer = make(parameters);
        for (var step = 1; step <= Steps; step++)
        {
            var at = step;
            parameters[0].grad = tensor([.. Enumerable.Range(0, 3).Select(k => Gradient(at, k))], type);
            parameters[1].grad = tensor([.. Enumerable.Range(3, 2).Select(k => Gradient(at, k))], type);
            optimizer.step();
        }
        Assert.Equal(9.0, parameters[2].ToDouble());
        return [.. parameters[..2].SelectMany(parameter => parameter.to_type(float64).data<double>().ToArray())];
    }

    private static void Equal(double[] expected, double[] found, double tolerance = 1e-13) =>
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance * Math.Max(1, Math.Abs(pair.First))));

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.1, false)]
    [InlineData(0.1, true)]
    public void AdamW_equals_a_loop_in_double(double decay, bool maximize)
    {
        const double Rate = 0.05, Beta1 = 0.8, Beta2 = 0.95, Eps = 1e-6;
        var expected = Start.ToArray();
        double[] m = new double[5], v = new double[5];
        for (var t = 1; t <= Steps; t++)
        {
            for (var k = 0; k < 5; k++)
            {
                var g = Gradient(t, k) * (maximize ? -1 : 1);
                expected[k] -= Rate * decay * expected[k];
                m[k] = (Beta1 * m[k]) + ((1 - Beta1) * g);
                v[k] = (Beta2 * v[k]) + ((1 - Beta2) * g * g);
                var corrected = m[k] / (1 - Math.Pow(Beta1, t));
                expected[k] -= Rate * corrected / ((Math.Sqrt(v[k]) / Math.Sqrt(1 - Math.Pow(Beta2, t))) + Eps);
            }
        }
        Equal(expected, Run(all => torch.optim.AdamW(all, Rate, Beta1, Beta2, Eps, decay, maximize: maximize)));
        Equal(expected, Run(all => torch.optim.AdamW(all, Rate, Beta1, Beta2, Eps, decay, maximize: maximize), float32), 1e-5);
    }

    [Theory]
    [InlineData(0.0, 0.0, false, false)]
    [InlineData(0.1, 0.0, false, true)]
    [InlineData(0.0, 0.9, false, false)]
    [InlineData(0.1, 0.9, true, false)]
    public void RMSProp_equals_a_loop_in_double(double decay, double momentum, bool centered, bool maximize)
    {
        const double Rate = 0.02, Alpha = 0.9, Eps = 1e-6;
        var expected = Start.ToArray();
        double[] square = new double[5], mean = new double[5], buffer = new double[5];
        for (var t = 1; t <= Steps; t++)
        {
            for (var k = 0; k < 5; k++)
            {
                var g = (Gradient(t, k) * (maximize ? -1 : 1)) + (decay * expected[k]);
                square[k] = (Alpha * square[k]) + ((1 - Alpha) * g * g);
                mean[k] = (Alpha * mean[k]) + ((1 - Alpha) * g);
                var quotient = g / (Math.Sqrt(centered ? square[k] - (mean[k] * mean[k]) : square[k]) + Eps);
                buffer[k] = (momentum * buffer[k]) + quotient;
                expected[k] -= Rate * (momentum > 0 ? buffer[k] : quotient);
            }
        }
        Equal(expected, Run(all => torch.optim.RMSProp(all, Rate, Alpha, Eps, decay, momentum, centered, maximize)), 1e-12);
    }

    [Theory]
    [InlineData(0.0, 0.0, 0.0, false, false)]
    [InlineData(0.1, 0.9, 0.0, false, true)]
    [InlineData(0.1, 0.9, 0.3, false, false)]
    [InlineData(0.0, 0.9, 0.0, true, false)]
    public void SGD_equals_a_loop_in_double(double decay, double momentum, double dampening, bool nesterov, bool maximize)
    {
        const double Rate = 0.1;
        var expected = Start.ToArray();
        var buffer = new double[5];
        for (var t = 1; t <= Steps; t++)
        {
            for (var k = 0; k < 5; k++)
            {
                var g = (Gradient(t, k) * (maximize ? -1 : 1)) + (decay * expected[k]);
                buffer[k] = t == 1 ? g : (momentum * buffer[k]) + ((1 - dampening) * g);
                expected[k] -= Rate * (momentum == 0 ? g : nesterov ? g + (momentum * buffer[k]) : buffer[k]);
            }
        }
        Equal(expected, Run(all => torch.optim.SGD(all, Rate, momentum, dampening, decay, nesterov, maximize)));
    }

    [Fact]
    public void a_parameter_that_joins_late_has_bias_corrections_of_its_own()
    {
        using var scope = NewDisposeScope();
        Parameter early = new(ones(1, float64)), late = new(ones(1, float64)), alone = new(ones(1, float64));
        using var both = torch.optim.AdamW([early, late], 0.1);
        using var single = torch.optim.AdamW([alone], 0.1);
        early.grad = tensor(new[] { 2.0 });
        both.step();
        late.grad = tensor(new[] { 3.0 });
        alone.grad = tensor(new[] { 3.0 });
        both.step();
        single.step();
        Assert.Equal(alone.ToDouble(), late.ToDouble());
    }

    [Fact]
    public void groups_keep_options_of_their_own_and_take_the_others_from_the_optimizer()
    {
        using var scope = NewDisposeScope();
        Parameter decayed = new(ones(1, float64)), plain = new(ones(1, float64));
        using var optimizer = torch.optim.AdamW(
            [new AdamW.ParamGroup([decayed], new AdamW.Options { weight_decay = 0.5 }), new AdamW.ParamGroup([plain], lr: 0.2)], 0.1);
        decayed.grad = zeros(1, float64);
        plain.grad = zeros(1, float64);
        optimizer.step();
        Assert.Equal(0.95, decayed.ToDouble(), 1e-15);
        Assert.Equal(1.0, plain.ToDouble(), 1e-15);
        Assert.Equal([0.1, 0.2], optimizer.ParamGroups.Select(group => group.LearningRate));
        optimizer.ParamGroups.First().LearningRate = 1;
        optimizer.step();
        Assert.Equal(0.475, decayed.ToDouble(), 1e-15);
    }

    [Fact]
    public void a_state_carried_over_continues_bit_by_bit()
    {
        using var scope = NewDisposeScope();
        Parameter first = new(tensor(Start)), second = new(tensor(Start));
        using var one = torch.optim.AdamW([first], 0.1);
        using var two = torch.optim.AdamW([second], 0.7);
        void Step(int step, Parameter parameter, torch.optim.Optimizer optimizer)
        {
            parameter.grad = tensor([.. Enumerable.Range(0, 5).Select(k => Gradient(step, k))]);
            optimizer.step();
        }
        Step(1, first, one);
        Step(2, first, one);
        using (no_grad())
        {
            second.copy_(first);
        }
        two.load_state_dict(one.state_dict());
        Assert.True(one.state_dict().State[0].ApproximatelyEquals(two.state_dict().State[0]));
        Assert.Equal(2, ((AdamW.State)two.state_dict().State[0]).step);
        Step(3, first, one);
        Assert.False(one.state_dict().State[0].ApproximatelyEquals(two.state_dict().State[0]));
        Step(3, second, two);
        Assert.Equal(first.data<double>().ToArray(), second.data<double>().ToArray());
    }

    [Fact]
    public void many_parameters_in_many_batches_leave_no_tensors_behind()
    {
        ModuleTests.CollectGarbage();
        var before = Tensor.TotalCount;
        using (NewDisposeScope())
        {
            Parameter[] parameters = [.. Enumerable.Range(0, 9).Select(k => new Parameter(ones(40000 + k, float32)))];
            torch.optim.Optimizer[] optimizers =
            [
                torch.optim.AdamW(parameters, 0.1, weight_decay: 0.1), torch.optim.RMSProp(parameters, momentum: 0.9, centered: true, weight_decay: 0.1),
                torch.optim.SGD(parameters, 0.1, 0.9, nesterov: true),
            ];
            foreach (var optimizer in optimizers)
            {
                void Step()
                {
                    using var scope = NewDisposeScope();
                    parameters.Select(parameter => parameter.sum()).Aggregate((a, b) => a + b).backward();
                    optimizer.step();
                    optimizer.zero_grad();
                }
                Step();
                var made = Tensor.TotalCount;
                Step();
                Step();
                Assert.Equal(made, Tensor.TotalCount);
                Assert.All(parameters, parameter => Assert.True((parameter.min() == parameter.max()).ToBoolean()));
                Assert.Single(parameters.Select(parameter => parameter[0].item<float>()).Distinct());
            }
            Assert.Equal(0f, parameters[0].grad!.abs().max().item<float>());
            foreach (var optimizer in optimizers)
            {
                optimizer.Dispose();
            }
        }
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void the_closure_runs_with_gradients_and_its_loss_comes_back()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(tensor(new[] { 3.0 }));
        using var optimizer = torch.optim.SGD([parameter], 0.1);
        var loss = optimizer.step(() =>
        {
            optimizer.zero_grad();
            var value = parameter.square().sum();
            value.backward();
            return value;
        });
        Assert.Equal(9.0, loss!.ToDouble());
        Assert.Equal(2.4, parameter.ToDouble(), 1e-15);
    }

    [Fact]
    public void schedules_set_the_rate_of_each_step()
    {
        using var scope = NewDisposeScope();
        using var optimizer = torch.optim.SGD([new Parameter(ones(1))], 2);
        double[] Rates(torch.optim.lr_scheduler.LRScheduler scheduler) =>
            [.. Enumerable.Range(0, 6).Select(_ =>
            {
                var rate = optimizer.ParamGroups.First().LearningRate;
                Assert.Equal(rate, scheduler.get_last_lr().Single());
                scheduler.step();
                return rate;
            })];
        Assert.Equal([0.0, 0.5, 1, 1.5, 2, 2], Rates(torch.optim.lr_scheduler.LambdaLR(optimizer, epoch => Math.Min(1, epoch / 4.0))));
        Assert.Equal([1.0, 1.5, 2, 2, 2, 2], Rates(torch.optim.lr_scheduler.LambdaLR(optimizer, epoch => Math.Min(1, epoch / 4.0), last_epoch: 1)));
        optimizer.ParamGroups.First().LearningRate = 2;
        Assert.Equal([2.0, 2, 0.2, 0.2, 0.02, 0.02], Rates(torch.optim.lr_scheduler.StepLR(optimizer, 2)), (x, y) => Math.Abs(x - y) < 1e-15);
    }

    [Fact]
    public void options_outside_their_range_are_refused()
    {
        using var parameter = new Parameter(ones(1));
        Assert.Throws<ArgumentException>(() => torch.optim.AdamW([parameter], -1));
        Assert.Throws<ArgumentException>(() => torch.optim.AdamW([parameter], beta2: 1));
        Assert.Throws<NotSupportedException>(() => torch.optim.AdamW([parameter], amsgrad: true));
        Assert.Throws<ArgumentException>(() => torch.optim.RMSProp([parameter], eps: -1));
        Assert.Throws<ArgumentException>(() => torch.optim.SGD([parameter], 1, nesterov: true));
    }
}
