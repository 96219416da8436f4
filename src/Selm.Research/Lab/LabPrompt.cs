using System.Diagnostics.CodeAnalysis;

namespace Selm.Research.Lab;

/// <summary>What a prompt asks for; it decides what place and reason are worth.</summary>
public enum LabTask
{
    /// <summary>"tell me about".</summary>
    Tell,

    /// <summary>"describe".</summary>
    Describe,

    /// <summary>"explain".</summary>
    Explain,

    /// <summary>"why do people like".</summary>
    Why,
}

/// <summary>The way a prompt asks for; it decides what opener, closer and shortness are worth.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "Short is the word of the language.")]
public enum LabTone
{
    /// <summary>No wish: only length costs.</summary>
    None,

    /// <summary>"in a kind way".</summary>
    Kind,

    /// <summary>"in a formal way".</summary>
    Formal,

    /// <summary>"in a short way".</summary>
    Short,
}

/// <summary>A politeness before the task; it changes nothing about the reward.</summary>
public enum LabPrefix
{
    /// <summary>None.</summary>
    None,

    /// <summary>"please".</summary>
    Please,

    /// <summary>"hi ,".</summary>
    Hi,
}

/// <summary>
/// A prompt of the lab language: [please | hi ,] task the TOPIC [in a TONE way]. There are 24 x 4 x 4 x 3 = 1,152; the
/// 384 combinations of topic, task and tone are the cells that splits are made of.
/// </summary>
/// <param name="Topic">Index of the topic.</param>
/// <param name="Task">What is asked.</param>
/// <param name="Tone">In which way.</param>
/// <param name="Prefix">Politeness.</param>
public readonly record struct LabPrompt(int Topic, LabTask Task, LabTone Tone, LabPrefix Prefix = LabPrefix.None)
{
    /// <summary>Longest prompt with its markers [tokens].</summary>
    public const int MaxTokens = 14;

    private static readonly string[] tasks = ["tell me about", "describe", "explain", "why do people like"];
    private static readonly string[] tones = ["", " in a kind way", " in a formal way", " in a short way"];
    private static readonly string[] prefixes = ["", "please ", "hi , "];

    /// <summary>What the user says, such as <c>please describe the owl in a short way</c>.</summary>
    /// <param name="language">Names the topic.</param>
    public string Text(LabLanguage language) =>
        $"{prefixes[(int)Prefix]}{tasks[(int)Task]} the {language.Topics[Topic].Name}{tones[(int)Tone]}";

    /// <summary>The prompt as the model reads it: <c>&lt;user&gt; .. &lt;bot&gt;</c>.</summary>
    /// <param name="language">The language.</param>
    public int[] Ids(LabLanguage language) => language.Ids($"<user> {Text(language)} <bot>");

    /// <summary>The prompt of a text, with or without its markers, or null where it is none.</summary>
    /// <param name="language">The language.</param>
    /// <param name="text">What the user says.</param>
    public static LabPrompt? Parse(LabLanguage language, string text)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToList();
        if (words is ["<user>", .., "<bot>"])
        {
            words = words[1..^1];
        }
        // Everything but the topic is one of a few phrases: find the topic, then compare.
        for (var k = 0; k < words.Count; k++)
        {
            if (language.Topic(words[k]) is { } topic)
            {
                return Candidates(topic).Cast<LabPrompt?>().FirstOrDefault(prompt => prompt!.Value.Text(language) == string.Join(' ', words));
            }
        }
        return null;
    }

    /// <summary>The prompt of a text.</summary>
    /// <param name="language">The language.</param>
    /// <param name="text">What the user says.</param>
    /// <exception cref="InputException">The text is no prompt of the lab language.</exception>
    public static LabPrompt Read(LabLanguage language, string text) => Parse(language, text)
        ?? throw new InputException($"'{text}' is no prompt of the lab language; give one such as 'please describe the owl in a short way'.");

    private static IEnumerable<LabPrompt> Candidates(int topic) =>
        from task in Enum.GetValues<LabTask>()
        from tone in Enum.GetValues<LabTone>()
        from prefix in Enum.GetValues<LabPrefix>()
        select new LabPrompt(topic, task, tone, prefix);
}
