using Selm.Research.Objectives;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Objectives;

public class PreferenceLossesTests
{
    [Fact]
    public void every_name_is_a_loss_of_its_own_with_different_numbers()
    {
        // SPIN is DPO with another name for beta; every other pair of losses differs somewhere.
        var names = PreferenceLosses.Names.Except(["spin", "dno", "robust", "vpo", AddedObjective.Name]);
        var results = names.Select(name => PreferenceLosses.Find(name).With().Evaluate(new(-3, -5, -4, -2.5, -6, -4.5, 3, 5, 4))).ToHashSet();
        Assert.Equal(names.Count(), results.Count);
    }

    [Fact]
    public void every_objective_says_what_it_minimises_takes_and_where_it_comes_from() => Assert.All(PreferenceLosses.All, objective =>
    {
        Assert.True(objective.Formula.Length > 5 && objective.Source.Length > 5);
        Assert.NotEmpty(objective.Parameters);
        Assert.All(objective.Parameters, parameter =>
        {
            Assert.True(parameter.Holds(parameter.Default), $"{objective.Name} {parameter}");
            Assert.True(parameter.Range.Length > 3 && parameter.Meaning.Length > 3);
        });
    });

    [Fact]
    public void every_file_of_the_folder_that_has_a_loss_is_in_the_list()
    {
        var types = typeof(SelmLoss).Assembly.GetTypes().Where(type => type.IsClass && typeof(IPreferenceLoss).IsAssignableFrom(type)).ToHashSet();
        Assert.Equal(types, PreferenceLosses.All.Select(objective => objective.With().GetType()).Where(type => type.Assembly == typeof(SelmLoss).Assembly).ToHashSet());
    }

    [Fact]
    public void each_parameter_changes_its_loss() => Assert.All(PreferenceLosses.All.Where(o => o.Name != "robust"), objective => Assert.All(objective.Parameters, parameter =>
    {
        var other = new[] { 0.25, 0.75, 2 }.First(value => parameter.Holds(value) && value != parameter.Default);
        var logps = new SequenceLogps(-3, -5, -4, -2.5, -6, -4.5, 3, 5, 4);
        Assert.NotEqual(objective.With().Evaluate(logps), objective.With((parameter.Name, other)).Evaluate(logps));
    }));

    [Fact]
    public void what_a_loss_does_not_need_changes_nothing() => Assert.All(PreferenceLosses.All, objective => Example.ForAll(example =>
    {
        var (loss, p) = (objective.With(), example.Logps);
        bool Needs(LossInputs input) => loss.Needs.HasFlag(input);
        var changed = p with
        {
            PolicySample = Needs(LossInputs.PolicySample) ? p.PolicySample : -77,
            RefSample = Needs(LossInputs.RefSample) ? p.RefSample : -78,
            ChosenLength = Needs(LossInputs.Lengths) ? p.ChosenLength : 0,
            RejectedLength = Needs(LossInputs.Lengths) ? p.RejectedLength : 0,
            ReferenceLength = Needs(LossInputs.SampleLength) ? p.ReferenceLength : 0,
        };
        Assert.Equal(loss.Evaluate(p), loss.Evaluate(changed));
        if (!Needs(LossInputs.ReferencePair))
        {
            var other = loss.Evaluate(p with { RefChosen = -79, RefRejected = -80 });
            var same = loss.Evaluate(p);
            Assert.Equal((same.Loss, same.GradPolicyChosen, same.GradPolicyRejected), (other.Loss, other.GradPolicyChosen, other.GradPolicyRejected));
        }
    }));

    [Fact]
    public void the_numbers_reach_the_loss()
    {
        Assert.Equal(new SelmLoss(0.02, 0.003), PreferenceLosses.Selm.With(("beta", 0.02), ("alpha", 0.003)));
        Assert.Equal(new DpoLoss(0.2, 0.1), PreferenceLosses.Dpo.With(("beta", 0.2), ("label_smoothing", 0.1)));
        Assert.Equal(new DpopLoss(0.3, 5), PreferenceLosses.Dpop.With(("beta", 0.3), ("lambda", 5)));
        Assert.Equal(new SimpoLoss(2, 0.5), PreferenceLosses.Find("simpo").With(("gamma", 0.5)));
        Assert.Equal(new SppoLoss(0.01, 0.8, 0.3), PreferenceLosses.Sppo.With(("chosen_win_probability", 0.8), ("rejected_win_probability", 0.3)));
    }

    [Fact]
    public void a_recipe_s_section_is_its_loss_and_the_scale_is_kept()
    {
        Assert.Equal(new SelmLoss(0.01, 0.001), PreferenceLosses.Of(new LossRecipe()));
        Assert.Equal(
            new SelmLoss(0.5, 0.25, AlphaScale.Alpha),
            PreferenceLosses.Of(new LossRecipe { Kind = "selm", Beta = 0.5, Alpha = 0.25, AlphaScale = AlphaScale.Alpha }));
        Assert.Equal(new DpoLoss(0.5), PreferenceLosses.Of(new LossRecipe { Kind = "dpo", Beta = 0.5, Alpha = 0 }));
    }

    [Theory]
    [InlineData("selmm", "'selm'")]
    [InlineData("robst", "'robust'")]
    public void an_unknown_name_is_answered_with_the_nearest(string wrong, string meant) =>
        Assert.Contains($"did you mean {meant}?", Assert.Throws<InputException>(() => PreferenceLosses.Find(wrong)).Message);

    [Theory]
    [InlineData("dpo", "beta", 0.0, "The loss's beta is 0 but must be above 0; correct it.")]
    [InlineData("dpo", "beta", double.NaN, "The loss's beta is NaN but must be above 0; correct it.")]
    [InlineData("robust", "label_smoothing", 0.5, "The loss's label_smoothing is 0.5 but must be at least 0 and below 0.5; correct it.")]
    [InlineData("selm", "alpha", -3.0, "The loss's alpha is -3 but must be at least 0; correct it.")]
    [InlineData("vpo", "alpha", double.PositiveInfinity, "The loss's alpha is Infinity but must be at least 0; correct it.")]
    [InlineData("dno", "target", 1.5, "The loss's target is 1.5 but must be from 0 to 1; correct it.")]
    [InlineData("ipo", "label_smoothing", 0.1, "label_smoothing is no parameter of the loss 'ipo' (it has beta); did you mean 'beta'.")]
    [InlineData("simpo", "gama", 1.0, "gama is no parameter of the loss 'simpo' (it has beta, gamma); did you mean 'gamma'.")]
    public void a_number_out_of_range_or_of_another_loss_is_refused_by_name(string kind, string name, double value, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<InputException>(() => PreferenceLosses.Find(kind).With((name, value))).Message);

    [Fact]
    public void a_name_that_is_taken_is_refused() =>
        Assert.Contains("'dpo'", Assert.Throws<ArgumentException>(() => PreferenceLosses.Add(PreferenceLosses.Dpo)).Message);
}
