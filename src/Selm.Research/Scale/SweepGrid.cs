using Selm.Research.Lab;
using Selm.Research.Runs;
using YamlDotNet.RepresentationModel;

namespace Selm.Research.Scale;

/// <summary>The grid of a sweep's file, and the cells that it makes of recipes or of cells of the lab.</summary>
internal sealed class SweepGrid
{
    private const int Most = 100_000;

    private readonly string path, sweep;
    private readonly Axis[] axes;

    // A key of the grid, where the file has it, its short name, and its values.
    private sealed record Axis(string Key, YamlNode At, IReadOnlyList<YamlNode> Values)
    {
        public string Short { get; init; } = "";
    }

    // What the grid is laid over, how it is called, and what it sets already.
    private sealed record Start<T>(T Value, string Name, IReadOnlyList<(string Key, string Text)> Settings);

    /// <summary>Reads the grid.</summary>
    /// <param name="path">The sweep's file, for messages.</param>
    /// <param name="sweep">The sweep's name.</param>
    /// <param name="grid">Keys with their lists of values.</param>
    /// <exception cref="InputException">A key has no list, or lies inside another one.</exception>
    public SweepGrid(string path, string sweep, YamlNode grid)
    {
        (this.path, this.sweep) = (path, sweep);
        if (grid is not YamlMappingNode mapping)
        {
            throw Wrong(grid, "grid must be a section of keys with lists, such as {loss.alpha: [0, 0.001], seed: [1, 2]}");
        }
        var read = mapping.Children.Select(pair => pair.Value is YamlSequenceNode { Children.Count: > 0 } values
            ? new Axis((pair.Key as YamlScalarNode)?.Value ?? "", pair.Key, [.. values.Children])
            : throw Wrong(pair.Key, $"{pair.Key} of the grid must be a list of values, such as [1, 2]")).ToArray();
        foreach (var axis in read)
        {
            if (Array.Find(read, other => axis.Key.StartsWith($"{other.Key}.", StringComparison.Ordinal)) is { } whole)
            {
                throw Wrong(axis.At, $"{axis.Key} and {whole.Key} of the grid exclude each other, since one lies in the other; give one of them");
            }
        }
        axes = [.. read.Select(axis => axis with { Short = read.Count(other => Last(other.Key) == Last(axis.Key)) == 1 ? Last(axis.Key) : axis.Key })];
        if (axes.Aggregate(1L, (product, axis) => Math.Min(product * axis.Values.Count, Most + 1)) > Most)
        {
            throw Wrong(grid, $"the grid has more than {Most} cells; make it smaller");
        }
    }

    /// <summary>The cells, each made only once where several settings come to the same.</summary>
    /// <param name="recipes">A recipe's name or file or a list of them; null where <paramref name="lab"/> is given.</param>
    /// <param name="lab">Fields of a cell of the lab, or a list of such sections.</param>
    /// <exception cref="InputException">A key is unknown, a value wrong, or a cell contradicts itself; with its line.</exception>
    public IReadOnlyList<SweepCell> Cells(YamlNode? recipes, YamlNode? lab)
    {
        var cells = recipes is not null ? OfRecipes(recipes) : OfLab(lab!);
        var distinct = cells.DistinctBy(cell => cell.Hash).ToList();
        return distinct.GroupBy(cell => cell.Name).FirstOrDefault(group => group.Skip(1).Any()) is { } same
            ? throw new InputException($"{path}: two cells would be called {same.Key}; write their values in letters and digits that differ.")
            : distinct;
    }

    private List<SweepCell> OfRecipes(YamlNode node)
    {
        if (Array.Find(axes, axis => axis.Key == "name") is { } name)
        {
            throw Wrong(name.At, "name is no key of the grid, since each cell is named by its settings; leave it out");
        }
        var names = node is YamlSequenceNode { Children.Count: > 0 } list ? list.Children : [node];
        var starts = names.Select(one => one is YamlScalarNode { Value: { Length: > 0 } file }
            ? Recipe(one, file)
            : throw Wrong(node, "recipe must be the name or the file of a recipe, or a list of them")).Select(recipe => new Start<Recipe>(
                recipe, names.Count > 1 ? Clean(recipe.Name) : "", names.Count > 1 ? [("recipe", recipe.Name)] : [])).ToArray();
        return Over(starts, (recipe, cell, reader) =>
        {
            recipe = recipe with { Name = $"{sweep}-{cell.Name}" };
            RecipeRules.Check(recipe, reader);
            return cell with { Recipe = recipe };
        });
    }

    private List<SweepCell> OfLab(YamlNode node)
    {
        YamlNode[] sections = node is YamlSequenceNode { Children.Count: > 0 } list ? [.. list.Children] : [node];
        var starts = sections.Select(section =>
        {
            var fields = section as YamlMappingNode ?? throw Wrong(section, "lab must be a section of a cell's fields, such as {method: selm, alpha: 0.001}, or a list of such sections");
            var (cell, reader, given) = (new LabCellSpec(), new RecipeYaml(path), new List<(string, string)>());
            foreach (var (at, value) in fields.Children)
            {
                var key = (at as YamlScalarNode)?.Value ?? "";
                cell = reader.With(cell, key, at, value);
                given.Add((key, Label(value)));
                if (Array.Exists(axes, axis => axis.Key == key))
                {
                    throw Wrong(at, $"{key} is given in lab and in grid; give it in one of them");
                }
            }
            return sections.Length == 1 ? new Start<LabCellSpec>(cell, "", []) : new(cell, string.Join('_', given.Select(one => $"{one.Item1}-{Clean(one.Item2)}")), given);
        }).ToArray();
        return Over(starts, (cell, named, _) => named with { Lab = Meaning(cell, named.Name) });
    }

    private LabCellSpec Meaning(LabCellSpec cell, string name)
    {
        try
        {
            return cell.Resolved();
        }
        catch (InputException e)
        {
            throw new InputException($"{path}, cell {name}: {e.Message}", e);
        }
    }

    // Every start under every combination of the grid's values.
    private List<SweepCell> Over<T>(IReadOnlyList<Start<T>> starts, Func<T, SweepCell, RecipeYaml, SweepCell> finish)
        where T : notnull
    {
        foreach (var axis in axes)
        {
            foreach (var value in axis.Values)
            {
                new RecipeYaml(path).With(starts[0].Value, axis.Key, axis.At, value); // a wrong key or value is no matter of a cell
            }
        }
        var cells = new List<SweepCell>();
        foreach (var start in starts)
        {
            foreach (var values in Combinations(0))
            {
                var chosen = axes.Zip(values, (axis, value) => (axis, value, Text: Label(value))).ToArray();
                var name = string.Join('_', new[] { start.Name }.Where(part => part.Length > 0).Concat(chosen.Select(one => $"{one.axis.Short}-{Clean(one.Text)}")));
                var settings = start.Settings.Concat(chosen.Select(one => (one.axis.Key, one.Text))).ToDictionary(one => one.Item1, one => one.Item2);
                var reader = new RecipeYaml($"{path} (cell {(name.Length > 0 ? name : "all")})");
                var cell = chosen.Aggregate(start.Value, (made, one) => reader.With(made, one.axis.Key, one.axis.At, one.value));
                cells.Add(finish(cell, new SweepCell(name.Length > 0 ? name : "all", settings), reader));
            }
        }
        return cells;
    }

    private IEnumerable<YamlNode[]> Combinations(int from) => from == axes.Length
        ? [[]]
        : axes[from].Values.SelectMany(value => Combinations(from + 1).Select(rest => (YamlNode[])[value, .. rest]));

    // A file is looked for beside the sweep's own first.
    // What is wrong with a recipe is said with the line that names it.
    private Recipe Recipe(YamlNode at, string file)
    {
        try
        {
            return KitRecipes.Read(Beside(file));
        }
        catch (InputException e)
        {
            throw new InputException($"{path} line {at.Start.Line}: {e.Message}", e);
        }
    }

    private string Beside(string file) => Path.Combine(Path.GetDirectoryName(path) ?? "", file) is var beside && File.Exists(beside) ? beside : file;

    private InputException Wrong(YamlNode at, string what) => new($"{path} line {at.Start.Line}: {what}.");

    private static string Last(string key) => key[(key.LastIndexOf('.') + 1)..];

    private static string Label(YamlNode value) => value switch
    {
        YamlScalarNode scalar => scalar.Value ?? "null",
        YamlSequenceNode list => string.Join('+', list.Children.Select(Label)),
        YamlMappingNode section => string.Join('+', section.Children.Select(pair => $"{Label(pair.Key)}-{Label(pair.Value)}")),
        _ => value.ToString(),
    };

    private static string Clean(string text) => text.Length == 0 ? "none" : string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '+' or '-' ? c : '-'));
}
