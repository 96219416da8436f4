using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Sampling;

namespace Selm.Research.Lab;

/// <summary>Two answers, what they are worth, and which one a judge preferred.</summary>
/// <param name="Prompt">x.</param>
/// <param name="A">An answer.</param>
/// <param name="B">Another.</param>
/// <param name="Margin">r*(x, A) - r*(x, B).</param>
/// <param name="PrefersA">The label: A with probability sigma(<paramref name="Margin"/>), equation (2.1).</param>
public sealed record LabJudgement(LabPrompt Prompt, string A, string B, double Margin, bool PrefersA);

/// <summary>
/// What the lab's ranker learns from: half of the answers are the writers', a quarter samples of the base model at
/// temperature 1.2, a quarter answers of the writers with something broken, so that it knows bad answers too.
/// </summary>
public static class LabRankerPairs
{
    private const double SampleTemperature = 1.2;

    /// <summary>Labelled pairs.</summary>
    /// <param name="language">The language.</param>
    /// <param name="preset">Whose writers write.</param>
    /// <param name="sampler">The base model that samples.</param>
    /// <param name="prompts">Where prompts are drawn from.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="stream">Name of the random stream, <see cref="LabStreams.RankerPairs"/> or <see cref="LabStreams.RankerHeldOut"/>.</param>
    /// <param name="count">Pairs.</param>
    public static LabJudgement[] Make(
        LabLanguage language, LabPreset preset, Llama sampler, IReadOnlyList<LabPrompt> prompts, ulong seed, string stream, int count)
    {
        var random = Enumerable.Range(0, count).Select(row => new PhiloxStream(seed, stream, row)).ToArray();
        var asked = random.Select(r => prompts[r.NextInt(prompts.Count)]).ToArray();
        var answers = asked.SelectMany((prompt, k) => new[] { Answer(language, preset, prompt, random[k]), Answer(language, preset, prompt, random[k]) }).ToArray();

        var missing = Enumerable.Range(0, answers.Length).Where(k => answers[k] is null).ToArray();
        var options = new SamplingOptions(Temperature: SampleTemperature, MaxNewTokens: LabResponse.MaxTokens, Seed: new PhiloxStream(seed, stream, -1).NextUInt32());
        var samples = ResponseGenerator.Generate(sampler, [.. missing.Select(k => asked[k / 2].Ids(language))], options, batchSize: 256);
        foreach (var (k, sample) in missing.Zip(samples))
        {
            answers[k] = language.Text(sample.OutputIds);
        }
        return [.. asked.Select((prompt, k) => Judge(language, prompt, answers[2 * k]!, answers[(2 * k) + 1]!, random[k]))];
    }

    /// <summary>Breaks an answer: repeats a span of one to five words, drops a word, replaces one, or cuts the end.</summary>
    internal static string Corrupt(LabLanguage language, string answer, PhiloxStream random)
    {
        var words = answer.Split(' ').ToList();
        var at = random.NextInt(words.Count);
        switch (random.NextInt(4))
        {
            case 0:
                words.InsertRange(at, words.GetRange(at, Math.Min(1 + random.NextInt(5), words.Count - at)));
                break;
            case 1:
                words.RemoveAt(at);
                break;
            case 2:
                words[at] = language.Words[language.IdOf(",") + random.NextInt(language.Words.Count - language.IdOf(","))]; // no marker
                break;
            default:
                words.RemoveRange(at, words.Count - at);
                break;
        }
        return string.Join(' ', words.Take(LabResponse.MaxTokens - 1));
    }

    // Null: to be sampled.
    private static string? Answer(LabLanguage language, LabPreset preset, LabPrompt prompt, PhiloxStream random)
    {
        var source = random.NextDouble();
        if (source is >= .50 and < .75)
        {
            return null;
        }
        var written = preset.Writers[random.NextInt(preset.Writers.Count)].Write(language, prompt, random).Text(language);
        return source < .50 ? written : Corrupt(language, written, random);
    }

    private static LabJudgement Judge(LabLanguage language, LabPrompt prompt, string a, string b, PhiloxStream random)
    {
        var margin = LabReward.Of(language, prompt, a) - LabReward.Of(language, prompt, b);
        return new LabJudgement(prompt, a, b, margin, random.NextDouble() < LogMath.Sigmoid(margin));
    }
}
