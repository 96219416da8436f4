// Unicode's canonical normal forms with tables of our own: under invariant globalization .NET's string.Normalize returns
// its input. The tables are canonical-forms.txt, whose head says how it was made.
using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>The normal forms NFC and NFD of Unicode 14: canonical decomposition, order of marks, composition.</summary>
internal static class CanonicalForms
{
    // Below it every character is its own normal form and no mark combines.
    private const char FirstThatMayChange = '\u0300';

    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, Leads = 19, Vowels = 21, Trails = 28, HangulCount = Leads * Vowels * Trails;

    private static readonly Lazy<Tables> tables = new(Tables.Read);

    /// <summary>Canonical composition.</summary>
    public static string Nfc(string text) => Form(text, compose: true);

    /// <summary>Canonical decomposition.</summary>
    public static string Nfd(string text) => Form(text, compose: false);

    private static string Form(string text, bool compose)
    {
        // NFD parts also the letters between U+00C0 and U+02FF.
        if (text.AsSpan().IndexOfAnyInRange(compose ? FirstThatMayChange : '\u00C0', char.MaxValue) < 0)
        {
            return text;
        }
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, points);
        }
        Order(points);
        if (compose)
        {
            Compose(points);
        }
        var result = new StringBuilder(points.Count);
        foreach (var point in points)
        {
            result.Append(new Rune(point));
        }
        return result.ToString();
    }

    private static void Decompose(int point, List<int> result)
    {
        if (point - HangulBase is >= 0 and < HangulCount and var index)
        {
            result.Add(LeadBase + (index / (Vowels * Trails)));
            result.Add(VowelBase + (index % (Vowels * Trails) / Trails));
            if (index % Trails != 0)
            {
                result.Add(TrailBase + (index % Trails));
            }
        }
        else if (tables.Value.Parts.TryGetValue(point, out var parts))
        {
            Decompose(parts.First, result);
            if (parts.Second != 0)
            {
                Decompose(parts.Second, result);
            }
        }
        else
        {
            result.Add(point);
        }
    }

    // Marks between two starters by their class, equal classes in the order of the text.
    private static void Order(List<int> points)
    {
        for (var at = 1; at < points.Count; at++)
        {
            var point = points[at];
            var own = tables.Value.ClassOf(point);
            var to = at;
            while (own > 0 && to > 0 && tables.Value.ClassOf(points[to - 1]) > own)
            {
                points[to] = points[--to];
            }
            points[to] = point;
        }
    }

    // Each character joins the last starter unless a mark of its class or a higher one, or another starter, stands between.
    private static void Compose(List<int> points)
    {
        var (starter, kept, last) = (-1, 0, 0);
        foreach (var point in points.ToArray())
        {
            var own = tables.Value.ClassOf(point);
            var adjacent = starter == kept - 1;
            if (starter >= 0 && (adjacent || (last < own && last != 0)) && Composite(points[starter], point) is { } whole)
            {
                points[starter] = whole;
                continue;
            }
            if (own == 0)
            {
                starter = kept;
            }
            last = own;
            points[kept++] = point;
        }
        points.RemoveRange(kept, points.Count - kept);
    }

    private static int? Composite(int first, int second)
    {
        if (first - LeadBase is >= 0 and < Leads and var lead && second - VowelBase is >= 0 and < Vowels and var vowel)
        {
            return HangulBase + (((lead * Vowels) + vowel) * Trails);
        }
        if (first - HangulBase is >= 0 and < HangulCount and var syllable && syllable % Trails == 0 && second - TrailBase is > 0 and < Trails and var trail)
        {
            return first + trail;
        }
        return tables.Value.Wholes.TryGetValue((first, second), out var whole) ? whole : null;
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, byte> classes = [];

        /// <summary>One step of decomposition; the second part is 0 where there is one only.</summary>
        public Dictionary<int, (int First, int Second)> Parts { get; } = [];

        public Dictionary<(int First, int Second), int> Wholes { get; } = [];

        public int ClassOf(int point) => classes.GetValueOrDefault(point);

        public static Tables Read()
        {
            var result = new Tables();
            using var reader = new StreamReader(typeof(CanonicalForms).Assembly.GetManifestResourceStream("canonical-forms.txt")!);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] != '#')
                {
                    result.Add(line.Split(' '));
                }
            }
            return result;
        }

        private void Add(string[] fields)
        {
            if (fields[0] == "c")
            {
                var ends = fields[1].Split('-');
                for (var point = Code(ends[0]); point <= Code(ends[1]); point++)
                {
                    classes[point] = byte.Parse(fields[2], CultureInfo.InvariantCulture);
                }
                return;
            }
            var parts = (Code(fields[2]), fields.Length > 3 ? Code(fields[3]) : 0);
            Parts[Code(fields[1])] = parts;
            if (fields[0] == "d")
            {
                Wholes[parts] = Code(fields[1]);
            }
        }

        private static int Code(string hex) => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
