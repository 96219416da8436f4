using Selm.HuggingFace.Models;
using Selm.Research.Numerics;

namespace Selm.Research.Lab;

/// <summary>What the base model is taught by, as token rows; loss is taken on the response of each row.</summary>
public static class LabDemonstrations
{
    /// <summary>Longest context of a second turn: a prompt, a response, the next question [tokens].</summary>
    public const int MaxContext = 48;

    /// <summary>Prompts of the training split, each with an answer of the preset's demonstrator.</summary>
    /// <param name="language">The language.</param>
    /// <param name="preset">Whose demonstrator writes.</param>
    /// <param name="seed">Seed of the base model.</param>
    /// <param name="count">Rows.</param>
    public static SharedRow[] SingleTurn(LabLanguage language, LabPreset preset, ulong seed, int count) => Rows(seed, LabStreams.Demonstrations, count, random =>
    {
        var prompt = Prompt(language, random);
        return new SharedRow(prompt.Ids(language), [Answer(language, preset, prompt, random)]);
    });

    /// <summary>A question, an answer, "and the T2 ?", and an answer on T2 for the same task and tone.</summary>
    /// <param name="language">The language.</param>
    /// <param name="preset">Whose demonstrator writes.</param>
    /// <param name="seed">Seed of the base model.</param>
    /// <param name="count">Rows.</param>
    public static SharedRow[] TwoTurn(LabLanguage language, LabPreset preset, ulong seed, int count) => Rows(seed, LabStreams.TwoTurn, count, random =>
    {
        var prompt = Prompt(language, random);
        var first = Answer(language, preset, prompt, random);
        var second = prompt with { Topic = (prompt.Topic + 1 + random.NextInt(language.Topics.Count - 1)) % language.Topics.Count };
        return new SharedRow(SecondTurn(language, prompt, first, second.Topic), [Answer(language, preset, second, random)]);
    });

    /// <summary>The context of a second turn: <c>.. &lt;bot&gt; answer &lt;eos&gt; &lt;user&gt; and the T2 ? &lt;bot&gt;</c>.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompt">The first question.</param>
    /// <param name="answer">The first answer's tokens; an end is added where it has none.</param>
    /// <param name="topic">T2.</param>
    public static int[] SecondTurn(LabLanguage language, LabPrompt prompt, IReadOnlyList<int> answer, int topic)
    {
        int[] end = answer is [.., var last] && last == language.EosId ? [] : [language.EosId];
        return [.. prompt.Ids(language), .. answer, .. end, .. language.Ids($"<user> and the {language.Topics[topic].Name} ? <bot>")];
    }

    internal static SharedRow[] Rows(ulong seed, string stream, int count, Func<PhiloxStream, SharedRow> row) =>
        [.. Enumerable.Range(0, count).Select(k => row(new PhiloxStream(seed, stream, k)))];

    private static LabPrompt Prompt(LabLanguage language, PhiloxStream random) => language.Split.Train[random.NextInt(language.Split.Train.Count)];

    private static int[] Answer(LabLanguage language, LabPreset preset, LabPrompt prompt, PhiloxStream random) =>
        language.ResponseIds(preset.Demonstrator.Write(language, prompt, random).Text(language));
}
