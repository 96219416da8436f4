using System.Text.RegularExpressions;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>notebooks/glossary/NN.yaml: the terms that lesson NN introduces.</summary>
public sealed partial class GlossaryTests
{
    private static readonly IDeserializer yaml = new DeserializerBuilder()
        .WithNamingConvention(UnderscoredNamingConvention.Instance).WithCaseInsensitivePropertyMatching().WithEnforceRequiredMembers().Build();

    private static readonly List<(string Lesson, Entry Entry)> glossary =
        [.. Lesson.All.SelectMany(lesson => Entries(lesson).Select(entry => (lesson.Number, entry)))];

    public static TheoryData<string> Names => Lesson.Names;

    [Fact]
    public void every_term_is_defined_once_and_in_words() => Assert.All(
        glossary.CountBy(pair => pair.Entry.Term.ToLowerInvariant()), term => Assert.True(term.Value == 1, $"'{term.Key}' is defined {term.Value} times"));

    [Theory]
    [MemberData(nameof(Names))]
    public void no_term_is_used_before_the_lesson_that_defines_it(string name)
    {
        var lesson = Lesson.Of(name);
        var prose = string.Join('\n', Prose(lesson));
        var early = glossary.Where(pair => string.CompareOrdinal(pair.Lesson, lesson.Number) > 0 && Use(pair.Entry.Term).IsMatch(prose));

        Assert.True(!early.Any(), $"{name} uses {string.Join(", ", early.Select(pair => $"'{pair.Entry.Term}' (defined in lesson {pair.Lesson}): {Around(prose, pair.Entry.Term)}"))}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void a_term_is_bold_where_its_lesson_first_uses_it(string name)
    {
        var lesson = Lesson.Of(name);
        // The title, which says what is to come, may run ahead.
        var prose = string.Join('\n', Prose(lesson).Skip(1));
        Assert.All(Entries(lesson), entry =>
        {
            var first = Use(entry.Term).Match(prose);
            Assert.True(first.Success, $"{name} does not use '{entry.Term}'");
            Assert.True(Bold().Matches(prose).Any(bold => bold.Index < first.Index && first.Index < bold.Index + bold.Length), $"'{entry.Term}' is not bold at: {Around(prose, entry.Term)}");
        });
    }

    private static List<Entry> Entries(Lesson lesson) =>
        yaml.Deserialize<List<Entry>>(File.ReadAllText(Path.Combine(Lesson.Folder, "glossary", lesson.Number + ".yaml")));

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

    private sealed record Entry
    {
        public required string Term { get; init; }

        public string Symbol { get; init; } = "";

        public required string Means { get; init; }
    }

    [GeneratedRegex(@"(?m)^#+ .*$|(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)", RegexOptions.CultureInvariant)]
    private static partial Regex NotProse();

    [GeneratedRegex(@"\*\*[^*]+\*\*", RegexOptions.CultureInvariant)]
    private static partial Regex Bold();
}
