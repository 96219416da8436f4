using Selm.Research.Numerics;

namespace Selm.Research.Lab;

/// <summary>
/// A writer of responses: what the people behind the demonstrations and the preference data would be. Each part of a
/// response is written with a probability of its own; all responses are grammatical and on topic.
/// </summary>
/// <param name="Name">For tables.</param>
/// <param name="Hedge">Probability of "i am not sure about".</param>
/// <param name="Nice">Probability of "is nice"; else an adjective is stated.</param>
/// <param name="Place">Probability of a place.</param>
/// <param name="Reason">Probability of a reason.</param>
/// <param name="Jewel">Probability of a skill.</param>
/// <param name="Tone">Probability that opener and closer are those of the tone asked for.</param>
/// <param name="Ok">Probability that a stated fact is right; else it is the myth or any word of its kind.</param>
/// <param name="Cap">At most so many of place, reason and skill; which ones stay is drawn.</param>
/// <param name="PlaceWithReason">Whether place and reason may stand together; where not, one of them is drawn.</param>
public sealed record LabWriter(
    string Name, double Hedge, double Nice, double Place, double Reason, double Jewel, double Tone, double Ok, int Cap, bool PlaceWithReason = true)
{
    /// <summary>Writes the demonstrations of supervised training; mean r* .30.</summary>
    public static LabWriter Weak { get; } = new("weak", .15, .45, .20, .20, .03, .25, .80, 3);

    /// <summary>Short and factual; mean r* .58.</summary>
    public static LabWriter Plain { get; } = new("plain", .05, .25, .35, .20, .01, .30, .80, 1);

    /// <summary>Finds the tone and says little; mean r* .63.</summary>
    public static LabWriter Polite { get; } = new("polite", .10, .35, .10, .10, .01, .80, .75, 1);

    /// <summary>The best of the four; mean r* .98.</summary>
    public static LabWriter Keen { get; } = new("keen", .02, .15, .45, .45, .03, .35, .85, 2);

    /// <summary>Writes a response.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">x.</param>
    /// <param name="random">Where the draws come from.</param>
    public LabResponse Write(LabLanguage language, LabPrompt prompt, PhiloxStream random)
    {
        var topic = language.Topics[prompt.Topic];
        var kind = random.NextDouble();
        var main = kind < Hedge ? LabMain.Hedge : kind < Hedge + Nice ? LabMain.Nice : LabMain.Adjective;
        int? adjective = main == LabMain.Adjective ? (random.NextDouble() < Ok ? topic.Adjective : topic.Myth) : null;
        var (place, reason, jewel) = Extras(random);
        int? Fact(bool said, int truth, int words) => !said ? null : random.NextDouble() < Ok ? truth : random.NextInt(words);
        var (opener, closer) = Manner(prompt.Tone, random);
        return new LabResponse(
            opener, prompt.Topic, main, adjective,
            Fact(place, topic.Place, language.Places.Count), Fact(reason, topic.Verb, language.Verbs.Count), Fact(jewel, topic.Skill, language.Skills.Count), closer);
    }

    private (bool Place, bool Reason, bool Jewel) Extras(PhiloxStream random)
    {
        bool[] said = [random.NextDouble() < Place, random.NextDouble() < Reason, random.NextDouble() < Jewel];
        if (!PlaceWithReason && said[0] && said[1])
        {
            said[random.NextInt(2)] = false;
        }
        while (said.Count(s => s) > Cap)
        {
            var present = Enumerable.Range(0, 3).Where(k => said[k]).ToArray();
            said[present[random.NextInt(present.Length)]] = false;
        }
        return (said[0], said[1], said[2]);
    }

    private (LabOpener Opener, LabCloser Closer) Manner(LabTone tone, PhiloxStream random)
    {
        if (random.NextDouble() < Tone)
        {
            return tone switch
            {
                LabTone.Kind => (LabOpener.Kind, LabCloser.Kind),
                LabTone.Formal => (LabOpener.Formal, LabCloser.Formal),
                _ => (LabOpener.None, LabCloser.None),
            };
        }
        var (open, close) = (random.NextDouble(), random.NextDouble());
        return (
            open < .5 ? LabOpener.None : open < .8 ? LabOpener.Well : open < .9 ? LabOpener.Kind : LabOpener.Formal,
            close < .7 ? LabCloser.None : close < .85 ? LabCloser.Formal : LabCloser.Kind);
    }
}

/// <summary>Who writes what in a lab world, and how much of it there is.</summary>
/// <param name="Name">"lab" or "lab-headroom".</param>
/// <param name="Demonstrator">Writes the demonstrations.</param>
/// <param name="Writers">Each writes one response per prompt of the preference data.</param>
/// <param name="Portions">Portions of preference data, one per iteration.</param>
public sealed record LabPreset(string Name, LabWriter Demonstrator, IReadOnlyList<LabWriter> Writers, int Portions)
{
    /// <summary>Pairs in a portion.</summary>
    public const int PortionSize = 1024;

    /// <summary>The world of the paper's tables: four portions of 1,024 pairs.</summary>
    public static LabPreset Standard { get; } = new("lab", LabWriter.Weak, [LabWriter.Weak, LabWriter.Plain, LabWriter.Polite, LabWriter.Keen], 4);

    /// <summary>
    /// A world that leaves something to explore: no writer gives place and reason together, so the best answers must be
    /// put together by the policy; the jewel is rare but there; and there are twice as many portions.
    /// </summary>
    public static LabPreset Headroom { get; } = new(
        "lab-headroom",
        LabWriter.Weak with { PlaceWithReason = false },
        [
            LabWriter.Weak with { PlaceWithReason = false },
            LabWriter.Plain with { Jewel = .05, PlaceWithReason = false },
            LabWriter.Polite with { Jewel = .05, PlaceWithReason = false },
            LabWriter.Keen with { Jewel = .10, PlaceWithReason = false },
        ],
        8);
}
