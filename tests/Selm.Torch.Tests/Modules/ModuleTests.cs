using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Selm.Torch.Tests.Modules;

public class ModuleTests
{
#pragma warning disable CS0649, IDE0044, IDE0051, CA1823, CS0414 // fields are components; reflection reads them
    private sealed class Block : torch.nn.Module<Tensor, Tensor>
    {
        private readonly Linear up_proj = torch.nn.Linear(3, 5, hasBias: false);

        [ComponentName(Name = "down_proj")]
        private readonly Linear down = torch.nn.Linear(5, 3);

        internal readonly Parameter scale = new(ones(3));

        public Block()
            : base("block") => RegisterComponents();

        public override Tensor forward(Tensor input) => input + (down.call(up_proj.call(input)) * scale);
    }

    private sealed class Model : torch.nn.Module<Tensor, Tensor>
    {
        internal readonly Embedding embed = torch.nn.Embedding(7, 3);
        internal readonly ModuleList<Block> layers = torch.nn.ModuleList(new Block(), new Block());
        private readonly Dropout dropout = torch.nn.Dropout(0.5);
        internal readonly Tensor positions = arange(4, float32);
        private readonly string? note = "not a component";

        public Model()
            : base("model")
        {
            register_buffer("scratch", zeros(2), persistent: false);
            RegisterComponents();
        }

        internal Block First => layers[0];

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var hidden = dropout.call(embed.call(input));
            foreach (var layer in layers)
            {
                hidden = layer.call(hidden);
            }
            return hidden.MoveToOuterDisposeScope();
        }
    }
#pragma warning restore CS0649, IDE0044, IDE0051, CA1823, CS0414

    private static readonly string[] Names =
    [
        "embed.weight",
        "layers.0.scale", "layers.0.up_proj.weight", "layers.0.down_proj.weight", "layers.0.down_proj.bias",
        "layers.1.scale", "layers.1.up_proj.weight", "layers.1.down_proj.weight", "layers.1.down_proj.bias",
    ];

    [Fact]
    public void parameters_are_named_by_the_fields_that_hold_them()
    {
        using var model = new Model();
        Assert.Equal(Names, model.named_parameters().Select(found => found.Item1));
        Assert.Equal(Names.Length, model.parameters().Count());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
        Assert.Empty(model.named_parameters(recurse: false));
        Assert.Same(model.First.scale, model.get_parameter("layers.0.scale"));
        Assert.True(model.has_parameter("layers.1.down_proj.bias"));
        Assert.False(model.has_parameter("layers.1.up_proj.bias"));
    }

    [Fact]
    public void modules_are_named_children_first()
    {
        using var model = new Model();
        Assert.Equal(["embed", "layers", "dropout"], model.named_children().Select(found => found.Item1));
        Assert.Equal(
            ["embed", "layers", "dropout", "layers.0", "layers.1", "layers.0.up_proj", "layers.0.down_proj", "layers.1.up_proj", "layers.1.down_proj"],
            model.named_modules().Select(found => found.Item1));
    }

    [Fact]
    public void a_buffer_that_is_not_persistent_is_no_part_of_the_state()
    {
        using var model = new Model();
        Assert.Equal(["scratch", "positions"], model.named_buffers().Select(found => found.Item1));
        Assert.Equal(["positions"], model.named_buffers(include_nonpersistent: false).Select(found => found.Item1));
        Assert.Equal([.. Names, "positions"], model.state_dict().Keys.Order(StringComparer.Ordinal).OrderBy(key => Array.IndexOf(Names, key) is var at && at < 0 ? int.MaxValue : at));
        Assert.True(model.has_buffer("scratch"));
    }

    [Fact]
    public void a_state_dict_carries_one_model_over_to_another()
    {
        using var scope = NewDisposeScope();
        using var source = new Model();
        using var target = new Model();
        var (missing, unexpected) = target.load_state_dict(source.state_dict());
        Assert.Empty(missing);
        Assert.Empty(unexpected);
        source.eval();
        target.eval();
        var ids = tensor(new long[] { 1, 5, 0, 6 });
        Assert.Equal(source.call(ids).data<float>().ToArray(), target.call(ids).data<float>().ToArray());
        Assert.NotSame(source.First.scale, target.First.scale);
    }

    [Fact]
    public void a_state_dict_that_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        var state = model.state_dict();
        state.Remove("layers.1.scale");
        state["layers.9.scale"] = ones(3);
        var error = Assert.Throws<InvalidOperationException>(() => model.load_state_dict(state));
        Assert.Contains("missing [layers.1.scale], unexpected [layers.9.scale]", error.Message, StringComparison.Ordinal);
        var (missing, unexpected) = model.load_state_dict(state, strict: false);
        Assert.Equal("layers.1.scale layers.9.scale", $"{missing.Single()} {unexpected.Single()}");
        Assert.Empty(model.load_state_dict(state, skip: ["layers.1.scale", "layers.9.scale"]).Item1);
    }

    [Fact]
    public void a_tied_weight_is_one_parameter_with_two_names_in_the_state()
    {
        using var table = torch.nn.Embedding(7, 3);
        using var head = torch.nn.Linear(table.weight);
        using var tied = new Tied(table, head);
        Assert.Equal(["embed.weight"], tied.named_parameters().Select(found => found.Item1));
        Assert.Equal(["embed.weight", "head.weight"], tied.state_dict().Keys);
    }

    private sealed class Tied : torch.nn.Module
    {
        internal Tied(Embedding embed, Linear head)
            : base("tied")
        {
            register_module("embed", embed);
            register_module("head", head);
        }
    }

    [Fact]
    public void names_that_are_taken_or_hold_a_dot_are_refused()
    {
        using var model = new Model();
        using var extra = torch.nn.Dropout();
        Assert.Throws<InvalidOperationException>(() => model.register_module("embed", extra));
        Assert.Throws<ArgumentException>(() => model.register_module("a.b", extra));
        Assert.Throws<InvalidOperationException>(() => model.register_buffer("positions", model.positions));
    }

    [Fact]
    public void a_move_converts_what_is_floating_and_keeps_the_objects()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        var counters = tensor(new long[] { 3 });
        model.register_buffer("counters", counters);
        var before = model.parameters().ToArray();
        model.call(tensor(new long[] { 1, 2 })).sum().backward();
        var grad = model.First.scale.grad!.to_type(float64);
        Assert.Same(model, model.to(float64));
        Assert.All(before.Zip(model.parameters()), pair => Assert.Same(pair.First, pair.Second));
        Assert.All(model.parameters(), parameter => Assert.Equal((float64, true, true), (parameter.dtype, parameter.requires_grad, parameter.is_leaf)));
        Assert.Equal(float64, model.positions.dtype);
        Assert.Equal(int64, counters.dtype);
        Assert.Equal(grad.data<double>().ToArray(), model.First.scale.grad!.data<double>().ToArray());
        model.call(tensor(new long[] { 1, 2 })).sum().backward();
    }

    [Fact]
    public void training_mode_reaches_all_children_and_decides_about_dropout()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        Assert.All(model.modules(), module => Assert.True(module.training));
        model.eval();
        Assert.All(model.modules(), module => Assert.False(module.training));
        using var dropout = torch.nn.Dropout(0.5);
        var x = ones(1000);
        Assert.Contains(dropout.call(x).data<float>().ToArray(), value => value == 0);
        dropout.eval();
        Assert.Equal(x.data<float>().ToArray(), dropout.call(x).data<float>().ToArray());
    }

    [Fact]
    public void zero_grad_drops_or_zeroes_gradients()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        model.call(tensor(new long[] { 1 })).sum().backward();
        model.zero_grad(set_to_none: false);
        Assert.Equal([0f, 0, 0], model.First.scale.grad!.data<float>().ToArray());
        model.zero_grad();
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void a_linear_layer_and_an_embedding_equal_their_formulas()
    {
        using var scope = NewDisposeScope();
        using var linear = torch.nn.Linear(new Parameter(tensor(new double[] { 1, 2, 3, 4 }, [2, 2])), new Parameter(tensor(new[] { 10.0, 20 })));
        Assert.Equal([15.0, 31], linear.call(tensor(new[] { 1.0, 2 })).data<double>().ToArray());
        Assert.Equal((2L, 2L), (linear.in_features, linear.out_features));
        using var table = torch.nn.Embedding(4, 2, padding_idx: -1, dtype: float64);
        Assert.Equal([0.0, 0], table.weight[3].data<double>().ToArray());
        var rows = table.call(tensor(new long[] { 2, 3, 2 }));
        Assert.Equal([3L, 2], rows.shape);
        rows.sum().backward();
        Assert.Equal([0.0, 0, 0, 0, 2, 2, 0, 0], table.weight.grad!.data<double>().ToArray());
        var given = tensor(new double[] { 1, 2, 3, 4 }, [2, 2]);
        using var frozen = torch.nn.Embedding_from_pretrained(given, dtype: float64);
        Assert.False(frozen.weight.requires_grad);
        Assert.Equal([3.0, 4], frozen.call(tensor(new long[] { 1 })).data<double>().ToArray());
    }

    [Fact]
    public void a_fresh_linear_layer_is_uniform_within_one_over_the_root_of_its_inputs()
    {
        using var scope = NewDisposeScope();
        using var linear = torch.nn.Linear(100, 200);
        Assert.InRange(linear.weight.abs().max().item<float>(), 0.099f, 0.1f);
        Assert.InRange(linear.bias!.abs().max().item<float>(), 0.08f, 0.1f);
        Assert.True(linear.weight.requires_grad && linear.weight.is_leaf);
    }

    [Fact]
    public void a_parameter_takes_over_its_data_and_a_model_frees_all_it_made()
    {
        CollectGarbage();
        var before = Tensor.TotalCount;
        using (NewDisposeScope())
        {
            var data = ones(3);
            var parameter = new Parameter(data);
            Assert.True(data.IsInvalid);
            Assert.Equal(before + 1, Tensor.TotalCount);
            Assert.Equal(3f, parameter.sum().item<float>());
        }
        Assert.Equal(before, Tensor.TotalCount);

        using (NewDisposeScope())
        {
            var model = new Model();
            var made = Tensor.TotalCount;
            for (var k = 0; k < 3; k++)
            {
                using var step = NewDisposeScope();
                model.call(tensor(new long[] { 1, 2 })).sum().backward();
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1);
                model.zero_grad();
            }
            Assert.Equal(made, Tensor.TotalCount);
            model.to(bfloat16);
            Assert.Equal(made, Tensor.TotalCount);
            model.Dispose();
        }
        Assert.Equal(before, Tensor.TotalCount);
    }

    // What earlier tests forgot must not be finalized while this one counts.
    internal static void CollectGarbage()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    [InlineData(double.PositiveInfinity)]
    public void clipping_scales_all_gradients_to_the_norm(double kind)
    {
        using var scope = NewDisposeScope();
        double[] a = [3, -4], b = [12];
        using var first = new Parameter(zeros(2, float64));
        using var second = new Parameter(zeros(1, float64));
        using var without = new Parameter(zeros(5, float64));
        first.grad = tensor(a);
        second.grad = tensor(b);
        var norm = kind switch { 2 => 13.0, 1 => 19.0, _ => 12.0 };
        Assert.Equal(norm, torch.nn.utils.clip_grad_norm_([first, without, second], 100, kind), 1e-12);
        Assert.Equal(a, first.grad!.data<double>().ToArray());
        Assert.Equal(norm, torch.nn.utils.clip_grad_norm_([first, without, second], 6, kind), 1e-12);
        Assert.Equal(a.Select(x => x * 6 / (norm + 1e-6)), first.grad!.data<double>().ToArray(), (x, y) => Math.Abs(x - y) < 1e-12);
        Assert.Equal(b.Select(x => x * 6 / (norm + 1e-6)), second.grad!.data<double>().ToArray(), (x, y) => Math.Abs(x - y) < 1e-12);
        Assert.Null(without.grad);
    }

    [Fact]
    public void clipping_does_not_hide_a_gradient_that_is_not_a_number()
    {
        using var scope = NewDisposeScope();
        using var parameter = new Parameter(zeros(2));
        parameter.grad = tensor(new[] { 1f, float.NaN });
        Assert.True(double.IsNaN(torch.nn.utils.clip_grad_norm_([parameter], 1)));
        Assert.All(parameter.grad!.data<float>().ToArray(), value => Assert.True(float.IsNaN(value)));
    }
}
