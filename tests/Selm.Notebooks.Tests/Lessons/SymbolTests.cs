// Symbols in formulas. What is notable: nobody lists the formulas' symbols by hand; they are read out of the TeX, and one that
// the glossary does not have fails the test as much as one that comes too early.
using System.Text.RegularExpressions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>The symbols of notebooks/glossary.yaml against the formulas of the lessons.</summary>
public sealed partial class SymbolTests
{
    // Layout, operators, and what a reader of supervised learning brings along: e, indices of sums, derivatives.
    private static readonly HashSet<string> known =
    [
        "e", "i", "j", "k", "v",
        .. @"\approx \arg \big \Big \cdot \dots \exp \frac \ge \hat \in \infty \leftarrow \le \ln \log \lvert \max \min \nabla \partial \pm \qquad \quad \rvert \sim \sqrt \succ \sum \tanh \tfrac \textstyle \to \underbrace".Split(' '),
    ];

    private static readonly IReadOnlyList<Symbol> symbols = Glossary.Read().Symbols;

    public static TheoryData<string> Names => Lesson.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void every_symbol_of_a_formula_has_been_introduced(string name)
    {
        var lesson = Lesson.Of(name);
        var strangers = Uses(lesson).Where(use => !symbols.Any(symbol => symbol.Name == use.Symbol && string.CompareOrdinal(symbol.Lesson, lesson.Number) <= 0));

        Assert.True(!strangers.Any(), $"{name}: {string.Join(", ", strangers.Select(use => $"{use.Symbol} in cell {use.Cell}").Distinct())}: not in the glossary of this lesson or an earlier one");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void a_symbol_is_introduced_no_later_than_its_first_use(string name)
    {
        var lesson = Lesson.Of(name);
        // The title, which says what is to come, may run ahead.
        var uses = Uses(lesson).Where(use => use.Cell > 0).ToLookup(use => use.Symbol, use => use.Cell);
        Assert.All(symbols.Where(symbol => symbol.Lesson == lesson.Number), symbol =>
        {
            var introduced = lesson.Cells.Index().Where(cell => !cell.Item.IsCode && cell.Item.Source.Contains(symbol.Where, StringComparison.Ordinal)).Select(cell => cell.Index).DefaultIfEmpty(-1).First();
            Assert.True(introduced >= 0, $"{name} does not say '{symbol.Where}'");
            Assert.True(uses.Contains(symbol.Name), $"{name} introduces {symbol.Name} but does not use it");
            Assert.True(uses[symbol.Name].Min() >= introduced, $"{name} uses {symbol.Name} in cell {uses[symbol.Name].Min()} but introduces it in cell {introduced}");
        });
    }

    [Theory]
    [InlineData(@"\pi_{ref}(y_1\,|\,x)", @"\pi_{ref} y x")]
    [InlineData(@"\max_\pi \mathbb E_{y\sim\pi_r}[r^*_{row}] - \beta\,KL(\pi\,\|\,\pi_t)", @"\pi y \pi_r r^* \beta KL \pi \pi_t")]
    [InlineData(@"\text{for all } |left - right| = \frac{e^{z_w}}{\sum_v e^{z_v}}", "z w z")]
    [InlineData(@"\pi_\rho^{min}(\mathcal D)", @"\pi_\rho^{min} D")]
    public void symbols_are_read_out_of_TeX(string tex, string expected) => Assert.Equal(expected.Split(' '), Symbols(tex));

    private static IEnumerable<(string Symbol, int Cell)> Uses(Lesson lesson) =>
        from cell in lesson.Cells.Index()
        where !cell.Item.IsCode
        from formula in Formula().Matches(Code().Replace(cell.Item.Source, " "))
        from symbol in Symbols(formula.Groups["tex"].Value)
        select (symbol, cell.Index);

    // A letter with its index is one symbol where the glossary has it so (\pi_{ref}); otherwise the letter and what the index holds.
    // Words of several letters count only where the glossary has them (KL).
    private static IEnumerable<string> Symbols(string tex)
    {
        foreach (Match part in Part().Matches(Wording().Replace(tex, " ")))
        {
            var (letter, index) = (part.Groups["letter"].Value, part.Groups["index"].Value);
            var (named, starred) = (letter + part.Groups["star"].Value + index + part.Groups["min"].Value, letter + part.Groups["star"].Value);
            if (symbols.Any(symbol => symbol.Name == named))
            {
                yield return named;
                continue;
            }
            if (symbols.Any(symbol => symbol.Name == starred) || (!known.Contains(letter) && (letter.Length == 1 || letter[0] == '\\')))
            {
                yield return starred;
            }
            foreach (var inner in Symbols(index.TrimStart('_')))
            {
                yield return inner;
            }
        }
    }

    [GeneratedRegex(@"(?s)\$\$(?<tex>.*?)\$\$|\$(?<tex>[^$]*)\$", RegexOptions.CultureInvariant)]
    private static partial Regex Formula();

    [GeneratedRegex(@"(?s)```.*?```|`[^`]*`", RegexOptions.CultureInvariant)]
    private static partial Regex Code();

    [GeneratedRegex(@"\\(text|mathrm)\{[^}]*\}|\\mathbb\s*[A-Z0-9]|\\mathcal\b|\([A-Z]\.\d\)", RegexOptions.CultureInvariant)]
    private static partial Regex Wording();

    [GeneratedRegex(@"(?<letter>\\[A-Za-z]+|[A-Za-z]+)(?<star>\^\*)?(?<index>_\{[^{}]*\}|_\\[A-Za-z]+|_[A-Za-z0-9])?(?<min>\^\{min\})?", RegexOptions.CultureInvariant)]
    private static partial Regex Part();
}
