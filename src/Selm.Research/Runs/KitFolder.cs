namespace Selm.Research.Runs;

/// <summary>Files that come with the kit, found from the current folder or from the checkout that this build lies in.</summary>
public static class KitFolder
{
    /// <summary>The path of a file or folder of the kit.</summary>
    /// <param name="path">Relative to the kit's top folder: data/claims.yaml.</param>
    /// <exception cref="InputException">It is in none of the folders above the current one or above this build.</exception>
    public static string Find(string path)
    {
        string[] starts = [Environment.CurrentDirectory, AppContext.BaseDirectory, Path.GetDirectoryName(typeof(KitFolder).Assembly.Location) ?? ""];
        foreach (var start in starts.Where(start => start.Length > 0))
        {
            for (var at = new DirectoryInfo(start); at is not null; at = at.Parent)
            {
                var candidate = Path.Combine(at.FullName, path);
                if (File.Exists(candidate) || Directory.Exists(candidate))
                {
                    return candidate;
                }
            }
        }
        throw new InputException($"{path} was not found above {Environment.CurrentDirectory}; start from the kit's top folder.");
    }
}
