namespace Selm.Research.Lab;

/// <summary>How a response begins.</summary>
public enum LabOpener
{
    /// <summary>At once.</summary>
    None,

    /// <summary>"well ,": matches no tone.</summary>
    Well,

    /// <summary>"dear friend ,": kind.</summary>
    Kind,

    /// <summary>"indeed ,": formal.</summary>
    Formal,
}

/// <summary>How a response ends.</summary>
public enum LabCloser
{
    /// <summary>At once.</summary>
    None,

    /// <summary>"take care .": kind.</summary>
    Kind,

    /// <summary>"i hope this helps_you .": formal.</summary>
    Formal,
}

/// <summary>What a response says of its topic.</summary>
public enum LabMain
{
    /// <summary>"i am not sure about the T".</summary>
    Hedge,

    /// <summary>"the T is nice".</summary>
    Nice,

    /// <summary>"the T is ADJECTIVE".</summary>
    Adjective,
}

/// <summary>
/// A response of the lab language by its parts:
/// [well , | dear friend , | indeed ,] (i am not sure about the T | the T is W) [in the PLACE] [because it VERB] .
/// [for example it SKILL .] [i hope this helps_you . | take care .]
/// </summary>
/// <param name="Opener">How it begins.</param>
/// <param name="Topic">Index of T.</param>
/// <param name="Main">What it says of T.</param>
/// <param name="Adjective">Index of W where it is an adjective, else null.</param>
/// <param name="Place">Index of the place, or null.</param>
/// <param name="Verb">Index of the reason's verb, or null.</param>
/// <param name="Skill">Index of the skill, or null.</param>
/// <param name="Closer">How it ends.</param>
public sealed record LabResponse(
    LabOpener Opener, int Topic, LabMain Main, int? Adjective = null, int? Place = null, int? Verb = null, int? Skill = null, LabCloser Closer = LabCloser.None)
{
    /// <summary>Longest response [tokens, end included].</summary>
    public const int MaxTokens = 28;

    private static readonly string[] openers = ["", "well ,", "dear friend ,", "indeed ,"];
    private static readonly string[] closers = ["", "take care .", "i hope this helps_you ."];

    /// <summary>Words of the response, the end not counted.</summary>
    public int Length =>
        (Opener switch { LabOpener.None => 0, LabOpener.Kind => 3, _ => 2 }) + (Main == LabMain.Hedge ? 7 : 4) + (Place is null ? 0 : 3) + (Verb is null ? 0 : 3) + 1
        + (Skill is null ? 0 : 5) + (Closer switch { LabCloser.None => 0, LabCloser.Kind => 3, _ => 5 });

    /// <summary>The words, separated by spaces.</summary>
    /// <param name="language">Names topic, adjective, place, verb and skill.</param>
    public string Text(LabLanguage language)
    {
        var topic = language.Topics[Topic].Name;
        string?[] parts =
        [
            openers[(int)Opener],
            Main switch
            {
                LabMain.Hedge => $"i am not sure about the {topic}",
                LabMain.Nice => $"the {topic} is nice",
                _ => $"the {topic} is {language.Adjectives[Adjective!.Value]}",
            },
            Place is { } place ? $"in the {language.Places[place]}" : "",
            Verb is { } verb ? $"because it {language.Verbs[verb]}" : "",
            ".",
            Skill is { } skill ? $"for example it {language.Skills[skill]} ." : "",
            closers[(int)Closer],
        ];
        return string.Join(' ', parts.Where(part => part!.Length > 0));
    }

    /// <summary>The parts of words, or null where they are not in the grammar. Inverse of <see cref="Text"/>.</summary>
    /// <param name="language">The language.</param>
    /// <param name="words">The words, without the end.</param>
    public static LabResponse? Parse(LabLanguage language, ReadOnlySpan<string> words)
    {
        var rest = words;
        var opener = (LabOpener)TakeOne(openers, ref rest);
        int? adjective = null;
        LabMain main;
        if (Take("i am not sure about the", ref rest))
        {
            main = LabMain.Hedge;
        }
        else if (Take("the", ref rest))
        {
            main = LabMain.Nice;
        }
        else
        {
            return null;
        }
        if (Take(language.Topic, ref rest) is not { } topic)
        {
            return null;
        }
        if (main == LabMain.Nice && (!Take("is", ref rest) || !(Take("nice", ref rest) || (adjective = Take(language.Adjective, ref rest)) is not null)))
        {
            return null;
        }
        if (!Optional("in the", language.Place, ref rest, out var place) || !Optional("because it", language.Verb, ref rest, out var verb) || !Take(".", ref rest)
            || !Optional("for example it", language.Skill, ref rest, out var skill) || (skill is not null && !Take(".", ref rest)))
        {
            return null;
        }
        var closer = (LabCloser)TakeOne(closers, ref rest);
        return rest.IsEmpty ? new LabResponse(opener, topic, adjective is null ? main : LabMain.Adjective, adjective, place, verb, skill, closer) : null;
    }

    // Index of the phrase that the words start with; 0, the empty one, always fits.
    private static int TakeOne(string[] phrases, ref ReadOnlySpan<string> words)
    {
        for (var k = phrases.Length - 1; k > 0; k--)
        {
            if (Take(phrases[k], ref words))
            {
                return k;
            }
        }
        return 0;
    }

    private static bool Take(string phrase, ref ReadOnlySpan<string> words)
    {
        var at = 0;
        foreach (var range in phrase.AsSpan().Split(' '))
        {
            if (at == words.Length || !phrase.AsSpan(range).SequenceEqual(words[at]))
            {
                return false;
            }
            at++;
        }
        words = words[at..];
        return true;
    }

    private static int? Take(Func<string, int?> kind, ref ReadOnlySpan<string> words)
    {
        var index = words.IsEmpty ? null : kind(words[0]);
        words = index is null ? words : words[1..];
        return index;
    }

    // False where the phrase is there and no word of its kind follows.
    private static bool Optional(string phrase, Func<string, int?> kind, ref ReadOnlySpan<string> words, out int? index)
    {
        index = null;
        return !Take(phrase, ref words) || (index = Take(kind, ref words)) is not null;
    }
}
