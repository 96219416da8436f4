using System.Globalization;
using System.Text;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Tokenizers;

/// <summary>Texts that tokenizers find hard, the same for the same seed and row, and what a report of one needs.</summary>
internal static class FuzzTexts
{
    private static readonly string[] spaces =
    [
        " ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\u0085", "\u00A0", "\u1680", "\u180E", "\u2003", "\u2009", "\u200B", "\u2028", "\u2029", "\u202F",
        "\u205F", "\u2060", "\u3000", "\uFEFF",
    ];

    private static readonly string[] emoji =
    [
        "\U0001F642", "\U0001F44D\U0001F3FD", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\u2764\uFE0F\u200D\U0001F525", "\U0001F1E9\U0001F1EA", "\U0001F1FA",
        "1\uFE0F\u20E3", "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "\U0001F575\uFE0F\u200D\u2640\uFE0F", "\u200D", "\uFE0F",
    ];

    private static readonly string[] normalized =
    [
        "\uFB01", "\u212B", "\u00C5", "A\u030A", "\u2126", "\u212A", "\u2460", "\u00BD", "\u00B2", "\uFF21", "\uFF76\uFF9E", "\uFDFA", "\u01C6", "\u0130", "\u00DF", "\u1E9E",
        "\u017F", "\u1100\u1161\u11A8", "\uAC01", "\u0958", "\u0915\u093C", "\u1E69", "s\u0323\u0307", "s\u0307\u0323", "\u2026", "\u2075", "\u3392", "\uF900", "\U0002F800",
        "\U0001D15E", "\u0344", "\u1FEF", "\u2011", "\u00AD", "\u00A8", "\u1D2C", "\u0149",
    ];

    private static readonly string[] snippets =
    [
        "don't", "WE'LL", "'S", "'\u017F", "\u2019s", "it's", " 're", "''ve", "\u2581", "\u2581\u2581", "\u2581a", "<0x41>", "<0xE2>", "\u0120the", "\u010A", "https://x.org/a?b=1",
        "{\"a\": [1]}", "    return x;\n", "\n\n\n", " \n ", "x\u2028y", "3.14", "1,000,000", "\u0661\u0662\u0663", "\u096A\u0968", "\U0001D7D9\U0001D7DA", "...", "---", "!?!", "#$%",
    ];

    private static readonly (int First, int Last)[] scripts =
    [
        (0x4E00, 0x9FA5), (0x3041, 0x3096), (0x30A1, 0x30FA), (0xAC00, 0xD7A3), (0x0410, 0x044F), (0x05D0, 0x05EA), (0x0620, 0x064A), (0x0905, 0x0939), (0x0E01, 0x0E30),
        (0x00C0, 0x017E), (0x0391, 0x03A1),
    ];

    private static readonly (int First, int Last)[] planes =
    [
        (0x10000, 0x1000B), (0x10400, 0x1044F), (0x1D400, 0x1D454), (0x1D7CE, 0x1D7FF), (0x1F300, 0x1F5FF), (0x20000, 0x2A6DF), (0x12000, 0x12399), (0xE0100, 0xE01EF),
        (0xF0000, 0xF00FF), (0x10FFFE, 0x10FFFF),
    ];

    /// <summary>One text of up to sixteen parts, seldom one long run.</summary>
    /// <param name="random">Where the chance comes from.</param>
    /// <param name="specials">The tokenizer's own special tokens.</param>
    public static string Next(PhiloxStream random, IReadOnlyList<string> specials)
    {
        var text = new StringBuilder();
        for (var parts = random.NextInt(17); parts > 0; parts--)
        {
            Append(text, random, specials);
        }
        return text.ToString();
    }

    /// <summary>Words of a vocabulary between spaces, seldom with an unknown one.</summary>
    /// <param name="random">Where the chance comes from.</param>
    /// <param name="words">The vocabulary.</param>
    public static string Words(PhiloxStream random, IReadOnlyList<string> words)
    {
        var text = new StringBuilder();
        for (var count = random.NextInt(17); count > 0; count--)
        {
            text.Append(random.NextInt(50) == 0 ? snippets[random.NextInt(snippets.Length)] : words[random.NextInt(words.Count)]);
            text.Append(random.NextInt(4) == 0 ? spaces[random.NextInt(spaces.Length)] : " ");
        }
        return text.ToString();
    }

    /// <summary>A text in ASCII that a reader can paste into a C# string.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (var c in text)
        {
            escaped = c is '"' or '\\' ? escaped.Append('\\').Append(c)
                : c is >= ' ' and <= '~' ? escaped.Append(c)
                : escaped.Append("\\u").Append(((int)c).ToString("X4", CultureInfo.InvariantCulture));
        }
        return escaped.ToString();
    }

    /// <summary>A smaller list that still fails: stretches are left out as long as that keeps the failure.</summary>
    /// <typeparam name="T">The type of an item.</typeparam>
    /// <param name="items">A list that fails.</param>
    /// <param name="fails">Whether a list fails.</param>
    public static T[] Shrink<T>(T[] items, Func<T[], bool> fails)
    {
        for (var length = items.Length / 2; length > 0;)
        {
            var shrunk = false;
            for (var start = 0; start + length <= items.Length;)
            {
                T[] rest = [.. items[..start], .. items[(start + length)..]];
                if (fails(rest))
                {
                    (items, shrunk) = (rest, true);
                }
                else
                {
                    start += length;
                }
            }
            length = shrunk ? Math.Min(length, items.Length) : length / 2;
        }
        return items;
    }

    private static void Append(StringBuilder text, PhiloxStream random, IReadOnlyList<string> specials)
    {
        switch (random.NextInt(14))
        {
            case 0: Repeat(1 + random.NextInt(10), () => (char)('a' + random.NextInt(26))); break;
            case 1: Repeat(1 + random.NextInt(8), () => (char)(' ' + random.NextInt(95))); break;
            case 2: Repeat(1 + random.NextInt(7), () => (char)('0' + random.NextInt(10))); break;
            case 3: Repeat(1 + random.NextInt(5), () => Pick(spaces)); break;
            case 4: text.Append(' '); Repeat(random.NextInt(8), () => (char)((random.NextInt(4) == 0 ? 'A' : 'a') + random.NextInt(26))); break;
            case 5: var script = Pick(scripts); Repeat(1 + random.NextInt(5), () => Within(script)); break;
            case 6: Repeat(1 + random.NextInt(3), () => Pick(emoji)); break;
            case 7: text.Append((char)('a' + random.NextInt(26))); Repeat(1 + random.NextInt(3), () => (char)(0x300 + random.NextInt(0x70))); break;
            case 8: var plane = Pick(planes); Repeat(1 + random.NextInt(3), () => Within(plane)); break;
            case 9: Repeat(1 + random.NextInt(3), () => (char)(random.NextInt(2) == 0 ? random.NextInt(0x20) : 0x7F + random.NextInt(0x21))); break;
            case 10 when specials.Count > 0: AppendSpecial(); break;
            case 11: Repeat(1 + random.NextInt(3), () => Pick(normalized)); break;
            case 12 when random.NextInt(8) == 0: var run = Pick([" ", "a", "\n", "=", "\u65E5", "\u2581", "\U0001F642", "ab", "\u0301"]); Repeat(random.NextInt(200), () => run); break;
            default: text.Append(Pick(snippets)); break;
        }

        void Repeat(int count, Func<object> next)
        {
            for (; count > 0; count--)
            {
                text.Append(next());
            }
        }

        T Pick<T>(IReadOnlyList<T> from) => from[random.NextInt(from.Count)];

        string Within((int First, int Last) range) => new Rune(range.First + random.NextInt(range.Last - range.First + 1)).ToString();

        // Whole, or without its end, in capitals or with an ending: those are ordinary text, or must be seen to begin with a token.
        void AppendSpecial()
        {
            var token = Pick(specials);
            text.Append(random.NextInt(8) switch { 0 => token[..^1], 1 => token.ToUpperInvariant(), 2 => token + "s", _ => token });
        }
    }
}
