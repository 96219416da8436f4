using System.Text.Json.Nodes;
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
        Assert.All(Equations.All, item => Assert.True(item.Sources.Count > 0 && item.Tests.Count > 0 && item.Cells.Count > 0, item.What));
        Assert.Equal(Equations.All.Count, Equations.All.Select(item => (item.First, item.Version3)).Distinct().Count());
    }

    // All that the first edition numbers, and the DPO loss, which it does not number.
    private static readonly string[] paper =
    [
        "section 1", "section 2.1", "section 2.2", "section 3.1", "section 3.2", "section 3.3", "section 4", "section 5.1", "section 5.2", "section 5.3", "section 6",
        "appendix A", "appendix B", "appendix C", "(1.1)", "(2.1)", "(2.2)", "(2.3)", "section 2.2, DPO", "(3.1)", "(3.2)", "(3.3)", "(3.4)", "(A.1)",
        "Theorem 3.1", "Algorithm 1", "Table 1", "Table 2", "Figure 1", "Figure 2", "Figure 3", "Figure 4", "Figure 5",
    ];

    [Fact]
    public void every_section_equation_table_figure_and_appendix_of_the_paper_has_a_row()
    {
        Assert.All(paper, item => Assert.True(Equations.All.Any(row => Names(row.First, item)), $"{item} has no row"));
        Assert.All(Equations.All.Where(row => row.First.Length > 0), row => Assert.True(paper.Any(item => Names(row.First, item)), $"'{row.First}' is nothing that the paper numbers"));
    }

    [Fact]
    public void every_cell_that_is_named_is_in_its_lesson() => Assert.All(
        Equations.All.SelectMany(row => row.Cells), cell => Assert.True(cells.ContainsKey(cell), $"there is no cell {cell} in a notebook {cell[..2]}-*.ipynb"));

    [Fact]
    public void an_equation_is_read_in_one_of_its_cells_and_everything_else_is_named_in_its_lessons() => Assert.All(Equations.All.Where(row => row.First.Length > 0), row =>
    {
        var equation = Regex.Match(row.First, @"\(\w\.\d\)");
        var read = string.Join('\n', equation.Success ? row.Cells.Select(id => cells[id]) : cells.Where(cell => row.Cells.Any(id => id[..2] == cell.Key[..2])).Select(cell => cell.Value));
        var name = equation.Success ? equation.Value : row.First.Split(',')[0];
        Assert.True(Said(read, name), $"none of {string.Join(", ", row.Cells)} speaks of {name}");
    });

    private static readonly Dictionary<string, string> cells = Directory.EnumerateFiles(Path.Combine(Golden.Root, "notebooks"), "*.ipynb")
        .Where(path => char.IsDigit(Path.GetFileName(path)[0]))
        .SelectMany(path => JsonNode.Parse(File.ReadAllText(path))!["cells"]!.AsArray())
        .ToDictionary(cell => (string)cell!["id"]!, cell => cell!["source"] is JsonArray lines ? string.Concat(lines.Select(line => (string)line!)) : (string)cell!["source"]!);

    private static bool Names(string first, string item) => first == item || first.StartsWith(item + ",", StringComparison.Ordinal) || first.EndsWith(", " + item, StringComparison.Ordinal);

    // "sections 1 and 3.1", "section 5.2", "appendices A and C", "Figures 3 to 5"; an equation by its number.
    private static bool Said(string text, string name) => name[0] == '('
        ? text.Contains(name, StringComparison.Ordinal)
        : Regex.IsMatch(text, $@"{Regex.Escape(name.Split(' ')[0])}s? ([\w.]+(,| and|, and) )*{Regex.Escape(name.Split(' ')[1])}(?![\d]|\.\d)", RegexOptions.IgnoreCase);

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
