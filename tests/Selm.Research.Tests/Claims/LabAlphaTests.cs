using System.Globalization;
using Selm.Research.Algorithm1;
using Selm.Research.Claims;
using Selm.Research.Lab;
using Selm.Tests;
using YamlDotNet.Serialization;

namespace Selm.Research.Tests.Claims;

public class LabAlphaTests
{
    private static readonly LabStudy study = new(LabBudget.Lab, 10, 40);

    [Fact]
    public void the_table_of_alphas_in_claims_yaml_is_the_one_of_the_code()
    {
        var page = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(File.ReadAllText(Path.Combine(Golden.Root, "data", "claims.yaml")));
        var table = (Dictionary<object, object>)page["alphas"];
        Assert.Equal(LabAlpha.Settings.Select(setting => setting.Name).Order(), table.Keys.Cast<string>().Order());
        foreach (var (name, ranker, recipe) in LabAlpha.Settings)
        {
            var row = ((Dictionary<object, object>)table[name]).ToDictionary(pair => (string)pair.Key, pair => double.Parse((string)pair.Value, CultureInfo.InvariantCulture));
            Assert.Equal(LabAlpha.Sigma(ranker, recipe), row["sigma"]);
            Assert.Equal(LabAlpha.Grid, row.Keys.Where(key => key != "sigma").Select(key => double.Parse(key, CultureInfo.InvariantCulture)));
            Assert.All(LabAlpha.Grid, alpha => Assert.Equal(LabAlpha.Lab(alpha, ranker, recipe), row[alpha.ToString("0.####", CultureInfo.InvariantCulture)]));
        }
    }

    [Fact]
    public void a_lab_alpha_has_the_papers_ratio_to_sigma_within_its_two_digits()
    {
        foreach (var (_, ranker, recipe) in LabAlpha.Settings)
        {
            Assert.All(LabAlpha.Grid, alpha => Assert.InRange(LabAlpha.Lab(alpha, ranker, recipe) / LabAlpha.Sigma(ranker, recipe) / (alpha / LabAlpha.PaperSigma), 0.95, 1.05));
            Assert.Equal(0, LabAlpha.Lab(0, ranker, recipe));
        }
        Assert.Throws<ArgumentException>(() => LabAlpha.Lab(0.001, LabJudge.Oracle, LabRecipe.Llama));
    }

    [Fact]
    public void a_study_takes_the_papers_alphas_and_far_ones_as_they_are()
    {
        Assert.Equal(LabAlpha.Lab(0.001), study.Selm(0.001).Alpha);
        Assert.Equal((LabAlpha.Lab(0.01, LabJudge.Oracle), LabJudge.Oracle), (study.Selm(0.01, LabJudge.Oracle).Alpha, study.Selm(0.01, LabJudge.Oracle).Ranker));
        Assert.Equal((LabAlpha.Lab(0.001, recipe: LabRecipe.Llama), LabRecipe.Llama), (study.Selm(0.001, recipe: LabRecipe.Llama).Alpha, study.Selm(0.001, recipe: LabRecipe.Llama).Recipe));
        Assert.Equal(0.3, study.FarBeyond(0.3).Alpha);
        Assert.Equal(LabAlpha.Lab(0.001), study.Cell(LoopMethod.ExplicitReward).Alpha);
        Assert.Equal(LabBaselines.XpoAlpha, study.Cell(LoopMethod.Xpo).Alpha);
    }

    [Fact]
    public void the_recording_begins_at_seed_2000_and_its_headline_is_three_alphas_of_both_rankers()
    {
        LabCellSpec[] headline = [.. new[] { LabJudge.Model, LabJudge.Oracle }.SelectMany(judge => new[] { 0, 0.001, 0.01 }.Select(alpha => study.Selm(alpha, judge)))];
        Assert.All(headline, cell => Assert.Equal(Enumerable.Range(2000, 40).Select(seed => (ulong)seed), study.SeedsOf(cell)));
        LabCellSpec[] others =
        [
            study.Selm(0.0001), study.Selm(0.005, LabJudge.Oracle), study.FarBeyond(0.3), study.Selm(0.001, recipe: LabRecipe.Llama), study.IterativeDpo with { BatchSize = 16 }, study.IterativeDpo with { Cycle = LabCycle.Linear },
            study.Cell(LoopMethod.Xpo), study.Selm(0.01) with { Swap = true },
        ];
        Assert.All(others, cell => Assert.Equal(10, study.SeedsOf(cell).Count));
    }
}
