namespace Selm.Research.Runs;

/// <summary>The recipes in data/recipes, which a command finds by their names.</summary>
public static class KitRecipes
{
    private static readonly string folder = Path.Combine("data", "recipes");

    /// <summary>Their names, sorted: the files' names without .yaml.</summary>
    /// <exception cref="InputException">The folder is not found from here.</exception>
    public static IReadOnlyList<string> Names() =>
        [.. Directory.EnumerateFiles(KitFolder.Find(folder), "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];

    /// <summary>Reads a recipe of the kit by its name, or any recipe by its path.</summary>
    /// <param name="nameOrPath">A word without folder and extension is a name, unless there is such a file here.</param>
    /// <exception cref="InputException">There is no recipe of that name (the nearest and all names are told), or as <see cref="Recipe.Read"/>.</exception>
    public static Recipe Read(string nameOrPath)
    {
        if (Path.HasExtension(nameOrPath) || Path.GetFileName(nameOrPath) != nameOrPath || File.Exists(nameOrPath))
        {
            return Recipe.Read(nameOrPath);
        }
        var names = Names();
        return names.Contains(nameOrPath)
            ? Recipe.Read(Path.Combine(KitFolder.Find(folder), nameOrPath + ".yaml"))
            : throw new InputException(
                $"There is no recipe '{nameOrPath}'; did you mean '{NearestName.Of(nameOrPath, names)}' (it is one of {string.Join(", ", names)}; a file of yours is named with its path or .yaml)?");
    }
}
