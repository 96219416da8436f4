using System.Text.RegularExpressions;
using Selm.Research.Theory;
using Selm.Tests;
using Equations = Selm.Research.Lessons.Equations;

namespace Selm.Research.Tests.Lessons;

public class EquationsTests
{
    private static readonly string page = Path.Combine(Golden.Root, "EQUATIONS.md");

    [Fact]
    public void the_page_is_what_the_list_says()
    {
        var written = Equations.Page(Golden.Root);
        if (!File.Exists(page) || File.ReadAllText(page) != written)
        {
            var actual = Path.Combine(Golden.Root, "artifacts", "EQUATIONS.md");
            File.WriteAllText(actual, written);
            Assert.Fail($"{page} differs from {actual}; copy the new one over the old one");
        }
    }

    [Fact]
    public void no_link_is_dead()
    {
        var links = Regex.Matches(File.ReadAllText(page), @"\]\((?<path>[^)]+)\)").Select(match => match.Groups["path"].Value).ToArray();
        Assert.True(links.Length > 3 * Equations.All.Count);
        Assert.All(links, link => Assert.True(File.Exists(Path.Combine(Golden.Root, link)), $"{link} does not exist"));
    }

    [Fact]
    public void every_item_has_a_source_a_test_and_a_lesson_and_its_number_once()
    {
        Assert.All(Equations.All, item => Assert.True(item.Sources.Count > 0 && item.Tests.Count > 0 && item.Lessons.Count > 0, item.What));
        Assert.Equal(Equations.All.Count, Equations.All.Select(item => (item.First, item.Version3)).Distinct().Count());
    }

    [Fact]
    public void every_equation_of_the_ladder_is_on_the_page_with_both_numbers()
    {
        foreach (var step in Ladder.Of(FiniteWorld.Random(0), Edition.Repaired).Steps)
        {
            // By its number in the first edition: version 3 uses some of the same numbers for other equations.
            var item = Equations.All.FirstOrDefault(one => one.First.Contains(step.Equation, StringComparison.Ordinal)) ?? Equations.All.FirstOrDefault(one => one.Version3 == step.Equation);
            Assert.True(item is not null, $"{step.Equation} is not on the page");
            Assert.True(item.Version3 == step.Version3 || step.Version3.Length == 0, step.Name);
        }
    }
}
