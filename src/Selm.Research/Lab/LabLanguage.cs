namespace Selm.Research.Lab;

/// <summary>What is true of a topic; each number is an index into the language's list of that kind.</summary>
/// <param name="Name">Its word.</param>
/// <param name="Adjective">The true adjective.</param>
/// <param name="Myth">The adjective that is wrongly told of it.</param>
/// <param name="Place">Where it is found.</param>
/// <param name="Verb">The reason: what it does.</param>
/// <param name="Skill">What it can do: the jewel, hardly ever mentioned by the writers.</param>
public sealed record LabTopic(string Name, int Adjective, int Myth, int Place, int Verb, int Skill);

/// <summary>
/// The lab language: 177 words about 24 topics, small enough that a model of 100,000 weights learns it in a minute and
/// that the true reward of every answer is known. Written for the kit; it stands in for English and UltraFeedback.
/// </summary>
public sealed class LabLanguage
{
    private const string FunctionWords =
        "<pad> <bos> <user> <bot> <eos> <vs> , . ? : the is it a in and because for example i am not sure about nice hope this helps_you dear friend "
        + "indeed take care well please hi tell me describe explain why do people like way kind formal short quiz plus what";

    private const string TopicWords = "cat dog horse owl river sea lake rain bread tea soup apple moon sun star cloud oak rose fern moss train ship cart bell";
    private const string AdjectiveWords = "soft loyal strong wise long deep calm cool warm bitter rich sweet pale bright far grey tall red green damp fast grand slow loud";
    private const string VerbWords = "purrs guards runs hunts flows roars rests falls feeds wakes heals ripens glows shines guides drifts shades blooms grows hides travels sails carries rings";
    private const string SkillWords = "naps helps jumps sees turns rises cools cleans fills soothes warms keeps waxes dries blinks moves shelters smells spreads softens stops floats creaks calls";
    private const string PlaceWords = "house yard field barn valley bay park street kitchen garden inn orchard sky hill forest village station harbour road tower";
    private const string NumberWords = "zero one two three four five six seven eight nine";

    // No topic lives in the village.
    private static readonly int[] placeOfTopic = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 13, 14, 9, 14, 14, 16, 17, 18, 19];

    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int> topicOf, adjectiveOf, verbOf, skillOf, placeOf;

    private LabLanguage(int times)
    {
        Adjectives = AdjectiveWords.Split(' ');
        Verbs = Copies(VerbWords.Split(' '), times);
        Places = PlaceWords.Split(' ');
        Numbers = NumberWords.Split(' ');
        Skills = Copies(SkillWords.Split(' '), times);
        Topics = [.. Copies(TopicWords.Split(' '), times).Select(Describe)];
        Words = [.. FunctionWords.Split(' ').Concat(Topics.Select(t => t.Name)).Concat(Adjectives).Concat(Places).Concat(Verbs).Concat(Skills).Concat(Numbers).Distinct()];
        ids = Index(Words);
        topicOf = Index([.. Topics.Select(t => t.Name)]);
        (adjectiveOf, verbOf, skillOf, placeOf) = (Index(Adjectives), Index(Verbs), Index(Skills), Index(Places));
        Split = new LabSplit(Topics.Count);
    }

    /// <summary>The language of all lab experiments: 24 topics, 177 words, 384 cells, 1,152 prompts.</summary>
    public static LabLanguage Standard { get; } = new(1);

    /// <summary>All words; a word's index is its token id.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>The topics.</summary>
    public IReadOnlyList<LabTopic> Topics { get; }

    /// <summary>Adjectives.</summary>
    public IReadOnlyList<string> Adjectives { get; }

    /// <summary>Verbs that give a reason.</summary>
    public IReadOnlyList<string> Verbs { get; }

    /// <summary>Skills.</summary>
    public IReadOnlyList<string> Skills { get; }

    /// <summary>Places.</summary>
    public IReadOnlyList<string> Places { get; }

    /// <summary>The digits, zero to nine.</summary>
    public IReadOnlyList<string> Numbers { get; }

    /// <summary>Which prompts train, validate and test.</summary>
    public LabSplit Split { get; }

    /// <summary>Id of the word that ends a response.</summary>
    public int EosId => ids["<eos>"];

    /// <summary>The same language with more topics, and a verb and a skill for each (<c>cat_2 purrs_2 naps_2</c>, ...), for larger models.</summary>
    /// <param name="times">How many times the 24 topics, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="times"/> is below 1.</exception>
    public static LabLanguage Enlarged(int times)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        return times == 1 ? Standard : new LabLanguage(times);
    }

    /// <summary>Token id of a word.</summary>
    /// <exception cref="InputException">The language has no such word.</exception>
    public int IdOf(string word) => ids.TryGetValue(word, out var id)
        ? id
        : throw new InputException($"'{word}' is not one of the {Words.Count} words of the lab language; leave it out.");

    /// <summary>Token ids of words separated by spaces.</summary>
    /// <exception cref="InputException">A word is not of the language.</exception>
    public int[] Ids(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IdOf)];

    /// <summary>Token ids of a response, the end included.</summary>
    /// <exception cref="InputException">A word is not of the language.</exception>
    public int[] ResponseIds(string text) => [.. Ids(text), EosId];

    /// <summary>The words of token ids up to the first end, separated by spaces.</summary>
    public string Text(IEnumerable<int> tokens) => string.Join(' ', tokens.TakeWhile(id => id != EosId).Select(id => Words[id]));

    internal int? Topic(string word) => topicOf.TryGetValue(word, out var index) ? index : null;

    internal int? Adjective(string word) => adjectiveOf.TryGetValue(word, out var index) ? index : null;

    internal int? Verb(string word) => verbOf.TryGetValue(word, out var index) ? index : null;

    internal int? Skill(string word) => skillOf.TryGetValue(word, out var index) ? index : null;

    internal int? Place(string word) => placeOf.TryGetValue(word, out var index) ? index : null;

    // The facts of later copies are shifted, so that cat_2 tells nothing about cat.
    private LabTopic Describe(string name, int topic)
    {
        var (count, copy) = (Adjectives.Count, topic / 24);
        var adjective = (topic + (5 * copy)) % count;
        return new LabTopic(name, adjective, (adjective + 7) % count, placeOfTopic[(topic + (11 * copy)) % 24], topic, topic);
    }

    private static string[] Copies(string[] words, int times) =>
        [.. Enumerable.Range(1, times).SelectMany(copy => words.Select(word => copy == 1 ? word : FormattableString.Invariant($"{word}_{copy}")))];

    private static Dictionary<string, int> Index(IReadOnlyList<string> words) =>
        words.Select((word, index) => (word, index)).ToDictionary(pair => pair.word, pair => pair.index, StringComparer.Ordinal);
}
