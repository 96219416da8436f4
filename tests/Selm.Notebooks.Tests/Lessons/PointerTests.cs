using System.Globalization;
using System.Text.RegularExpressions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>"Derived in lesson NN" in the library's comments, against the lessons.</summary>
public sealed partial class PointerTests
{
    [Fact]
    public void a_source_that_names_its_lesson_is_named_by_it()
    {
        var lessons = Lesson.All.ToDictionary(lesson => lesson.Number, lesson => File.ReadAllText(lesson.Path));
        var pointers = Directory.EnumerateFiles(Path.Combine(Lesson.Root, "src", "Selm.Research"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(path => Pointer().Matches(File.ReadAllText(path)).SelectMany(match => Numbers(match)).Select(number => (Source: Path.GetFileName(path).Split('.')[0], number)))
            .Where(pointer => lessons.ContainsKey(pointer.number))
            .ToArray();

        Assert.NotEmpty(pointers);
        Assert.All(pointers, pointer => Assert.True(
            lessons[pointer.number].Contains(pointer.Source, StringComparison.Ordinal),
            string.Create(CultureInfo.InvariantCulture, $"{pointer.Source} says that lesson {pointer.number} derives it, but the lesson does not name it")));
    }

    // "lesson 03", "lessons 05 and 06"; a range such as "lessons 02 to 09" points at no lesson in particular.
    private static IEnumerable<string> Numbers(Match match) => match.Groups["number"].Captures.Select(capture => capture.Value);

    [GeneratedRegex(@"Derived in lessons? (?<number>\d\d)(?! to)(?: and (?<number>\d\d))?", RegexOptions.CultureInvariant)]
    private static partial Regex Pointer();
}
