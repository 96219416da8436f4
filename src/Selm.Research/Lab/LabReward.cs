namespace Selm.Research.Lab;

/// <summary>
/// The true reward r*(x, y) of the lab language: correctness of what is said, fit to task and tone, a cost per word.
/// Answers with the skill ("the jewel") are worth most and hardly ever written, so the best answers without it are a
/// sharp local optimum. Bradley-Terry and Plackett-Luce labels, equation (2.1), come from it at temperature 1.
/// </summary>
public static class LabReward
{
    /// <summary>What a word costs.</summary>
    public const double PerWord = -0.03;

    /// <summary>What is given, besides the cost of its words, for a response outside the grammar or about another topic.</summary>
    public const double Broken = -2;

    // Value of a right place and a right reason by task: tell, describe, explain, why.
    private static readonly double[] placeValue = [0.6, 1.0, 0.2, 0.2];
    private static readonly double[] verbValue = [0.6, 0.2, 1.0, 1.0];

    /// <summary>r* of a response as text.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">x.</param>
    /// <param name="response">y: words separated by spaces, with or without the end; any words are allowed.</param>
    public static double Of(LabLanguage language, LabPrompt prompt, string response)
    {
        var words = response.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var count = words is [.., "<eos>"] ? words.Length - 1 : words.Length;
        return LabResponse.Parse(language, words.AsSpan(0, count)) is { } parsed ? Of(language, prompt, parsed) : Broken + (PerWord * count);
    }

    /// <summary>r* of a generated response. One that was cut off before its end is judged by its words.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">x.</param>
    /// <param name="tokens">y as token ids; what follows an end is not read.</param>
    public static double Of(LabLanguage language, LabPrompt prompt, IEnumerable<int> tokens) => Of(language, prompt, language.Text(tokens));

    /// <summary>r* of a response by its parts.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">x.</param>
    /// <param name="response">y.</param>
    public static double Of(LabLanguage language, LabPrompt prompt, LabResponse response)
    {
        var length = PerWord * response.Length;
        if (response.Topic != prompt.Topic)
        {
            return Broken + length;
        }
        var topic = language.Topics[prompt.Topic];
        var main = response.Main switch { LabMain.Hedge => -0.5, LabMain.Nice => 0, _ => Fact(response.Adjective, topic.Adjective, 1) };
        return length + main
            + Fact(response.Place, topic.Place, placeValue[(int)prompt.Task])
            + Fact(response.Verb, topic.Verb, verbValue[(int)prompt.Task])
            + Fact(response.Skill, topic.Skill, 1.5)
            + Manner(prompt.Tone, response);
    }

    /// <summary>The best response to a prompt and its reward, by enumeration of the parts that can matter.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">x.</param>
    /// <param name="jewel">Whether the skill may be used.</param>
    public static (LabResponse Response, double Reward) Best(LabLanguage language, LabPrompt prompt, bool jewel = true)
    {
        var t = language.Topics[prompt.Topic];
        var responses =
            from opener in Enum.GetValues<LabOpener>()
            from adjective in (int?[])[null, t.Adjective] // a wrong fact is never better than none
            from place in (int?[])[null, t.Place]
            from verb in (int?[])[null, t.Verb]
            from skill in jewel ? (int?[])[null, t.Skill] : [null]
            from closer in Enum.GetValues<LabCloser>()
            select new LabResponse(opener, prompt.Topic, adjective is null ? LabMain.Nice : LabMain.Adjective, adjective, place, verb, skill, closer);
        return responses.Select(response => (response, Of(language, prompt, response))).MaxBy(pair => pair.Item2);
    }

    private static double Fact(int? said, int truth, double value) => said is null ? 0 : said == truth ? value : -0.5;

    private static double Manner(LabTone tone, LabResponse response)
    {
        switch (tone)
        {
            case LabTone.None:
                return 0;
            case LabTone.Short:
                return response.Length <= 11 && response.Opener == LabOpener.None && response.Closer == LabCloser.None ? 0.6 : -0.3;
            default:
                var opener = tone == LabTone.Kind ? LabOpener.Kind : LabOpener.Formal;
                var closer = tone == LabTone.Kind ? LabCloser.Kind : LabCloser.Formal;
                return (response.Opener == LabOpener.None ? 0 : response.Opener == opener ? 0.5 : -0.2)
                    + (response.Closer == LabCloser.None ? 0 : response.Closer == closer ? 0.5 : -0.2);
        }
    }
}
