using System.Diagnostics;
using Selm.Research.Evaluation;
using Selm.Research.Models;
using Selm.Research.Tests.Models;
using Selm.Research.Tests.Runs;
using Selm.Tests;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Evaluation;

public class MultipleChoiceTests(ITestOutputHelper output)
{
    private static readonly LlamaConfig LongConfig = TinyCheckpoint.Config with { HiddenSize = 64, IntermediateSize = 128, HeadDim = 32, MaxPositionEmbeddings = 2048 };

    [Fact]
    public void every_option_has_the_log_prob_of_its_own_plain_row()
    {
        using var checkpoint = new TinyCheckpoint(LongConfig);
        using var model = ModelFolder.Load(checkpoint.Root);
        var items = Made(5);
        var shots = new FewShot([.. items.Select(item => item.Solved)], 2, Seed: 3, PoolIsTest: true);

        var scores = MultipleChoice.Score(model, items, shots);

        for (var i = 0; i < items.Count; i++)
        {
            var row = MultipleChoice.Row(model, items[i], shots.Before(i));
            Assert.Equal(items[i].Id, scores[i].Id);
            Assert.Equal(model.PromptIds($"{shots.Before(i)}{items[i].Context} {items[i].Options[1]}"), row.Prompt.Concat(row.Responses[1]));
            double[] alone = [.. row.Responses.Select(option => TokenLogps.Of(model.Model, [new SharedRow(row.Prompt, [option])]).Sums[0])];
            Assert.All(alone.Zip(scores[i].Logps), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        }
    }

    [Fact]
    public void accuracy_takes_the_sum_and_its_normalised_form_the_sum_per_character()
    {
        ChoiceItem item = new("1", "Q", ["ab", "abcdefgh"], 1, [false, true]);

        var score = MultipleChoice.Judge(item, [-4, -8]);

        Assert.Equal((0, 1), (score.Picked, score.PickedNormalised));
        Assert.Equal((0.0, 1.0), (score.Correct, score.CorrectNormalised));
        Assert.Equal(Math.Exp(-8) / (Math.Exp(-4) + Math.Exp(-8)), score.TrueMass, 1e-12);
    }

    [Fact]
    public void mc1_holds_the_best_answer_against_the_false_ones_and_mc2_adds_up_the_true_ones()
    {
        ChoiceItem item = new("1", "Q", ["best", "also true", "false", "false too"], 0, [true, true, false, false]);

        var score = MultipleChoice.Judge(item, [Math.Log(0.2), Math.Log(0.5), Math.Log(0.1), Math.Log(0.1)]);

        Assert.Equal(1, score.Correct);
        Assert.Equal(0.7 / 0.9, score.TrueMass, 1e-12);
        Assert.Equal(["mc2", "mc1"], MultipleChoice.Measures(ChoiceTask.TruthfulQa, [score, score]).Select(measure => measure.Name));
    }

    [Fact]
    public void an_item_never_sees_its_own_solution_and_the_seed_decides_the_examples()
    {
        string[] pool = [.. Enumerable.Range(0, 6).Select(i => $"<{i}>")];
        FewShot shots = new(pool, 3, Seed: 1, PoolIsTest: true, Primer: "Primer\n\n");

        Assert.All(Enumerable.Range(0, 6), i => Assert.DoesNotContain(pool[i], shots.Before(i)));
        Assert.All(Enumerable.Range(0, 6), i => Assert.Equal(3, pool.Count(example => shots.Before(i).Contains(example))));
        Assert.StartsWith("Primer\n\n<", shots.Before(0), StringComparison.Ordinal);
        Assert.Equal(shots.Before(2), shots.Before(2));
        Assert.NotEqual(Enumerable.Range(0, 6).Select(shots.Before), Enumerable.Range(0, 6).Select((shots with { Seed = 2 }).Before));
        Assert.Throws<InputException>(() => (shots with { Shots = 6 }).Before(0));
    }

    [Fact]
    public void the_published_shapes_are_read()
    {
        using var folder = new TempFolder();
        var wiki = ChoiceItems.Read(ChoiceTask.HellaSwag, folder.Write("h.jsonl",
            """{"ind": 7, "activity_label": "Baking", "ctx_a": "Mix [step] flour.", "ctx_b": "the cook", "endings": ["smiles [title] stirs.", "sleeps."], "label": 0}"""))[0];
        var arc = ChoiceItems.Read(ChoiceTask.Arc, folder.Write("a.jsonl",
            """{"id": "q1", "question": {"stem": "Why?", "choices": [{"label": "1", "text": "No"}, {"label": "2", "text": "Yes"}]}, "answerKey": "2"}"""))[0];
        var truth = ChoiceItems.Read(ChoiceTask.TruthfulQa, folder.Write("t.csv",
            "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\nA,B,Why?,\"Nothing, really\",\"Nothing, really; Little\",Death; Rain.,web\n"))[0];

        Assert.Equal(("7", "Baking: Mix flour. The cook", "smiles. stirs."), (wiki.Id, wiki.Context, wiki.Options[0]));
        Assert.Equal(("q1", "Question: Why?\nAnswer:", 1, "Question: Why?\nAnswer: Yes"), (arc.Id, arc.Context, arc.Label, arc.Solved));
        Assert.Equal(["Nothing, really.", "Little.", "Death.", "Rain."], truth.Options);
        Assert.Equal([true, true, false, false], truth.IsTrue);
        Assert.Equal("Q: Why?\nA:", truth.Context);
    }

    [SkippableFact]
    public void the_real_sample_files_are_read()
    {
        Skip.If(Golden.Outside("benchmark-samples") is null, "benchmark-samples is not there");
        Assert.Equal(200, ChoiceItems.Read(ChoiceTask.HellaSwag, Golden.Outside("benchmark-samples", "hellaswag_val_200.jsonl")!).Count);
        Assert.Equal(200, ChoiceItems.Read(ChoiceTask.TruthfulQa, Golden.Outside("benchmark-samples", "truthfulqa_200.jsonl")!).Count);
        Assert.Equal(200, Gsm8k.Read(Golden.Outside("benchmark-samples", "gsm8k_test_200.jsonl")!).Count);
        Assert.Equal(171, EqBench.Read(Golden.Outside("benchmark-samples", "eq_bench_v2_171.jsonl")!).Count);
    }

    // The claim is about work saved, so it must hold on a busy machine too: the best of three measurements of each.
    [Fact]
    public void options_share_their_context_and_take_less_than_half_the_time_of_a_loop()
    {
        using var checkpoint = new TinyCheckpoint(LongConfig);
        using var model = ModelFolder.Load(checkpoint.Root);
        var items = Made(12);
        SharedRow[] rows = [.. items.Select((item, i) => MultipleChoice.Row(model, item, new FewShot([.. items.Select(other => other.Solved)], 10, PoolIsTest: true).Before(i)))];

        double Best(Action work) => Enumerable.Range(0, 3).Min(_ =>
        {
            var clock = Stopwatch.StartNew();
            work();
            return clock.Elapsed.TotalMilliseconds;
        });
        var shared = Best(() => TokenLogps.Of(model.Model, rows));
        var loop = Best(() =>
        {
            foreach (var row in rows)
            {
                foreach (var option in row.Responses)
                {
                    TokenLogps.Of(model.Model, [new SharedRow(row.Prompt, [option])]);
                }
            }
        });
        output.WriteLine($"{rows.Average(row => row.Prompt.Length):f0} tokens of context: shared {shared:f0} ms, loop {loop:f0} ms, {loop / shared:f1} times");
        Assert.True(loop > 2 * shared, $"loop {loop:f0} ms, shared {shared:f0} ms");
    }

    private static List<ChoiceItem> Made(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new ChoiceItem(
            $"{i}", $"A man number {i} climbs a roof and looks at the shingles. He", ["takes a hammer and goes.", "sings.", $"falls {i} times asleep.", "starts to work."], i % 4,
            [.. Enumerable.Range(0, 4).Select(k => k == i % 4)])),
    ];
}
