using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Lab;

public sealed class LabCurveTests(LabCellTests.Folders shared) : IClassFixture<LabCellTests.Folders>
{
    // 64 pairs in batches of 16: four steps an epoch.
    private static readonly LabCellSpec curve = new()
    {
        Seed = 100, Budget = LabBudget.Smoke, Alpha = 0, LearningRate = 2e-3, Iterations = 2, Epochs = 2, CurveSteps = [1, 3, 8],
    };

    [Fact]
    public void a_curve_begins_at_the_reference_and_ends_at_the_policy()
    {
        var last = Run(curve).Iterations[^1];
        Assert.Null(Run(curve).Iterations[0].Curve);
        Assert.Equal([1, 3, 8], last.Curve!.Select(point => point.Steps));
        Assert.Equal(8, last.Loss.Length);
        Assert.Equal(.5, last.Curve![0].SigmaNegativeMargin, 1e-6); // seen before the step: the policy was its own reference
        Assert.NotEqual(.5, last.Curve[1].SigmaNegativeMargin, 1e-6);
        Assert.Equal(last.Evaluation.MeanReward, last.Curve[^1].MeanReward);
        Assert.All(last.Curve, point => Assert.Equal(144, point.Implicit.Own.Length));
        double Size(LabCurvePoint point) => point.Implicit.Chosen.Average(Math.Abs);
        Assert.InRange(Size(last.Curve[0]), 1e-5, Size(last.Curve[^1]));
    }

    [Fact]
    public void the_points_of_a_curve_do_not_depend_on_how_far_it_goes()
    {
        var (longer, shorter) = (Run(curve), Run(curve with { Epochs = null, CurveSteps = [1, 3] }));
        Assert.Equal(Json(longer.Iterations[^1].Curve!.Take(2)), Json(shorter.Iterations[^1].Curve!));
    }

    [Fact]
    public void curves_of_all_alphas_and_rates_start_from_the_first_iteration_of_ordinary_cells()
    {
        using var cache = new TempFolder();
        var ordinary = Run(curve with { CurveSteps = null, Epochs = null }, cache);
        var (plain, bold) = (Run(curve, cache), Run(curve with { Alpha = 1, CurveLearningRate = 1e-4 }, cache));
        Assert.Single(Directory.GetDirectories(Path.Combine(cache.Root, "stages"), "dpo-*"));
        Assert.Equal(Json(ordinary.Iterations[0]), Json(plain.Iterations[0]));
        Assert.Equal(Json(plain.Iterations[0]), Json(bold.Iterations[0]));
        Assert.NotEqual(Json(plain.Iterations[1].Curve![0]), Json(bold.Iterations[1].Curve![0]));
    }

    [Fact]
    public void a_bonus_lowers_the_references_own_answers()
    {
        var (plain, bold) = (Run(curve).Iterations[1].Curve!, Run(curve with { Alpha = 1 }).Iterations[1].Curve!);
        Assert.All(plain.Zip(bold), pair => Assert.True(pair.Second.Implicit.Own.Average() < pair.First.Implicit.Own.Average()));
    }

    [Fact]
    public void a_curve_is_part_of_the_hash_only_where_it_is_asked_for()
    {
        var ordinary = curve with { CurveSteps = null, Epochs = null };
        Assert.DoesNotContain("curve", Json(ordinary.Resolved()), StringComparison.Ordinal);
        Assert.DoesNotContain("epochs", Json(ordinary.Resolved()), StringComparison.Ordinal);
        Assert.Equal(ordinary.Hash, (ordinary with { Schedule = ScheduleKind.Cosine }).Hash);
        LabCellSpec[] specs = [ordinary, curve, curve with { CurveSteps = [1, 3] }, curve with { CurveLearningRate = 1e-3 }, curve with { Epochs = 3 }, curve with { Schedule = ScheduleKind.Cosine }];
        Assert.Equal(specs.Length, specs.Select(spec => spec.Hash).Distinct().Count());
        Assert.Equal(curve.Hash, JsonSerializer.Deserialize<LabCellSpec>(Json(curve), JsonFormat.Line)!.Hash);
    }

    [Theory]
    [InlineData("curve_steps", new[] { 1, 9 }, 2, 2, null)] // eight steps in all
    [InlineData("curve_steps", new[] { 0 }, 2, 2, null)]
    [InlineData("curve_steps", new int[0], 2, 2, null)]
    [InlineData("epochs", null, 2, 0, null)]
    [InlineData("iterations", new[] { 1 }, 1, 1, null)] // the first iteration belongs to all cells
    [InlineData("curve_learning_rate", null, 2, null, 1e-3)]
    public void a_curve_that_makes_no_sense_is_refused_with_its_field(string field, int[]? steps, int iterations, int? epochs, double? rate)
    {
        var spec = curve with { CurveSteps = steps, Iterations = iterations, Epochs = epochs, CurveLearningRate = rate };
        Assert.Contains($"The field {field} of a lab cell", Assert.Throws<InputException>(() => spec.Resolved()).Message, StringComparison.Ordinal);
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, JsonFormat.Line);

    private LabCellResult Run(LabCellSpec spec, TempFolder? cache = null) => LabCells.Run(spec, shared.Models, cache?.Root ?? shared.Cache);
}
