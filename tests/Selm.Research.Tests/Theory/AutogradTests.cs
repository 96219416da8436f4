using Selm.Research.Theory;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Theory;

/// <summary>The gradients of the exact worlds against autograd in float64.</summary>
public class AutogradTests
{
    [Fact]
    public void the_optimism_gradient_of_3_3_equals_autograds()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            var world = FiniteWorld.Random(seed);
            var gradient = Gradient(world, logps => (Table(world, world.Reference.Prob) * logps).sum() / world.Prompts);
            // E_theta[exp(-r_theta/beta) grad log pi_theta] = pi_ref - pi_theta in the logits
            Equal(world, (x, y) => (world.Reference.Prob(x, y) - world.Policy.Prob(x, y)) / world.Prompts, gradient);
            var steps = Ladder.Of(world, Edition.Repaired);
            Assert.All(steps["importance weights"].Right.Zip(gradient), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        }
    }

    [Fact]
    public void the_whole_selm_gradient_equals_autograds_with_the_exact_bonus_and_with_one_y()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            var world = FiniteWorld.Random(seed);
            var (policy, reference, data, beta, alpha) = (world.Policy, world.Reference, world.Data, world.Beta, world.Alpha);
            var exact = ExactObjectives.SelmExactGradient(policy, reference, data, beta, alpha);
            Equal(world, (x, y) => exact[x][y], Gradient(world, logps =>
                Dpo(world, logps) + alpha * beta / world.Prompts * (Table(world, reference.Prob) * logps).sum()));
            var oneY = ExactObjectives.SelmGradient(policy, reference, data, beta, alpha);
            Equal(world, (x, y) => oneY[x][y], Gradient(world, logps =>
                Dpo(world, logps) + alpha * beta * At(world, logps, d => d.Response).mean()));
        }
    }

    [Fact]
    public void the_printed_sign_of_the_fit_term_is_the_opposite_of_autograds()
    {
        var world = FiniteWorld.Random(3);
        var ascent = Gradient(world, logps => -Dpo(world, logps) / world.Beta);
        var printed = Ladder.Of(world, Edition.Printed)["sign of the fit term"].Right;
        Assert.All(ascent.Zip(printed), pair => Assert.Equal(-pair.First, pair.Second, 1e-12));
        Assert.True(ascent.Max(Math.Abs) > 1e-2);
    }

    private static Tensor Dpo(FiniteWorld world, Tensor logps)
    {
        var ratio = logps - Table(world, world.Reference.LogProb);
        var margin = world.Beta * (At(world, ratio, d => d.Chosen) - At(world, ratio, d => d.Rejected));
        return -nn.functional.logsigmoid(margin).mean();
    }

    private static Tensor At(FiniteWorld world, Tensor table, Func<Comparison, int> response) => table.reshape(-1).index_select(
        0, tensor(world.Data.Select(d => (long)(d.Prompt * world.Responses + response(d))).ToArray()));

    private static double[] Gradient(FiniteWorld world, Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        var logits = Table(world, world.Policy.LogProb).requires_grad_();
        loss(nn.functional.log_softmax(logits, 1)).backward();
        return logits.grad!.data<double>().ToArray();
    }

    private static Tensor Table(FiniteWorld world, Func<int, int, double> f) => tensor(
        Enumerable.Range(0, world.Prompts * world.Responses).Select(i => f(i / world.Responses, i % world.Responses)).ToArray(),
        [world.Prompts, world.Responses]);

    private static void Equal(FiniteWorld world, Func<int, int, double> expected, double[] actual)
    {
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected(i / world.Responses, i % world.Responses), actual[i], 1e-12);
        }
    }
}
