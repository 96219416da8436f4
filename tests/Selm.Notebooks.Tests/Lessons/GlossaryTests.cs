using System.Text.RegularExpressions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>The terms of notebooks/glossary.yaml against the lessons; their symbols are in <see cref="SymbolTests"/>.</summary>
public sealed partial class GlossaryTests
{
    private static readonly IReadOnlyList<Term> terms = Glossary.Read().Terms;

    public static TheoryData<string> Names => Lesson.Names;

    [Fact]
    public void every_term_is_defined_once_and_in_words() => Assert.All(
        terms.CountBy(entry => entry.Name.ToLowerInvariant()), term => Assert.True(term.Value == 1, $"'{term.Key}' is defined {term.Value} times"));

    [Theory]
    [MemberData(nameof(Names))]
    public void no_term_is_used_before_the_lesson_that_defines_it(string name)
    {
        var lesson = Lesson.Of(name);
        var prose = string.Join('\n', Prose(lesson));
        var early = terms.Where(term => string.CompareOrdinal(term.Lesson, lesson.Number) > 0 && Use(term.Name).IsMatch(prose));

        Assert.True(!early.Any(), $"{name} uses {string.Join(", ", early.Select(term => $"'{term.Name}' (defined in lesson {term.Lesson}): {Around(prose, term.Name)}"))}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void a_term_is_bold_where_its_lesson_first_uses_it(string name)
    {
        var lesson = Lesson.Of(name);
        // The title, which says what is to come, may run ahead.
        var prose = string.Join('\n', Prose(lesson).Skip(1));
        Assert.All(terms.Where(term => term.Lesson == lesson.Number), term =>
        {
            var first = Use(term.Name).Match(prose);
            Assert.True(first.Success, $"{name} does not use '{term.Name}'");
            Assert.True(Bold().Matches(prose).Any(bold => bold.Index < first.Index && first.Index < bold.Index + bold.Length), $"'{term.Name}' is not bold at: {Around(prose, term.Name)}");
        });
    }

    [Fact]
    public void entries_belong_to_lessons_and_stand_in_their_order()
    {
        var glossary = Glossary.Read();
        foreach (var lessons in new[] { glossary.Terms.Select(term => term.Lesson).ToArray(), [.. glossary.Symbols.Select(symbol => symbol.Lesson)] })
        {
            Assert.Empty(lessons.Except(Lesson.All.Select(lesson => lesson.Number)));
            Assert.Equal(lessons.Order(StringComparer.Ordinal), lessons);
        }
    }

    // Prose without headings, code, formulas and the targets of links.
    private static IEnumerable<string> Prose(Lesson lesson) => lesson.Cells.Where(cell => !cell.IsCode).Select(cell => NotProse().Replace(cell.Source, " "));

    // The words of the term in any case, as a plural too, and across a line break.
    private static Regex Use(string term) =>
        new($@"(?<![\w-]){string.Join(@"\s+", term.Split(' ').Select(Regex.Escape))}(s|es)?(?![\w-])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private static string Around(string prose, string term)
    {
        var at = Use(term).Match(prose).Index;
        return "..." + prose[Math.Max(0, at - 40)..Math.Min(prose.Length, at + 60)].ReplaceLineEndings(" ") + "...";
    }

    [GeneratedRegex(@"(?m)^#+ .*$|(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)", RegexOptions.CultureInvariant)]
    private static partial Regex NotProse();

    [GeneratedRegex(@"\*\*[^*]+\*\*", RegexOptions.CultureInvariant)]
    private static partial Regex Bold();
}
