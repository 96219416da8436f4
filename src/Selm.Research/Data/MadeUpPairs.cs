using System.Globalization;
using Selm.Research.Numerics;

namespace Selm.Research.Data;

/// <summary>
/// Made-up judged pairs for `selm make-demo`: short questions about things, a helpful and an unhelpful answer each,
/// in UltraFeedback's shape. Made from the word lists below, so they carry no one's data.
/// </summary>
public static class MadeUpPairs
{
    private static readonly (string Thing, string Trait, string Reason)[] Things =
    [
        ("a lamp", "bright", "it lights the room"), ("a cat", "soft", "it purrs"), ("the sea", "wide", "it meets the sky"),
        ("a bridge", "strong", "it carries many carts"), ("bread", "warm", "it comes from the oven"), ("a clock", "exact", "it counts each second"),
        ("a garden", "green", "it gets rain and sun"), ("a violin", "clear", "its strings are tuned"), ("snow", "quiet", "it swallows every sound"),
        ("a letter", "dear", "a friend wrote it"), ("a mountain", "high", "it lifts its stones"), ("a river", "patient", "it shapes its own bed"),
        ("a mirror", "honest", "it shows what is there"), ("tea", "calm", "it needs time to brew"), ("a kite", "free", "the wind holds it"),
        ("a map", "useful", "it shows the way"), ("a candle", "gentle", "its flame is small"), ("a baker", "early", "the dough must rise"),
    ];

    private static readonly string[] Questions =
        ["Describe {0} in one sentence.", "What is {0} like?", "Say something nice about {0}.", "Why do people like {0}?", "Tell a child about {0}."];

    private static readonly string[] Helpful =
        ["{0} is {1} because {2}.", "I would say {0} is {1}: {2}.", "{0} is {1}, and the reason is that {2}.", "Most people find {0} {1}, for {2}."];

    private static readonly string[] Unhelpful =
        ["I do not know.", "{0} is {0}.", "It is what it is.", "Ask someone else about {0}.", "{0} is {3}, or maybe not.", "No."];

    /// <summary>Creates pairs; the same seed gives the same bytes.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">The seed.</param>
    public static IReadOnlyList<PreferenceRecord> Create(int count = 100, ulong seed = 42) =>
        [.. Enumerable.Range(0, count).Select(row => One(row, new PhiloxStream(seed, "made-up pairs", row)))];

    private static PreferenceRecord One(int row, PhiloxStream random)
    {
        var (thing, trait, reason) = Things[random.NextInt(Things.Length)];
        var otherTrait = Things[random.NextInt(Things.Length)].Trait;
        string Fill(string[] patterns) => Sentence(string.Format(
            CultureInfo.InvariantCulture, patterns[random.NextInt(patterns.Length)], thing, trait, reason, otherTrait));
        var record = PreferenceRecord.FromTexts(Fill(Questions), Fill(Helpful), Fill(Unhelpful));
        return record with
        {
            PromptId = $"made-up-{row:D3}",
            Messages = record.Chosen,
            ScoreChosen = 7 + random.NextInt(4),
            ScoreRejected = 1 + random.NextInt(4),
        };
    }

    private static string Sentence(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
