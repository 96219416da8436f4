using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public class MultipleChoiceTests
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

    [Fact]
    public void the_hub_s_shapes_are_read_as_the_original_ones()
    {
        using var folder = new TempFolder();
        var wiki = ChoiceItems.Read(ChoiceTask.HellaSwag, folder.Write("h.jsonl",
            """{"ind": 7, "activity_label": "Baking", "ctx_a": "Mix [step] flour.", "ctx_b": "the cook", "ctx": "Mix [step] flour. the cook", "endings": ["smiles.", "sleeps."], "source_id": "x", "split": "val", "split_type": "indomain", "label": "1"}"""))[0];
        var arc = ChoiceItems.Read(ChoiceTask.Arc, folder.Write("a.jsonl",
            """{"id": "q1", "question": "Why?", "choices": {"text": ["No", "Yes"], "label": ["A", "B"]}, "answerKey": "B"}"""))[0];
        var open = ChoiceItems.Read(ChoiceTask.OpenBookQa, folder.Write("o.jsonl",
            """{"id": "7-980", "question_stem": "The sun is", "choices": {"text": ["cold", "hot"], "label": ["A", "B"]}, "answerKey": "A"}"""))[0];
        var choice = ChoiceItems.Read(ChoiceTask.TruthfulQa, folder.Write("m.jsonl",
            """{"question": "Why?", "mc1_targets": {"choices": ["Best.", "False."], "labels": [1, 0]}, "mc2_targets": {"choices": ["Best.", "Also.", "False."], "labels": [1, 1, 0]}}"""))[0];
        var free = ChoiceItems.Read(ChoiceTask.TruthfulQa, folder.Write("g.jsonl",
            """{"type": "A", "category": "B", "question": "Why?", "best_answer": "Nothing; really", "correct_answers": ["Nothing; really", "Little."], "incorrect_answers": ["Death", "Rain"], "source": "web"}"""))[0];

        Assert.Equal(("7", "Baking: Mix flour. The cook", 1), (wiki.Id, wiki.Context, wiki.Label));
        Assert.Equal(("q1", "Question: Why?\nAnswer:", 1, "Yes"), (arc.Id, arc.Context, arc.Label, arc.Options[1]));
        Assert.Equal(("7-980", "The sun is", 0, "hot"), (open.Id, open.Context, open.Label, open.Options[1]));
        Assert.Equal(["Best.", "False.", "Also."], choice.Options);
        Assert.Equal([1], choice.Rivals);
        Assert.Equal(3, choice.Sharing.Count);
        Assert.Equal(["Nothing; really.", "Little.", "Death.", "Rain."], free.Options);
        Assert.Equal([true, true, false, false], free.IsTrue);
    }

    [Theory]
    [InlineData(ChoiceTask.HellaSwag, """{"activity_label": "B", "ctx_a": "M", "ctx_b": "", "endings": ["s", "t"], "label": ""}""", "the label is empty, as in the test split")]
    [InlineData(ChoiceTask.Arc, """{"id": "q", "question": "Why?", "choices": {"text": ["No", "Yes"], "label": ["A"]}, "answerKey": "A"}""", "\"choices\" has 2 texts and 1 labels")]
    [InlineData(ChoiceTask.Arc, """{"id": "q", "question": "Why?", "choices": {"text": ["No", "Yes"], "label": ["A", "B"]}, "answerKey": "C"}""", "\"answerKey\" is C, which is the label of no choice")]
    [InlineData(ChoiceTask.TruthfulQa, """{"question": "?", "mc1_targets": {"choices": ["a", "b"], "labels": [1]}, "mc2_targets": {"choices": ["a", "b"], "labels": [1, 0]}}""", "\"mc1_targets\" has 2 choices and 1 labels")]
    public void a_broken_row_of_the_hub_is_refused(ChoiceTask task, string row, string sentence)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", row);
        var message = Assert.Throws<InputException>(() => ChoiceItems.Read(task, path)).Message;
        Assert.StartsWith($"{path} line 1: {sentence}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void truthful_qa_s_task_file_has_option_sets_of_its_own_for_mc1_and_mc2()
    {
        using var folder = new TempFolder();
        var path = folder.Write("mc_task.json", """
            [{"question": "Why? ", "mc1_targets": {"False.": 0, "Best.": 1, "Only in mc1.": 0}, "mc2_targets": {"Best.": 1, "Also true.": 1, "False.": 0, "Only in mc2.": 0}}]
            """);
        var item = Assert.Single(ChoiceItems.Read(ChoiceTask.TruthfulQa, path));
        double Logp(string option) => Math.Log(option switch { "Best." => 0.2, "Also true." => 0.3, "False." => 0.1, "Only in mc2." => 0.25, _ => 0.15 });

        var score = MultipleChoice.Judge(item, [.. item.Options.Select(Logp)]);
        var lost = MultipleChoice.Judge(item, [.. item.Options.Select(option => option == "Only in mc1." ? 0 : Logp(option))]);

        Assert.Equal(("0", "Q: Why?\nA:", "Q: Why?\nA: Best."), (item.Id, item.Context, item.Solved));
        Assert.Equal(["False.", "Only in mc1."], item.Rivals.Select(rival => item.Options[rival]));
        // The better false answer of mc2 is no rival in mc1, and the rival of mc1 has no share in mc2.
        Assert.Equal(1, score.Correct);
        Assert.Equal(0.5 / 0.85, score.TrueMass, 1e-12);
        Assert.Equal(0, lost.Correct);
        Assert.Equal(score.TrueMass, lost.TrueMass, 1e-12);
        Assert.Equal(item.Options, ChoiceItems.Read(ChoiceTask.TruthfulQa, folder.Write("mc.jsonl", File.ReadAllText(path).Trim()[1..^1]))[0].Options);
    }

    [Theory]
    [InlineData("""[{"question": "?", "mc1_targets": {"a": 1, "b": 1}, "mc2_targets": {"a": 1, "b": 0}}]""", "row 1: \"mc1_targets\" has 2 answers with label 1; give exactly one.")]
    [InlineData("""[{"question": "?", "mc1_targets": {"a": 1, "b": 0}, "mc2_targets": {"a": 1, "b": 1}}]""", "row 1: \"mc2_targets\" needs at least one answer with label 1 and one with label 0; complete it.")]
    [InlineData("""[{"question": "?", "mc1_targets": {"a": 1, "b": 0}, "mc2_targets": {"a": 1, "b": "no"}}]""", "row 1: the label of 'b' in \"mc2_targets\" is \"no\" and must be 0 or 1; correct it.")]
    [InlineData("""[{"question": "?", "mc1_targets": {"a": 1}, "mc2_targets": {"a": 1, "b": 0}}]""", "row 1: \"mc1_targets\" has 1 answers; give at least two.")]
    [InlineData("""[{"question": "?", "mc1_targets": ["a"], "mc2_targets": {"a": 1, "b": 0}}]""", "row 1: \"mc1_targets\" must be an object of answers with label 0 or 1; correct it.")]
    [InlineData("[]", "has no rows; give a list of objects with the benchmark's fields.")]
    [InlineData("", "has no rows; give a list of objects with the benchmark's fields.")]
    [InlineData("[7]", "row 1: expected a JSON object {…} but found")]
    [InlineData("{}", "line 1: it has neither \"Best Answer\" nor \"mc1_targets\" and \"mc2_targets\"")]
    [InlineData("[\n{", "line 2: not valid JSON at byte 2 of a file that begins as a list; repair it")]
    public void a_broken_task_file_is_refused_with_its_row(string text, string sentence)
    {
        using var folder = new TempFolder();
        var path = folder.Write("mc_task.json", text);
        Assert.StartsWith($"{path} {sentence}", Assert.Throws<InputException>(() => ChoiceItems.Read(ChoiceTask.TruthfulQa, path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ChoiceTask.OpenBookQa, "The sun is responsible for", "The sun is responsible for plants")]
    [InlineData(ChoiceTask.Arc, "Question: The sun is responsible for\nAnswer:", "Question: The sun is responsible for\nAnswer: plants")]
    public void science_questions_go_from_their_public_file_to_scores(ChoiceTask task, string context, string solved)
    {
        using var checkpoint = new TinyCheckpoint(LongConfig);
        using var model = ModelFolder.Load(checkpoint.Root);
        string Row(string id, string key) => $$$"""
            {"id": "{{{id}}}", "question": {"stem": "The sun is responsible for", "choices": [{"text": "puppies", "label": "A"}, {"text": "plants", "label": "B"}, {"text": "stars that are far", "label": "C"}, {"text": "cities", "label": "D"}]}, "answerKey": "{{{key}}}"}
            """.Trim();
        var items = ChoiceItems.Read(task, checkpoint.Write("test.jsonl", $"{Row("7-980", "B")}\n{Row("7-584", "C")}\n"));

        var scores = MultipleChoice.Score(model, items, FewShot.None);
        var alone = TokenLogps.Of(model.Model, [new SharedRow(model.PromptIds(context), [model.PromptIds($"{context} plants")[model.PromptIds(context).Length..]])]).Sums[0];

        Assert.Equal((context, solved, "7-980"), (items[0].Context, items[0].Solved, items[0].Id));
        Assert.Equal(alone, scores[0].Logps[1], 1e-3);
        Assert.Equal(scores[0].Logps, scores[1].Logps);
        Assert.Equal(scores[0].Picked == 1 ? 1 : 0, scores[0].Correct);
        Assert.Equal(scores[0].PickedNormalised == 2 ? 1 : 0, scores[1].CorrectNormalised);
        Assert.Equal(["accuracy_norm", "accuracy"], MultipleChoice.Measures(task, scores).Select(measure => measure.Name));
        Assert.Equal(task == ChoiceTask.Arc ? 25 : 10, ChoiceItems.PaperShots(task));
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

    private static List<ChoiceItem> Made(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new ChoiceItem(
            $"{i}", $"A man number {i} climbs a roof and looks at the shingles. He", ["takes a hammer and goes.", "sings.", $"falls {i} times asleep.", "starts to work."], i % 4,
            [.. Enumerable.Range(0, 4).Select(k => k == i % 4)])),
    ];
}
