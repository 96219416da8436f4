namespace Selm.Research.Runs;

/// <summary>Finds what someone probably meant, for errors such as "unknown key 'learning_rat'; did you mean 'learning_rate'?".</summary>
public static class NearestName
{
    /// <summary>
    /// The known name with the fewest single-letter edits (insert, delete, replace, swap of neighbours; case and
    /// -/_ ignored) from the wrong one, the first of equals; null where none is known.
    /// </summary>
    public static string? Of(string wrong, IEnumerable<string> known) => known.MinBy(name => Distance(Fold(wrong), Fold(name)));

    private static string Fold(string name) => name.ToLowerInvariant().Replace('-', '_');

    // Optimal string alignment distance, three rows at a time.
    private static int Distance(string a, string b)
    {
        var before = new int[b.Length + 1];
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            previous[j] = j;
        }
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(replace, 1 + Math.Min(previous[j], current[j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
                }
            }
            (before, previous, current) = (previous, current, before);
        }
        return previous[b.Length];
    }
}
