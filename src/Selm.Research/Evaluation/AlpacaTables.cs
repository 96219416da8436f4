// The two tables behind the length-controlled win rate. They belong together: both are about one evaluation set and one
// baseline, and the calibration rows carry the baseline's lengths, by which other files are recognised.
using System.Globalization;
using CsvHelper;

namespace Selm.Research.Evaluation;

/// <summary>What the GLM needs besides a model's own judgements: the difficulty of each instruction and the gamed copies' rows.</summary>
/// <param name="Difficulty">By instruction, 0 to n - 1.</param>
/// <param name="Calibration">The rows of the gamed copies in file order.</param>
/// <param name="GamedModels">The names of the gamed copies, each beginning with the baseline's; empty where the file does not say.</param>
/// <param name="BaselineLengths">Length of the baseline's answer by instruction, in characters; null where the file does not say.</param>
public sealed record AlpacaTables(
    IReadOnlyList<double> Difficulty, IReadOnlyList<CalibrationRow> Calibration, IReadOnlyList<string> GamedModels, IReadOnlyList<int>? BaselineLengths)
{
    /// <summary>
    /// Reads difficulties (columns: the instruction's index, instruction_difficulty) and gamed rows (columns index,
    /// std_delta_len, preference from 0 to 1; optionally model, len_1, instruction_difficulty).
    /// </summary>
    /// <exception cref="InputException">A file is missing, empty or broken, or an instruction is missing or there twice.</exception>
    public static AlpacaTables Read(string difficultyPath, string gamedPath)
    {
        var difficulty = ReadDifficulty(difficultyPath);
        var rows = Rows(gamedPath);
        var names = rows.Select(row => row.TextOrNull("model")).OfType<string>().Distinct().ToList();
        var seen = new HashSet<(string?, int)>();
        var lengths = new int?[difficulty.Length];
        var calibration = new List<CalibrationRow>(rows.Count);
        foreach (var row in rows)
        {
            var index = row.Index(difficulty.Length, difficultyPath);
            if (names.Count > 0 && !seen.Add((row.TextOrNull("model"), index)))
            {
                throw row.Error($"instruction {index} of {row.TextOrNull("model")} is there twice; keep one row of it");
            }
            if (row.TextOrNull("len_1") is not null)
            {
                var length = (int)row.Number("len_1");
                if ((lengths[index] ??= length) != length)
                {
                    throw row.Error($"the baseline's answer to instruction {index} has {length} characters here and {lengths[index]} before; use rows against one baseline");
                }
            }
            var hardness = row.TextOrNull("instruction_difficulty") is null ? difficulty[index] : row.Number("instruction_difficulty");
            if (Math.Abs(hardness - difficulty[index]) > 1e-6)
            {
                throw row.Error(string.Create(CultureInfo.InvariantCulture, $"the difficulty of instruction {index} is {hardness} here and {difficulty[index]} in {difficultyPath}; use the two tables of one evaluation set"));
            }
            calibration.Add(new(row.Number("std_delta_len"), hardness, row.Probability("preference")));
        }
        foreach (var name in names)
        {
            var count = rows.Count(row => row.TextOrNull("model") == name);
            if (count < difficulty.Length)
            {
                throw new InputException($"{gamedPath} has {count} rows of {name}, but {difficultyPath} has {difficulty.Length} instructions; give one row of each.");
            }
        }
        return new(difficulty, calibration, names, lengths.All(length => length is not null) ? [.. lengths.Select(length => length!.Value)] : null);
    }

    private static double[] ReadDifficulty(string path)
    {
        var found = new SortedDictionary<int, double>();
        var all = Rows(path);
        if (all[0].TextOrNull("std_delta_len") is not null)
        {
            throw new InputException($"{path} holds the rows of gamed copies, not the difficulties; give each table in its place.");
        }
        foreach (var row in all)
        {
            var index = row.Index(int.MaxValue, path);
            if (!found.TryAdd(index, row.Number("instruction_difficulty")))
            {
                throw row.Error($"instruction {index} is there twice; keep one row of it");
            }
        }
        var missing = Enumerable.Range(0, found.Count).FirstOrDefault(i => !found.ContainsKey(i), -1);
        return missing < 0
            ? [.. found.Values]
            : throw new InputException($"{path} has no difficulty for instruction {missing} although it has {found.Count} rows; give each instruction from 0 on one row.");
    }

    private static List<Row> Rows(string path)
    {
        List<Row> rows = [];
        try
        {
            using var csv = CsvReader.FromFile(path, new CsvReaderOptions
            {
                Separator = ',',
                TrackLineNumbers = true,
                MalformedData = CsvMalformedDataHandling.Throw,
                FieldCountMismatch = CsvFieldCountHandling.Throw,
            });
            while (csv.Read())
            {
                rows.Add(new(path, csv.LineNumber, csv.Headers.Zip(Enumerable.Range(0, csv.Headers.Count).Select(csv.GetString)).ToDictionary()));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); give the path of a readable CSV file.", e);
        }
        catch (Exception e) when (e is CsvFormatException or ArgumentException)
        {
            throw new InputException($"{path} is not valid CSV ({e.Message.TrimEnd('.')}); correct the header, the quotes and the number of cells.", e);
        }
        return rows.Count > 0 ? rows : throw new InputException($"{path} holds no rows; give the table that belongs to the evaluation set.");
    }

    // One line of a table; an empty first header is the index, as pandas writes it.
    private readonly record struct Row(string Path, long Line, Dictionary<string, string> Cells)
    {
        public string? TextOrNull(string name) => Cells.TryGetValue(name, out var text) && text.Length > 0 ? text : null;

        public double Number(string name)
        {
            var text = TextOrNull(name) ?? throw Error($"the column {name} is missing or empty; fill it");
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? number
                : throw Error($"{name} is '{text}', which is not a finite number; correct it");
        }

        public double Probability(string name)
        {
            var number = Number(name);
            return number is >= 0 and <= 1 ? number : throw Error($"{name} is {number}, which is not between 0 and 1; correct it");
        }

        public int Index(int below, string difficultyPath)
        {
            var number = Number(Cells.ContainsKey("") && !Cells.ContainsKey("index") ? "" : "index");
            return number >= 0 && number < below && Math.Floor(number) == number
                ? (int)number
                : throw Error($"instruction {number} does not exist in {difficultyPath}; correct the index, which counts from 0");
        }

        public InputException Error(string what) => new($"{Path} line {Line}: {what}.");
    }
}
