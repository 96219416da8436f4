using System.Text.Json.Nodes;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>The exercises of the lessons against the stored answers in notebooks/exercises/NN.yaml.</summary>
public sealed class ExerciseTests(LessonKit kit) : IClassFixture<LessonKit>
{
    private const string Opening = "// your answer:", Closing = "// end of answer";

    public static TheoryData<string> Names => Lesson.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void solutions_are_accepted_and_typical_mistakes_are_refused_with_their_hint(string name)
    {
        var lesson = Lesson.Of(name);
        var answers = Answers(lesson);
        var cases = Exercises(lesson).SelectMany(exercise => Cases(answers.Single(answer => answer.Id == exercise.Id), exercise.Cell)).ToArray();
        var cells = lesson.Code.Take(2).Select(cell => cell.Source).Concat(cases.Select(one => one.Source)).ToArray();
        var file = $"exercises-{lesson.Number}.ipynb";
        TempNotebooks.WriteTo(Path.Combine(kit.Notebooks, file), [.. cells.Select(source => TempNotebooks.Cell(source))]);

        var run = kit.Run(file);

        Assert.True(run.Code == 0, run.Out + run.Error);
        var outputs = JsonNode.Parse(File.ReadAllText(Path.Combine(kit.Notebooks, file)))!["cells"]!.AsArray();
        for (var k = 0; k < cases.Length; k++)
        {
            var said = Said(outputs[k + 2]!["outputs"]!.AsArray());
            Assert.True(said.StartsWith(cases[k].Begins, StringComparison.Ordinal) && said.Contains(cases[k].Holds, StringComparison.Ordinal),
                $"{cases[k].Source}\nsaid: {said}\nexpected: {cases[k].Begins} ... {cases[k].Holds}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void a_lesson_has_three_exercises_that_are_not_solved_yet_and_each_has_its_answers(string name)
    {
        var lesson = Lesson.Of(name);
        var exercises = Exercises(lesson).ToArray();

        Assert.True(exercises.Length >= 3);
        Assert.Equal(exercises.Select(exercise => exercise.Id), Answers(lesson).Select(answer => answer.Id));
        Assert.All(Answers(lesson), answer => Assert.True(answer.Wrong.Count >= 2));
        Assert.All(exercises, exercise =>
        {
            Assert.StartsWith(lesson.Number + ".", exercise.Id, StringComparison.Ordinal);
            Assert.Equal($"Exercise {exercise.Id}: not yet", Said(exercise.Cell.Json["outputs"]!.AsArray()));
        });
    }

    private static IEnumerable<(string Id, LessonCell Cell)> Exercises(Lesson lesson) => lesson.Code.Where(cell => cell.Has("exercise")).Select(cell =>
    {
        var first = cell.Source.Split('\n')[0];
        Assert.Matches(@"^// Exercise \d\d\.\d: .+", first);
        return (first["// Exercise ".Length..].Split(':')[0], cell);
    });

    private static IEnumerable<(string Source, string Begins, string Holds)> Cases(StoredAnswers answers, LessonCell cell) =>
    [
        (Filled(cell, answers.Solution), $"Exercise {answers.Id}: right", ""),
        .. answers.Wrong.Select(wrong => (Filled(cell, wrong.Code), $"Exercise {answers.Id}: no: ", wrong.Hint)),
    ];

    private static string Filled(LessonCell cell, string answer)
    {
        var (open, close) = (cell.Source.IndexOf(Opening, StringComparison.Ordinal), cell.Source.IndexOf(Closing, StringComparison.Ordinal));
        Assert.True(open >= 0 && close > open, cell.Source);
        return $"{cell.Source[..(open + Opening.Length)]}\n{answer.Trim()}\n{cell.Source[close..]}";
    }

    private static string Said(JsonArray outputs) => TempNotebooks.Joined(outputs.Single()!["data"]!["text/plain"]);

    private static List<StoredAnswers> Answers(Lesson lesson) => new DeserializerBuilder()
        .WithNamingConvention(UnderscoredNamingConvention.Instance)
        .WithCaseInsensitivePropertyMatching()
        .WithEnforceRequiredMembers()
        .Build()
        .Deserialize<List<StoredAnswers>>(File.ReadAllText(Path.Combine(Lesson.Folder, "exercises", lesson.Number + ".yaml")));

    private sealed record StoredAnswers
    {
        public required string Id { get; init; }

        public required string Solution { get; init; }

        public required List<WrongAnswer> Wrong { get; init; }
    }

    private sealed record WrongAnswer
    {
        public required string Code { get; init; }

        public required string Hint { get; init; }
    }
}
