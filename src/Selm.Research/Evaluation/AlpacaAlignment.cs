// Which instruction each row of an annotation file answers. Public lists carry no number and lose rows when a judgement
// failed; the baseline's answers are fixed, so their lengths tell which instructions are left.
namespace Selm.Research.Evaluation;

internal static class AlpacaAlignment
{
    /// <summary>The instruction of each row under a lookup.</summary>
    /// <exception cref="InputException">Numbers are doubled or out of range, or the lengths are those of another baseline.</exception>
    public static IReadOnlyList<int> Instructions(AlpacaAnnotations annotations, AlpacaTables tables, DifficultyLookup lookup)
    {
        var count = tables.Difficulty.Count;
        var places = Enumerable.Range(0, annotations.Rows.Count).ToArray();
        var numbers = Numbers(annotations, count) ?? places;
        var arePlaces = (annotations.NumbersArePlaces || annotations.Rows[0].Instruction is null) && numbers.SequenceEqual(places);
        if (FirstOtherLength(annotations, tables, numbers) is { } row)
        {
            numbers = (arePlaces && places.Length < count ? ByLengths(annotations, tables.BaselineLengths!) : null)
                ?? throw AlpacaAnnotations.Error(annotations.Path, row,
                    $"the baseline's answer to instruction {numbers[row]} has {annotations.Rows[row].BaselineLength} characters, but {tables.BaselineLengths![numbers[row]]} in the calibration rows; these are annotations of another baseline or another order");
        }
        else if (lookup == DifficultyLookup.ByInstruction && tables.BaselineLengths is null && annotations.Rows[0].Instruction is null && places.Length < count)
        {
            throw new InputException($"{annotations.Path} lacks {count - places.Length} of {count} annotations and does not say which; add the field index, the instruction's number from 0.");
        }
        return lookup == DifficultyLookup.ByRowPosition ? places : numbers;
    }

    // The numbers that the file gives, checked, or null.
    private static int[]? Numbers(AlpacaAnnotations annotations, int count)
    {
        if (annotations.Rows[0].Instruction is null)
        {
            return null;
        }
        var first = new Dictionary<int, int>();
        for (var row = 0; row < annotations.Rows.Count; row++)
        {
            var number = annotations.Rows[row].Instruction!.Value;
            if (number >= count)
            {
                throw AlpacaAnnotations.Error(annotations.Path, row, $"instruction {number} does not exist, the difficulties are those of 0 to {count - 1}; correct the index");
            }
            if (!first.TryAdd(number, row))
            {
                throw AlpacaAnnotations.Error(annotations.Path, row, $"instruction {number} of row {first[number] + 1} is there again; keep one annotation of each instruction");
            }
        }
        return [.. annotations.Rows.Select(row => row.Instruction!.Value)];
    }

    private static int? FirstOtherLength(AlpacaAnnotations annotations, AlpacaTables tables, int[] numbers)
    {
        if (tables.BaselineLengths is { } lengths)
        {
            for (var row = 0; row < numbers.Length; row++)
            {
                if (annotations.Rows[row].BaselineLength != lengths[numbers[row]])
                {
                    return row;
                }
            }
        }
        return null;
    }

    // The rows as a subsequence of the evaluation set, or null where their lengths are none. Where equal lengths leave a
    // choice (the earliest fit differs from the latest), the file must say which instructions are missing.
    private static int[]? ByLengths(AlpacaAnnotations annotations, IReadOnlyList<int> lengths)
    {
        var rows = annotations.Rows;
        var (earliest, latest) = (new int[rows.Count], new int[rows.Count]);
        for (var (row, at) = (0, 0); row < rows.Count; row++, at++)
        {
            while (at < lengths.Count && lengths[at] != rows[row].BaselineLength)
            {
                at++;
            }
            if (at == lengths.Count)
            {
                return null;
            }
            earliest[row] = at;
        }
        for (var (row, at) = (rows.Count - 1, lengths.Count - 1); row >= 0; row--, at--)
        {
            while (lengths[at] != rows[row].BaselineLength)
            {
                at--;
            }
            latest[row] = at;
        }
        var unsure = Enumerable.Range(0, rows.Count).FirstOrDefault(row => earliest[row] != latest[row], -1);
        return unsure < 0
            ? earliest
            : throw AlpacaAnnotations.Error(annotations.Path, unsure,
                $"annotations are missing, and it may answer instruction {earliest[unsure]} or {latest[unsure]}; give as index the number that the instruction has in the whole evaluation set, from 0");
    }
}
