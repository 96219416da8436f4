using System.Text;
using Selm.Research.Numerics;

namespace Selm.Research.Evaluation;

/// <summary>Solved examples in front of a question: the n-shot prompts of the academic benchmarks.</summary>
/// <param name="Pool">Solved examples as text.</param>
/// <param name="Shots">How many stand in front of each question.</param>
/// <param name="Seed">Decides which.</param>
/// <param name="PoolIsTest">The pool is the evaluated file itself, so that an item must not see its own solution.</param>
/// <param name="Primer">Text before the examples, such as fixed question-answer pairs; empty for none.</param>
public sealed record FewShot(IReadOnlyList<string> Pool, int Shots, ulong Seed = 0, bool PoolIsTest = false, string Primer = "")
{
    /// <summary>No examples.</summary>
    public static FewShot None { get; } = new([], 0);

    /// <summary>What stands before the question of an item: the primer, then examples, each followed by an empty line.</summary>
    /// <param name="item">The item's number; which examples it sees depends on the seed and this number only.</param>
    /// <exception cref="InputException">The pool has too few examples.</exception>
    public string Before(int item)
    {
        var available = Pool.Count - (PoolIsTest && item < Pool.Count ? 1 : 0);
        if (available < Shots)
        {
            throw new InputException($"There are {available} solved examples for {Shots} shots; give a file with more, or fewer shots.");
        }
        var text = new StringBuilder(Primer);
        var random = new PhiloxStream(Seed, "few-shot", item);
        var taken = new List<int>(Shots);
        while (taken.Count < Shots)
        {
            var example = random.NextInt(Pool.Count);
            if (!(PoolIsTest && example == item) && !taken.Contains(example))
            {
                taken.Add(example);
                text.Append(Pool[example]).Append("\n\n");
            }
        }
        return text.ToString();
    }
}
