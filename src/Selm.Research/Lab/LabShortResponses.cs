using Selm.HuggingFace.Models;
using Selm.Research.Theory;

namespace Selm.Research.Lab;

/// <summary>What training did to short responses since an iteration began.</summary>
/// <param name="Slope">
/// Change of log pi(y|x) per unit of r*(x, y), by least squares within prompts: above 0, better responses gained more than
/// worse ones; 0 favours all alike.
/// </param>
/// <param name="Mean">Mean change of log pi(y|x) over all of them.</param>
public sealed record LabFavour(double Slope, double Mean);

/// <summary>
/// "the T is W ." with every adjective and "nice" as W, to every few prompts: responses that can be enumerated, nearly all of
/// them in no pair, so that it can be seen whom a step favours.
/// </summary>
internal sealed class LabShortResponses
{
    private const int Prompts = 24;

    private readonly SharedRow[] rows;
    private readonly double[][] rewards; // r*, prompt by prompt

    /// <summary>Writes the responses.</summary>
    /// <param name="language">The language.</param>
    /// <param name="prompts">Some of these are answered, evenly spread.</param>
    public LabShortResponses(LabLanguage language, IReadOnlyList<LabPrompt> prompts)
    {
        LabPrompt[] some = [.. prompts.Where((_, k) => k % Math.Max(1, prompts.Count / Prompts) == 0).Take(Prompts)];
        var responses = some.Select(prompt => Answers(language, prompt.Topic)).ToArray();
        rows = [.. some.Zip(responses, (prompt, all) => new SharedRow(prompt.Ids(language), [.. all.Select(response => language.ResponseIds(response.Text(language)))]))];
        rewards = [.. some.Zip(responses, (prompt, all) => all.Select(response => LabReward.Of(language, prompt, response)).ToArray())];
    }

    /// <summary>log pi(y|x), prompt by prompt, response by response.</summary>
    /// <param name="policy">The policy.</param>
    public double[] Logps(Llama policy) => TokenLogps.Of(policy, rows).Sums;

    /// <summary>What has changed since.</summary>
    /// <param name="policy">The policy now.</param>
    /// <param name="then">Its <see cref="Logps"/> then.</param>
    public LabFavour Change(Llama policy, double[] then)
    {
        double[] change = [.. Logps(policy).Zip(then, (now, before) => now - before)];
        return new LabFavour(Math.Round(BonusStep.Slope(rewards, [.. change.Chunk(rewards[0].Length)]), 8), Math.Round(change.Average(), 8));
    }

    private static LabResponse[] Answers(LabLanguage language, int topic) =>
    [
        new(LabOpener.None, topic, LabMain.Nice),
        .. Enumerable.Range(0, language.Adjectives.Count).Select(adjective => new LabResponse(LabOpener.None, topic, LabMain.Adjective, adjective)),
    ];
}
