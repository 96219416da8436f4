// Notable: what makes a kind of question hard is decided here, not by the model's size. Myths are told more often than
// truths, an answer about two topics tempts with the first one's reason, a tone was asked for two turns ago and the turn
// between answered in the other one, and the two-hop questions that are asked were never among the documents, only their
// two steps and like questions about other topics. Asked more plainly, base models know all reasons and all tones.
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;

namespace Selm.Research.Lab;

/// <summary>The lab's benchmark tasks, each standing in for one of the paper's (Table 2).</summary>
public enum LabQuizKind
{
    /// <summary>Sums of three digits; stands in for GSM8K.</summary>
    Arithmetic,

    /// <summary>The second reason in a started answer about two topics; stands in for HellaSwag.</summary>
    Continuation,

    /// <summary>From a verb to its topic; stands in for ARC.</summary>
    Verb,

    /// <summary>The truth against a myth that is told more often; stands in for TruthfulQA.</summary>
    Myth,

    /// <summary>The opener of the tone that a conversation began with; stands in for EQ-Bench.</summary>
    Tone,

    /// <summary>From a verb to an adjective, the topic between them told as in an open book; stands in for OpenBookQA.</summary>
    TwoHop,
}

/// <summary>A question with four answers.</summary>
/// <param name="Context">What stands before the answer, as words.</param>
/// <param name="Options">Four answers, as words.</param>
/// <param name="Right">Index of the right one.</param>
/// <param name="Steps">The way to the answer in words, for sums; else null.</param>
public sealed record LabQuizItem(string Context, IReadOnlyList<string> Options, int Right, string? Steps = null)
{
    /// <summary>The right answer.</summary>
    public string Answer => Options[Right];
}

/// <summary>Quiz documents for training and questions for evaluation.</summary>
public static class LabQuiz
{
    /// <summary>What a document and a few-shot context begin with.</summary>
    public const string Opening = "<bos> quiz :";

    /// <summary>Longest document [tokens].</summary>
    public const int MaxTokens = 80;

    private const double TruthTold = .35, MythTold = .50; // in documents; else nice or any adjective
    private const int AskedSums = 3; // every third sum is asked and never shown

    private static readonly LabQuizKind[] shown = [LabQuizKind.Arithmetic, LabQuizKind.Verb, LabQuizKind.Myth, LabQuizKind.Tone, LabQuizKind.TwoHop];
    private static readonly string[] openers = ["dear friend ,", "indeed ,", "well ,", "hi ,"];

    /// <summary>Whether a benchmark's questions are asked within a conversation; they have no solved examples.</summary>
    /// <param name="kind">Which.</param>
    public static bool IsChat(LabQuizKind kind) => kind is LabQuizKind.Continuation or LabQuizKind.Tone;

    /// <summary>Documents of one to four questions of one kind with their answers; loss is taken on all tokens after the first.</summary>
    /// <param name="language">The language.</param>
    /// <param name="seed">Seed of the base model.</param>
    /// <param name="count">Rows.</param>
    public static SharedRow[] Documents(LabLanguage language, ulong seed, int count) => LabDemonstrations.Rows(seed, LabStreams.Quiz, count, random =>
    {
        var kind = shown[random.NextInt(shown.Length)];
        var inSteps = kind == LabQuizKind.Arithmetic && random.NextInt(2) == 0;
        var tokens = language.Ids(Opening).ToList();
        for (var left = 1 + random.NextInt(4); left > 0; left--)
        {
            var next = language.Ids(Shown(language, kind, inSteps, random));
            if (tokens.Count + next.Length + 1 > MaxTokens)
            {
                break;
            }
            tokens.AddRange(next);
        }
        return new SharedRow([tokens[0]], [[.. tokens[1..], language.EosId]]);
    });

    /// <summary>Questions of a benchmark.</summary>
    /// <param name="language">The language.</param>
    /// <param name="kind">Which.</param>
    /// <param name="seed">Seed of the benchmark; the same for all models.</param>
    /// <param name="count">Questions; 60 in the lab's tables.</param>
    public static LabQuizItem[] Items(LabLanguage language, LabQuizKind kind, ulong seed, int count) =>
        [.. Enumerable.Range(0, count).Select(k => Item(language, kind, asked: true, new PhiloxStream(seed, $"lab.quiz.{kind}", k)))];

    /// <summary>A question with its right answer, as few-shot contexts show it.</summary>
    /// <param name="language">The language.</param>
    /// <param name="kind">Which kind; not <see cref="LabQuizKind.Continuation"/>, which no document shows.</param>
    /// <param name="inSteps">Sums with their steps.</param>
    /// <param name="random">Where the draws come from.</param>
    public static string Shown(LabLanguage language, LabQuizKind kind, bool inSteps, PhiloxStream random)
    {
        var item = Item(language, kind, asked: false, random);
        return $"{item.Context} {(inSteps ? item.Steps : item.Answer)}";
    }

    private static LabQuizItem Item(LabLanguage language, LabQuizKind kind, bool asked, PhiloxStream random)
    {
        var index = random.NextInt(language.Topics.Count);
        var topic = language.Topics[index];
        string Verb(int of) => language.Verbs[language.Topics[(of + language.Topics.Count) % language.Topics.Count].Verb];
        switch (kind)
        {
            case LabQuizKind.Arithmetic:
                return Sum(language, asked, random);
            case LabQuizKind.Continuation:
                var next = Another(index, language, random);
                var (first, second) = (language.Topics[index].Name, language.Topics[next].Name);
                return Mixed(
                    $"<user> why do people like the {first} and the {second} <bot> the {first} because it {Verb(index)} and the {second} because it",
                    [Verb(next), Verb(index), .. Neighbours(index, next, language.Topics.Count).Select(Verb)], " .", random);
            case LabQuizKind.Verb:
                return Mixed($"what {Verb(index)} ?", Others(index, language.Topics.Count, random, k => $"the {language.Topics[k].Name}"), " .", random);
            case LabQuizKind.Myth:
                return Myth(language, topic, asked, random);
            case LabQuizKind.Tone when asked:
                return Conversation(language, index, random);
            case LabQuizKind.Tone:
                var tone = random.NextInt(2);
                return Mixed($"what is the {(tone == 0 ? "kind" : "formal")} way ?", [openers[tone], openers[1 - tone], openers[2], openers[3]], " .", random);
            default:
                // Documents show odd topics, questions ask about even ones and name them.
                var (hop, count) = ((index / 2 * 2) + (asked ? 0 : 1), language.Adjectives.Count);
                return Mixed($"{(asked ? $"the {language.Topics[hop].Name}" : "it")} {Verb(hop)} . what is it like ?", Others(language.Topics[hop].Adjective, count, random, k => language.Adjectives[k]), " .", random);
        }
    }

    // A tone, an answer without it, another in the other tone: whoever remembers the request opens with the first.
    private static LabQuizItem Conversation(LabLanguage language, int index, PhiloxStream random)
    {
        var prompt = new LabPrompt(index, (LabTask)random.NextInt(4), random.NextInt(2) == 0 ? LabTone.Kind : LabTone.Formal);
        var tone = prompt.Tone == LabTone.Kind ? 0 : 1;
        var between = Another(index, language, random);
        var last = Another(between, language, random);
        string Name(int of) => language.Topics[of].Name;
        return Mixed(
            $"<user> {prompt.Text(language)} <bot> the {Name(index)} is nice . <eos> <user> and the {Name(between)} ? <bot> {openers[1 - tone]} the {Name(between)} is nice . <eos> <user> and the {Name(last)} ? <bot>",
            [openers[tone], openers[1 - tone], openers[2], openers[3]], "", random);
    }

    private static int Another(int topic, LabLanguage language, PhiloxStream random) =>
        (topic + 1 + random.NextInt(language.Topics.Count - 1)) % language.Topics.Count;

    // Two topics that stand next to two given ones and are neither.
    private static IEnumerable<int> Neighbours(int one, int other, int count) =>
        new[] { other + 1, one + 1, other + 2, one + 2 }.Select(k => k % count).Where(k => k != one && k != other).Distinct().Take(2);

    private static LabQuizItem Myth(LabLanguage language, LabTopic topic, bool asked, PhiloxStream random)
    {
        var count = language.Adjectives.Count;
        var (truth, myth) = (language.Adjectives[topic.Adjective], language.Adjectives[topic.Myth]);
        var other = language.Adjectives[(topic.Adjective + 1 + ((random.NextInt(count - 2) + 7) % (count - 1))) % count];
        var context = $"what is the {topic.Name} like ?";
        if (asked)
        {
            return Mixed(context, [truth, myth, "nice", other], " .", random);
        }
        var told = random.NextDouble();
        return new LabQuizItem(context, [told < TruthTold ? $"{truth} ." : told < TruthTold + MythTold ? $"{myth} ." : random.NextInt(2) == 0 ? "nice ." : $"{other} ."], 0);
    }

    private static LabQuizItem Sum(LabLanguage language, bool asked, PhiloxStream random)
    {
        int a, b, c;
        do
        {
            (a, b, c) = (random.NextInt(10), random.NextInt(10), random.NextInt(10));
        }
        while (a + b + c > 9 || (((25 * a) + (5 * b) + c) % AskedSums == 0) != asked);
        string N(int number) => language.Numbers[number];
        var item = Mixed($"what is {N(a)} plus {N(b)} plus {N(c)} ?", Others(a + b + c, 10, random, N), " .", random);
        return item with { Steps = $"{N(a)} plus {N(b)} is {N(a + b)} . {N(a + b)} plus {N(c)} is {N(a + b + c)} ." };
    }

    // The right one first, then three different others.
    private static string[] Others(int right, int count, PhiloxStream random, Func<int, string> word)
    {
        var others = Enumerable.Range(0, count).Where(k => k != right).ToArray();
        random.Shuffle(others.AsSpan());
        return [word(right), .. others.Take(3).Select(word)];
    }

    private static LabQuizItem Mixed(string context, string[] rightFirst, string end, PhiloxStream random)
    {
        var options = rightFirst.Select(option => option + end).ToArray();
        var right = options[0];
        random.Shuffle(options.AsSpan());
        return new LabQuizItem(context, options, Array.IndexOf(options, right));
    }
}
