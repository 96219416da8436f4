// What a preference file holds, before anything is trained on it: each row is read as training would read it, and what training
// would refuse or leave out is counted with its place instead of ending the reading.
using Selm.HuggingFace.Chat;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>What is in a preference file.</summary>
/// <param name="File">The file.</param>
/// <param name="Format">JSONL, JSON list, gzip of either, Parquet or CSV.</param>
/// <param name="Rows">Rows that could be read as objects.</param>
/// <param name="Pairs">Rows that give a pair.</param>
/// <param name="Columns">The fields of the rows, in the order in which they were met.</param>
/// <param name="Shapes">The shapes recognised, by name, with their rows.</param>
/// <param name="EqualPairs">Pairs whose two answers are the same text: they teach nothing.</param>
/// <param name="EmptyAnswers">Pairs with an answer of white space only.</param>
/// <param name="Ties">Judged rows without a better answer: left out in training.</param>
/// <param name="Problems">What training refuses, most frequent first.</param>
/// <param name="Characters">Lengths in characters (code points).</param>
/// <param name="Tokens">Lengths in tokens as training counts them before it cuts: through the chat template, bos and end token included; null without a tokenizer.</param>
public sealed record DataInspection(
    string File,
    string Format,
    int Rows,
    int Pairs,
    IReadOnlyList<string> Columns,
    IReadOnlyDictionary<string, int> Shapes,
    int EqualPairs,
    int EmptyAnswers,
    int Ties,
    IReadOnlyList<DataProblem> Problems,
    PairLengths? Characters,
    PairLengths? Tokens)
{
    private const int MostPlaces = 3;

    /// <summary>Reads a file from end to end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">Counts tokens and refuses what training with it would refuse, or null.</param>
    /// <exception cref="InputException">The file cannot be read, or is of a kind that is not read.</exception>
    public static DataInspection Of(string path, TextEncoding? encoding = null)
    {
        var counted = new Counts(encoding);
        var format = "";
        using var rows = RowFile.Read(path, form => format = form).GetEnumerator();
        while (Next(path, rows, counted.Problems))
        {
            counted.Add(path, rows.Current);
        }
        return new(
            path, format, counted.Rows, counted.Pairs, counted.Columns, counted.Shapes, counted.Equal, counted.Empty, counted.Ties,
            [.. counted.Problems.Select(entry => new DataProblem(entry.Key, entry.Value.Rows, entry.Value.Places)).OrderByDescending(problem => problem.Rows)],
            counted.Characters.Summary(),
            counted.Tokens.Summary());
    }

    // A line that is no JSON object ends the reading: what is behind it may be anything.
    private static bool Next(string path, IEnumerator<JsonRow> rows, Dictionary<string, (int, List<string>)> problems)
    {
        try
        {
            return rows.MoveNext();
        }
        catch (InputException e) when (Place(path, e.Message) is { } place)
        {
            Note(problems, $"{place.What} Nothing behind it was looked at.", place.Where);
            return false;
        }
    }

    private static void Note(Dictionary<string, (int Rows, List<string> Places)> problems, string what, string where)
    {
        var (rows, places) = problems.TryGetValue(what, out var known) ? known : (0, []);
        if (rows < MostPlaces)
        {
            places.Add(where);
        }
        problems[what] = (rows + 1, places);
    }

    /// <summary>A message such as "F line 3: what." in its two parts; null where it names no place in the file.</summary>
    private static (string Where, string What)? Place(string path, string message)
    {
        var rest = message.StartsWith(path + " ", StringComparison.Ordinal) ? message[(path.Length + 1)..] : "";
        var colon = rest.IndexOf(": ", StringComparison.Ordinal);
        return colon > 0 && (rest.StartsWith("line ", StringComparison.Ordinal) || rest.StartsWith("row ", StringComparison.Ordinal)) ? (rest[..colon], rest[(colon + 2)..]) : null;
    }

    private sealed class Counts(TextEncoding? encoding)
    {
        private static readonly LengthLimits s_uncut = new(int.MaxValue, int.MaxValue);
        private readonly HashSet<string> _known = []; // columns

        public int Rows { get; private set; }

        public int Pairs { get; private set; }

        public int Equal { get; private set; }

        public int Empty { get; private set; }

        public int Ties { get; private set; }

        public List<string> Columns { get; } = [];

        public Dictionary<string, int> Shapes { get; } = [];

        public Dictionary<string, (int Rows, List<string> Places)> Problems { get; } = [];

        public LengthLists Characters { get; } = new();

        public LengthLists Tokens { get; } = new();

        public void Add(string path, JsonRow row)
        {
            Rows++;
            Columns.AddRange(row.Value.EnumerateObject().Select(field => field.Name).Where(_known.Add));
            try
            {
                if (PreferenceFile.FromRow(row) is { } record)
                {
                    var shape = PreferenceFile.Shape(row);
                    Shapes[shape] = Shapes.GetValueOrDefault(shape) + 1;
                    Add(record, $"{row.Counted} {row.Line}");
                }
                else
                {
                    Ties++;
                }
            }
            catch (InputException e) when (Place(path, e.Message) is { } place)
            {
                Note(Problems, place.What, place.Where);
            }
        }

        private void Add(PreferenceRecord record, string place)
        {
            Pairs++;
            var (chosen, rejected) = (record.ChosenResponse, record.RejectedResponse);
            Equal += chosen == rejected ? 1 : 0;
            Empty += string.IsNullOrWhiteSpace(chosen) || string.IsNullOrWhiteSpace(rejected) ? 1 : 0;
            Characters.Add(record.PromptMessages.Sum(turn => Length(turn.Content)), Length(chosen), Length(rejected));
            try
            {
                if (encoding?.Row(record.PromptMessages, [chosen, rejected], s_uncut) is var (prompt, responses))
                {
                    Tokens.Add(prompt.Length, responses[0].Length, responses[1].Length);
                }
            }
            catch (InputException e)
            {
                Note(Problems, e.Message, place); // its template refuses the turns, or there is none
            }
        }

        private static int Length(string text) => text.Length - text.Count(char.IsLowSurrogate);
    }

    private sealed class LengthLists
    {
        private readonly List<int> _prompt = [], _chosen = [], _rejected = [];

        public void Add(int prompt, int chosen, int rejected)
        {
            _prompt.Add(prompt);
            _chosen.Add(chosen);
            _rejected.Add(rejected);
        }

        public PairLengths? Summary() => _prompt.Count == 0 ? null : new(Lengths.Of(_prompt), Lengths.Of(_chosen), Lengths.Of(_rejected));
    }
}

/// <summary>Something that training refuses, and where.</summary>
/// <param name="What">What is wrong, and the cure.</param>
/// <param name="Rows">How many rows it concerns.</param>
/// <param name="Places">The first of them: "line 3".</param>
public sealed record DataProblem(string What, int Rows, IReadOnlyList<string> Places);

/// <summary>Lengths of prompts and answers.</summary>
/// <param name="Prompt">Of all turns before the answer.</param>
/// <param name="Chosen">Of the better answer.</param>
/// <param name="Rejected">Of the worse answer.</param>
public sealed record PairLengths(Lengths Prompt, Lengths Chosen, Lengths Rejected);

/// <summary>A distribution of lengths.</summary>
/// <param name="Least">The smallest.</param>
/// <param name="Median">Half are at most this.</param>
/// <param name="Upper">95 of 100 are at most this.</param>
/// <param name="Most">The largest.</param>
/// <param name="Histogram">Counts in bins of equal width from 0 to the largest.</param>
public sealed record Lengths(int Least, int Median, int Upper, int Most, IReadOnlyList<int> Histogram)
{
    private const int Bins = 16;

    internal static Lengths Of(List<int> values)
    {
        int[] sorted = [.. values.Order()];
        var histogram = new int[Bins];
        foreach (var value in sorted)
        {
            histogram[(int)((long)value * Bins / (sorted[^1] + 1L))]++;
        }
        return new(sorted[0], At(0.5), At(0.95), sorted[^1], histogram);

        int At(double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
    }
}
