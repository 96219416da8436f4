// Tabular and log-linear policies are one thing: a response is a tuple of entries, one from each of its prompt's tables,
// and log pi is the sum of the tables' log-softmaxes. Tabular: one table of 64 entries per prompt. Log-linear: slot a, slot b
// (shared) and slot c of the prompt, four entries each. Partition functions, greedy answers and KL then factorise over the
// tables, which makes a log-linear gradient 40 exponentials instead of 512.
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>The parameter layout of a policy of the online study; parameter vectors hold the tables one after another.</summary>
internal sealed class ResponseTables
{
    private readonly bool logLinear;

    internal ResponseTables(ExplorationSettings settings)
    {
        logLinear = settings.Sharing == Sharing.LogLinear;
        Slots = logLinear ? ExplorationSettings.Slots : 1;
        Width = logLinear ? ExplorationSettings.Words : ExplorationSettings.Responses;
        Count = logLinear ? 2 + settings.Prompts : settings.Prompts;
    }

    /// <summary>Tables per response.</summary>
    internal int Slots { get; }

    /// <summary>Entries per table.</summary>
    internal int Width { get; }

    /// <summary>Tables in all.</summary>
    internal int Count { get; }

    /// <summary>Parameters in all.</summary>
    internal int Length => Count * Width;

    /// <summary>The table that a slot of a prompt uses.</summary>
    internal int Table(int prompt, int slot) => logLinear && slot < 2 ? slot : logLinear ? 2 + prompt : prompt;

    /// <summary>The parameter that a slot of a response uses.</summary>
    internal int Entry(int prompt, int response, int slot) => Table(prompt, slot) * Width + (logLinear
        ? (slot == 0 ? response / 16 : slot == 1 ? response / 4 % 4 : response % 4)
        : response);

    /// <summary>A vector in this layout from word numbers of the slots (rewards or logits).</summary>
    internal double[] FromWords(double[] words)
    {
        if (logLinear)
        {
            return [.. words];
        }
        var vector = new double[Length];
        for (var i = 0; i < vector.Length; i++)
        {
            vector[i] = ExplorationWorld.Total(words, i / Width, i % Width);
        }
        return vector;
    }

    /// <summary>The sum of a response's entries.</summary>
    internal double Value(ReadOnlySpan<double> vector, int prompt, int response)
    {
        var sum = 0.0;
        for (var slot = 0; slot < Slots; slot++)
        {
            sum += vector[Entry(prompt, response, slot)];
        }
        return sum;
    }

    /// <summary>The response of the largest value: entry by entry, since slots are independent.</summary>
    internal int ArgMax(ReadOnlySpan<double> vector, int prompt)
    {
        var response = 0;
        for (var slot = 0; slot < Slots; slot++)
        {
            response = response * Width + LargestEntry(vector, Table(prompt, slot));
        }
        return response;
    }

    /// <summary>The index within its table of a table's largest entry, the first of equals.</summary>
    internal int LargestEntry(ReadOnlySpan<double> vector, int table)
    {
        var entries = vector.Slice(table * Width, Width);
        var largest = 0;
        for (var i = 1; i < entries.Length; i++)
        {
            largest = entries[i] > entries[largest] ? i : largest;
        }
        return largest;
    }

    /// <summary>Every table's log-softmax of logits; the result may be the logits themselves.</summary>
    internal void LogSoftmax(ReadOnlySpan<double> logits, Span<double> logps)
    {
        for (var table = 0; table < Count; table++)
        {
            LogMath.LogSoftmax(logits.Slice(table * Width, Width), logps.Slice(table * Width, Width));
        }
    }

    /// <summary>E_{y ~ pi}[sum of the response's entries of a vector] of one prompt.</summary>
    internal double Expect(ReadOnlySpan<double> logps, ReadOnlySpan<double> vector, int prompt)
    {
        var sum = 0.0;
        for (var slot = 0; slot < Slots; slot++)
        {
            var start = Table(prompt, slot) * Width;
            for (var i = start; i < start + Width; i++)
            {
                sum += Math.Exp(logps[i]) * vector[i];
            }
        }
        return sum;
    }

    /// <summary>A sample of pi(.|prompt), one uniform per slot.</summary>
    internal int Sample(ReadOnlySpan<double> logps, int prompt, PhiloxStream random)
    {
        var response = 0;
        for (var slot = 0; slot < Slots; slot++)
        {
            var entries = logps.Slice(Table(prompt, slot) * Width, Width);
            var left = random.NextDouble();
            var word = 0;
            while (word < Width - 1 && (left -= Math.Exp(entries[word])) >= 0)
            {
                word++;
            }
            response = response * Width + word;
        }
        return response;
    }
}
