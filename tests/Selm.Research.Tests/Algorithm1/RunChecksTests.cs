using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>What a run refuses before it makes anything, and what it says about its training.</summary>
public sealed class RunChecksTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    private string Out => tiny.File("run");

    [Fact]
    public void whatever_is_wrong_with_a_new_run_is_said_before_its_folder_exists()
    {
        var bare = Directory.CreateDirectory(tiny.File("bare")).FullName;
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(tiny.Recipe.Base!, name), Path.Combine(bare, name));
        }
        (Recipe Recipe, string Word)[] wrong =
        [
            (tiny.Recipe with { Ranker = "foo" }, "no ranker"),
            (tiny.Recipe with { Portions = 1000 }, "1000 portions"),
            (tiny.Recipe with { Base = bare }, bare),
            (tiny.Recipe with { Datasets = [tiny.File("none.jsonl")] }, "none.jsonl"),
            (tiny.Recipe with { Method = "dpo" }, "loss.alpha is 0.01"),
            (tiny.Recipe with { Loss = new() { Kind = "selm", LabelSmoothing = 0.1 } }, "loss.label_smoothing"),
        ];
        File.WriteAllText(tiny.File("file"), "");
        Assert.Contains("file is a file", Assert.Throws<InputException>(() => SelmRun.Run(new(tiny.Recipe, Out, CacheFolder: tiny.File("file")), _ => TinyRun.Oracle())).Message, StringComparison.Ordinal);
        Assert.All(wrong, w =>
        {
            var error = Assert.Throws<InputException>(() => SelmRun.Run(new(w.Recipe, Out), name => name == "foo" ? throw new InputException("There is no ranker 'foo'.") : TinyRun.Oracle()));
            Assert.Contains(w.Word, error.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(Out), w.Word);
        });
    }

    [Fact]
    public void a_training_whose_loss_reads_y_is_refused_where_the_data_has_none_and_uses_it_where_it_has()
    {
        var pairs = tiny.File("pairs.jsonl");
        var error = Assert.Throws<InputException>(() => SelmRun.Run(new(SelmRun.OneTraining(tiny.Recipe, tiny.Recipe.Base!, pairs), Out), _ => TinyRun.Oracle()));
        Assert.Equal(
            $"{pairs} line 1: loss selm reads y, but the field \"reference_response\" is missing; add the reference model's answer or take a loss without y, such as loss: {{kind: dpo}}.",
            error.Message);
        // A single row without y, after an empty line.
        var records = PreferenceFile.Read(pairs).Records;
        PreferenceFile.Write(tiny.File("with.jsonl"), records.Select(r => r with { ReferenceResponse = "Perhaps so." }));
        File.WriteAllText(tiny.File("most.jsonl"), File.ReadAllText(tiny.File("with.jsonl")) + "\n" + File.ReadLines(pairs).First() + "\n");
        Assert.StartsWith(
            $"{tiny.File("most.jsonl")} line 26: ", Assert.Throws<InputException>(() => SelmRun.Plan(SelmRun.OneTraining(tiny.Recipe, tiny.Recipe.Base!, tiny.File("most.jsonl")))).Message, StringComparison.Ordinal);

        // With y the optimism is trained: alpha changes the weights.
        string[] hashes = [.. new[] { 0, 0.5, 1 }.Select(alpha =>
        {
            var run = tiny.File($"alpha-{alpha}");
            SelmRun.Run(new(SelmRun.OneTraining(tiny.Recipe with { Loss = new() { Kind = "selm", Beta = 0.1, Alpha = alpha } }, tiny.Recipe.Base!, tiny.File("with.jsonl")), run), _ => TinyRun.Oracle());
            return SafetensorsFolder.WeightHash(Path.Combine(run, SelmRun.ResultName));
        })];
        Assert.Equal(3, hashes.Distinct().Count());
    }

    [SkippableFact]
    public async Task a_pipe_as_data_is_refused_at_once_whether_or_not_anyone_writes_into_it()
    {
        Skip.If(OperatingSystem.IsWindows(), "named pipes are files elsewhere");
        var pipe = tiny.File("pipe");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe))
        {
            await made.WaitForExitAsync();
        }
        File.CreateSymbolicLink(tiny.File("link"), pipe);
        foreach (var path in new[] { pipe, tiny.File("link") })
        {
            var refused = Task.Run(() => Assert.Throws<InputException>(() => SelmRun.Open(new(tiny.Recipe with { Datasets = [path] }, Out), _ => TinyRun.Oracle())).Message);
            Assert.Equal(refused, await Task.WhenAny(refused, Task.Delay(TimeSpan.FromMinutes(1))));
            Assert.Equal($"datasets: {path} is a pipe, which a run that goes on could not read again; write what comes out of it into a file and give that.", await refused);
            Assert.False(Directory.Exists(Out));
            var hashed = Task.Run(() => Assert.Throws<InputException>(() => ContentHash.OfFile(path)).Message);
            Assert.Equal(hashed, await Task.WhenAny(hashed, Task.Delay(TimeSpan.FromMinutes(1))));
        }
        Assert.False(InputFile.IsPipe(tiny.File("pairs.jsonl")));
        Assert.False(InputFile.IsPipe(tiny.File("nowhere")));
    }

    [Fact]
    public void pairs_of_two_equal_responses_are_counted_before_the_training()
    {
        var records = PreferenceFile.Read(tiny.File("pairs.jsonl")).Records;
        PreferenceFile.Write(tiny.File("equal.jsonl"), records.Select((r, k) => k is 3 or 7 ? r.WithResponses(r.ChosenResponse, r.ChosenResponse) : r));
        using (var plain = SelmRun.Open(new(tiny.Recipe, Out), _ => TinyRun.Oracle()))
        {
            Assert.Empty(plain.Notes);
        }
        using var run = SelmRun.Open(new(tiny.Recipe with { Datasets = [tiny.File("equal.jsonl")] }, tiny.File("equal")), _ => TinyRun.Oracle());
        Assert.Equal("2 of 24 pairs have two equal responses, which teach nothing as they stand; selm data inspect counts them.", Assert.Single(run.Notes));
    }

    [Fact]
    public void a_run_of_one_step_moves_the_weights_and_the_card_says_steps_and_rate()
    {
        // The shape of README's recipe on little data: 12 pairs, steps of up to 256.
        var few = tiny.Recipe with { BatchSize = 8, GradientAccumulation = 32, Iterations = 1, EvalEvery = 0, EvalFraction = 0 };
        Assert.Equal(
            "iteration 0: 12 pairs, 1 step of up to 256 (batch_size 8 x gradient_accumulation 32), learning rate 0.001; fewer than a step holds: a lower gradient_accumulation gives more steps",
            Assert.Single(SelmRun.Plan(few)).ToString());

        SelmRun.Run(new(few, Out), _ => TinyRun.Oracle());

        Assert.NotEqual(SafetensorsFolder.WeightHash(few.Base!), SafetensorsFolder.WeightHash(Path.Combine(Out, SelmRun.ResultName)));
        var card = File.ReadAllText(Path.Combine(Out, SelmRun.ResultName, "README.md"));
        Assert.Contains("- preference pairs trained on: 12\n- optimiser steps: 1 of up to 256 pairs, highest learning rate 0.001\n", card, StringComparison.Ordinal);
    }

    [Fact]
    public void the_plan_has_the_steps_and_rates_that_the_training_takes()
    {
        var plan = SelmRun.Plan(tiny.Recipe);
        SelmRun.Run(new(tiny.Recipe, Out), _ => TinyRun.Oracle());
        var steps = Jsonl.Read(Path.Combine(Out, "metrics.jsonl")).Where(row => row.Text("phase") == "train").ToArray();
        foreach (var of in plan)
        {
            double[] rates = [.. steps.Where(row => row.WholeNumber("iteration") == of.Iteration).Select(row => row.Number("learning_rate"))];
            Assert.Equal((rates.Length, rates[0], rates.Max(), rates[^1], 11), (of.Steps, of.FirstRate, of.PeakRate, of.LastRate, of.Pairs));
        }
        Assert.Equal("iteration 0: 11 pairs, 3 steps of up to 4 (batch_size 4 x gradient_accumulation 1), learning rate 0 first, 0.001 at its highest, 0.0005 last", plan[0].ToString());
    }

    [Fact]
    public void a_training_in_which_nothing_moves_is_an_error_that_names_the_key()
    {
        var still = tiny.Recipe with { Optimizer = new() { LearningRate = 1e-30 } };
        var error = Assert.Throws<InputException>(() => SelmRun.Run(new(still, Out), _ => TinyRun.Oracle()));
        Assert.StartsWith("The training left every weight as it was (iteration 0: 11 pairs, 3 steps of up to 4 ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("raise optimizer.learning_rate and choose a new folder.", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Out, "iteration-0", "model", "model.safetensors")));

        var zero = tiny.Recipe with { Optimizer = new() { LearningRate = double.Epsilon }, LastIterationLrFactor = 0.1 };
        Assert.Equal(
            "Iteration 1: the learning rate is 0 in every step, so nothing would be learnt; raise optimizer.learning_rate.",
            Assert.Throws<InputException>(() => SelmRun.Plan(zero with { Schedule = new() { WarmupRatio = 0 } })).Message);
    }

    [Fact]
    public void the_card_of_a_first_round_on_the_original_pairs_names_the_loss_that_was_trained()
    {
        SelmRun.Run(new(tiny.Recipe with { FirstIterationIsDpo = true }, Out), _ => TinyRun.Oracle());
        Assert.Contains("method selm, loss dpo, beta 0.1, alpha 0.\n", File.ReadAllText(Path.Combine(Out, "iteration-0", "model", "README.md")), StringComparison.Ordinal);
        Assert.Contains("method selm, loss selm, beta 0.1, alpha 0.01.\n", File.ReadAllText(Path.Combine(Out, "iteration-1", "model", "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void answers_of_a_run_without_a_ranker_have_no_scores()
    {
        var dpo = tiny.Recipe with { Method = "dpo", Ranker = null, Loss = new() { Kind = "dpo", Beta = 0.1 } };
        Assert.All(SelmRun.Run(new(dpo, Out), _ => TinyRun.Oracle()), answer => Assert.Equal((null, null), (answer.ScoreBefore, answer.ScoreAfter)));
    }
}
