// Lesson 00: what an answer of the lab language is worth, and how two models are compared.
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 00, the tour.</summary>
public static class Exercises00
{
    /// <summary>00.1: r* of "the T is W ." without the end token, where no tone was asked for.</summary>
    /// <param name="answer">(W, the right adjective) to r*.</param>
    public static ExerciseResult Reward(Func<string, string, double>? answer) => Exercise.Judge("00.1", answer, (f, random) =>
    {
        var language = LabLanguage.Standard;
        var topic = random.NextInt(language.Topics.Count);
        var right = language.Adjectives[language.Topics[topic].Adjective];
        // Every third word is right and every third says nothing, else any word.
        var said = random.NextInt(3) switch { 0 => right, 1 => "nice", _ => language.Adjectives[random.NextInt(language.Adjectives.Count)] };
        var reward = LabReward.Of(language, new LabPrompt(topic, LabTask.Tell, LabTone.None), $"the {language.Topics[topic].Name} is {said} .");
        return new Trial(f(said, right), reward,
            ("every word costs 0.03, the full stop too", reward - (5 * LabReward.PerWord)),
            ("there are five words: the full stop is one", reward - LabReward.PerWord),
            ("a wrong adjective is worth -0.5, not 0", said == right || said == "nice" ? reward : reward + 0.5),
            ("\"nice\" states no fact: it is worth 0, not -0.5", said == "nice" ? reward - 0.5 : reward));
    });

    /// <summary>00.2: the exact win rate of one model's answers against another's.</summary>
    /// <param name="answer">(r* of ours, r* of theirs, prompt by prompt) to the mean chance to win.</param>
    public static ExerciseResult WinRate(Func<double[], double[], double>? answer) => Exercise.Judge("00.2", answer, (f, random) =>
    {
        var (ours, theirs) = (Draw.Rewards(random), Draw.Rewards(random));
        double Mean(Func<double, double> chance) => ours.Zip(theirs, (a, b) => chance(a - b)).Average();
        return new Trial(f([.. ours], [.. theirs]), Mean(LogMath.Sigmoid),
            ("the sign: our answer wins with chance sigma(ours - theirs)", Mean(d => LogMath.Sigmoid(-d))),
            ("counting who has more loses how much more; a judge is noisy: sigma of the difference", Mean(d => d > 0 ? 1 : 0)),
            ("average the chances, not the rewards: sigma is not linear", LogMath.Sigmoid(Mean(d => d))),
            ("that is the sum; a rate is the mean over prompts", ours.Length * Mean(LogMath.Sigmoid)));
    });

    /// <summary>00.3: the share of a total gain that the last step made.</summary>
    /// <param name="answer">(start, before the last step, end) to the share.</param>
    public static ExerciseResult Share(Func<double, double, double, double>? answer) => Exercise.Judge("00.3", answer, (f, random) =>
    {
        var start = 10 + (20 * random.NextDouble());
        var before = start + 5 + (10 * random.NextDouble());
        var end = before + 1 + (4 * random.NextDouble());
        return new Trial(f(start, before, end), (end - before) / (end - start),
            ("that is the share of all steps but the last", (before - start) / (end - start)),
            ("divide by the whole gain, end minus start, not by a level", (end - before) / before),
            ("divide by the whole gain, end minus start, not by the end", (end - before) / end),
            ("divide by the whole gain, not by the gain of the other steps", (end - before) / (before - start)));
    });
}
