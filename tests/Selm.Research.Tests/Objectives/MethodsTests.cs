using Selm.Research.Algorithm1;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Tests.Algorithm1;

namespace Selm.Research.Tests.Objectives;

/// <summary>A method owns its objective.</summary>
public class MethodsTests
{
    [Fact]
    public void every_method_owns_objectives_that_exist_and_every_method_of_the_lab_has_a_name_here()
    {
        Assert.All(Methods.All, method => Assert.All(method.Kinds, kind => PreferenceLosses.Find(kind)));
        Assert.All(Methods.All, method => Methods.Check(new Recipe { Method = method.Name })); // its default fits it
        string[] loops = ["selm", "dpo", "stepwise-dpo", "spin", "dno", "sppo", "xpo", "vpo", "explicit-reward"];
        Assert.Equal(Enum.GetValues<LoopMethod>().Length, loops.Length);
        Assert.All(loops, name => Methods.Find(name));
    }

    [Theory]
    [InlineData("iterative-dpo", "selm", 0.01, "loss.alpha is 0.01 and loss.kind selm, but method iterative-dpo has no optimism; set loss: {kind: dpo} or take method: selm.")]
    [InlineData("iterative-dpo", "selm", null, "loss.alpha is 0.001 and")]
    [InlineData("dpo", "selm", 0.01, "but method dpo has no optimism")]
    [InlineData("stepwise-dpo", "xpo", 0.01, "but method stepwise-dpo has no optimism; set loss: {kind: dpo} or take method: xpo.")]
    [InlineData("iterative-dpo", "spin", null, "loss.kind is 'spin', but method iterative-dpo trains dpo or dpo-reference-free; set loss.kind: dpo or take method: spin.")]
    [InlineData("selm", "dpo", null, "loss.kind is 'dpo', but method selm trains selm or selm-algorithm1 or selm-means; set loss.kind: selm or take method: iterative-dpo.")]
    [InlineData("selm", "simpo", null, "loss.kind is 'simpo', but method selm trains")]
    [InlineData("spin", "dpo", null, "loss.kind is 'dpo', but method spin trains spin;")]
    [InlineData("xpo", "selm", null, "loss.kind is 'selm', but method xpo trains xpo;")]
    public void a_loss_that_contradicts_its_method_is_refused_with_key_and_cure(string method, string kind, double? alpha, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<InputException>(() => Methods.Check(new Recipe { Method = method, Loss = new() { Kind = kind, Alpha = alpha } })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("iterative-dpo", "dpo", null)]
    [InlineData("iterative-dpo", null, null)]
    [InlineData("iterative-dpo", "selm", 0.0)]
    [InlineData("dpo", "dpo-reference-free", null)]
    [InlineData("iterative-dpo", "simpo", null)]
    [InlineData("stepwise-dpo", "ipo", null)]
    [InlineData("selm", "selm-means", 0.1)]
    [InlineData("selm", "selm", 0.0)]
    [InlineData("train", "vpo-offline", 0.1)]
    [InlineData("train", "simpo", null)]
    public void a_loss_that_fits_is_taken(string method, string? kind, double? alpha) =>
        Methods.Check(new Recipe { Method = method, Loss = new() { Kind = kind, Alpha = alpha } });

    [Fact]
    public void the_baseline_s_bytes_differ_from_selm_s_and_equal_them_at_alpha_0()
    {
        using var tiny = new TinyRun();
        string Run(string name, Recipe recipe)
        {
            SelmRun.Run(new(recipe, tiny.File(name)), _ => TinyRun.Oracle());
            return tiny.File(name);
        }
        var baseline = Run("baseline", tiny.Recipe with { Method = "iterative-dpo", Loss = new() { Beta = 0.1 } });
        var selm = Run("selm", tiny.Recipe with { Loss = new() { Beta = 0.1, Alpha = 0.01 } });
        var without = Run("without", tiny.Recipe with { Loss = new() { Beta = 0.1, Alpha = 0 } });
        foreach (var file in new[] { "metrics.jsonl", "iteration-0/preferences.jsonl", "iteration-1/preferences.jsonl", "iteration-0/model/model.safetensors", "iteration-1/model/model.safetensors" })
        {
            var bytes = File.ReadAllBytes(Path.Combine(baseline, file));
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(without, file))), $"{file} differs at alpha 0");
            if (file != "iteration-0/preferences.jsonl") // the first answers come from the same model
            {
                Assert.False(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(selm, file))), $"{file} is SELM's");
            }
        }
    }
}
