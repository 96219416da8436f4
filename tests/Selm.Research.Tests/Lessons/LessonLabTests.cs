using Selm.Research.Algorithm1;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Lessons;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Lessons;

public sealed class LessonLabTests
{
    private static readonly LessonLab lab = LessonLab.Open(seed: 100, "cpu", pairs: 8);

    private static readonly (int[] Prompt, IReadOnlyList<int[]> Candidates)[] asked = [.. lab.Portion(1).Select(pair => (pair.Prompt, (IReadOnlyList<int[]>)[pair.Chosen, pair.Rejected]))];

    [Fact]
    public void a_smaller_portion_is_the_beginning_of_a_larger_one()
    {
        static string Said(LoopPair pair) => string.Join(' ', [.. pair.Prompt, .. pair.Chosen, .. pair.Rejected]);

        Assert.Equal(8, lab.Portion(2).Length);
        Assert.Equal(lab.Portion(2, 16).Take(8).Select(Said), lab.Portion(2).Select(Said));
        Assert.NotEqual(lab.Portion(1).Select(Said), lab.Portion(2).Select(Said));
        Assert.Equal(lab.Portion(2, 3).Select(Said), lab.World(3).Pairs(2).Select(Said));
    }

    [Fact]
    public void labels_are_the_true_reward_with_noise_that_every_run_of_a_seed_shares()
    {
        Assert.Equal(lab.Score(1, asked), lab.Score(1, asked));
        Assert.NotEqual(lab.Score(1, asked)[0], LessonLab.Open(101, "cpu", 8).Score(1, asked)[0]);

        // The mean of Gumbel noise is Euler's constant, its deviation pi / sqrt(6); 800 draws.
        var many = LessonLab.Open(100, "cpu", 400);
        var rows = many.Portion(0).Select(pair => (pair.Prompt, (IReadOnlyList<int[]>)[pair.Chosen, pair.Rejected])).ToArray();
        double[] noise = [.. many.Score(0, rows).Zip(rows).SelectMany(row => row.First.Zip(row.Second.Item2, (score, ids) =>
            score - LabReward.Of(many.Language, LabPrompt.Read(many.Language, many.Language.Text(row.Second.Prompt)), ids)))];
        Assert.InRange(noise.Average(), 0.5772 - 0.2, 0.5772 + 0.2);
    }

    [Fact]
    public void runs_differ_in_alpha_alone()
    {
        Assert.Equal(0.03, lab.Settings(0.03).Alpha);
        Assert.Equal(lab.Settings(0) with { Alpha = 0.03, Training = null!, Sampling = null! }, lab.Settings(0.03) with { Training = null!, Sampling = null! });
        Assert.True(lab.Settings(0).IsPlain(0));
        Assert.False(lab.Settings(0).IsPlain(1));
    }

    [Fact]
    public void win_rates_are_shares_and_their_mean_is_the_exact_win_rate()
    {
        var answers = lab.Answers(lab.Copy());

        Assert.All(LessonLab.WinRates(answers), rate => Assert.InRange(rate, 0, 1));
        Assert.Equal(answers.ExactWinRate, LessonLab.WinRates(answers).Average(), 1e-12);
    }

    [Fact]
    public void means_carry_the_interval_of_the_one_routine()
    {
        double[] values = [1, 2, 4];
        var mean = Means.Of(values);

        Assert.Equal(PairedEstimate.Of(values).Interval(), mean);
        Assert.Equal([mean.Low], Means.Line("m", [0], [mean]).Band!.Low);
        Assert.Equal([mean.High], Means.Dots("m", Origin.Recorded, [0], [mean]).Errors!.High);
        Assert.Equal([0.25, 1.25], Means.Column("m", Origin.Recorded, [mean, mean], shift: 0.25).Y);
    }
}
