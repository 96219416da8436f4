using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;

namespace Selm.Research.Training;

/// <summary>
/// One example as the trainer sees it: y_w, y_l and, for losses with a third response, y; and the reference model's
/// log-probs of the three once they are known.
/// </summary>
/// <param name="Tokens">Token rows of the responses, each with its prompt.</param>
/// <param name="RefChosen">log pi_ref(y_w | x); NaN until computed.</param>
/// <param name="RefRejected">log pi_ref(y_l | x); NaN until computed.</param>
/// <param name="RefSample">log pi_ref(y | x); NaN until computed or where there is no y. Known beforehand where the
/// reference model itself sampled y; then it is not computed again.</param>
public sealed record TrainingExample(
    TokenTriple Tokens, double RefChosen = double.NaN, double RefRejected = double.NaN, double RefSample = double.NaN)
{
    /// <summary>Token rows of the responses, each with its prompt.</summary>
    public TokenTriple Tokens
    {
        get;
        init => (field, SampleSlot) = (value, SlotOf(value)); // a copy with other tokens looks for its y anew
    }
    = Tokens;

    /// <summary>A loss of this example alone, with targets of its own (SPPO's win probabilities); null takes the training's.</summary>
    public IPreferenceLoss? OwnLoss { get; init; }

    /// <summary>Where a person finds the pair, such as "iteration-0/preferences.jsonl line 7"; null where it is in memory only.</summary>
    public string? Place { get; init; }

    /// <summary>Where y stands among the sequences: 0 it is the chosen one, 1 the rejected one, 2 a third, -1 there is none.</summary>
    public int SampleSlot { get; private init; } = SlotOf(Tokens);

    /// <summary>Sequences to compute: two, or three where y is neither the chosen nor the rejected response.</summary>
    public int Sequences => SampleSlot == 2 ? 3 : 2;

    /// <summary>The same pair without y, for losses that do not read it: y then costs nothing.</summary>
    public TrainingExample WithoutReference() => SampleSlot < 0 ? this : new(Tokens with { Reference = null }, RefChosen, RefRejected) { OwnLoss = OwnLoss, Place = Place };

    /// <summary>The sequences themselves: chosen, rejected and, where y is a third one, y.</summary>
    public IReadOnlyList<TokenRow> Responses => SampleSlot == 2
        ? [Tokens.Chosen, Tokens.Rejected, Tokens.Reference!]
        : [Tokens.Chosen, Tokens.Rejected];

    /// <summary>The sequences as rows of a batch; one row where all share the prompt, else one row each.</summary>
    /// <param name="sharePrompt">Whether a common prompt is computed once.</param>
    public IReadOnlyList<SharedRow> Rows(bool sharePrompt = true) => Share(Responses, sharePrompt);

    /// <summary>Responses as rows of a batch; one row where all share the prompt, else one row each.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="sharePrompt">Whether a common prompt is computed once.</param>
    internal static IReadOnlyList<SharedRow> Share(IReadOnlyList<TokenRow> rows, bool sharePrompt = true)
    {
        var prompt = Prompt(rows[0]).ToArray();
        // The authors' pipeline tokenises prompt and answer together, so prompts may differ in their last token.
        return sharePrompt && rows.All(row => Prompt(row).SequenceEqual(prompt))
            ? [new SharedRow(prompt, [.. rows.Select(row => row.Response.ToArray())])]
            : [.. rows.Select(row => new SharedRow(Prompt(row).ToArray(), [row.Response.ToArray()]))];
    }

    /// <summary>The six log-probs of the loss, given the policy's of <see cref="Rows"/> in order.</summary>
    /// <param name="policy">Chosen, rejected and, where there is one, the third sequence.</param>
    /// <param name="needs">What the loss uses; log-probs of the reference that it does not use and nobody computed count as 0.</param>
    public SequenceLogps Logps(ReadOnlySpan<double> policy, LossInputs needs = LossInputs.Reference)
    {
        double Of(double logp) => double.IsNaN(logp) && !needs.HasFlag(LossInputs.ReferencePair) ? 0 : logp;
        var (chosen, rejected) = (Of(RefChosen), Of(RefRejected));
        return new(
            policy[0], policy[1], SampleSlot < 0 ? 0 : policy[SampleSlot],
            chosen, rejected, SampleSlot switch { < 0 => 0, 0 => chosen, 1 => rejected, _ => RefSample },
            Tokens.Chosen.Response.Length, Tokens.Rejected.Response.Length, Tokens.Reference?.Response.Length ?? 0);
    }

    /// <summary>One weight per sequence: the gradient of y is added to that of the response it is.</summary>
    /// <param name="gradient">What the loss returned.</param>
    /// <param name="weights">Receives <see cref="Sequences"/> numbers.</param>
    public void Weights(in LossResult gradient, Span<double> weights)
    {
        weights[0] = gradient.GradPolicyChosen;
        weights[1] = gradient.GradPolicyRejected;
        if (SampleSlot == 2)
        {
            weights[2] = 0;
        }
        if (SampleSlot >= 0)
        {
            weights[SampleSlot] += gradient.GradPolicySample;
        }
    }

    private static ReadOnlySpan<int> Prompt(TokenRow row) => row.InputIds.AsSpan(0, row.ResponseStart);

    private static int SlotOf(TokenTriple tokens) => tokens.Reference is not { } y ? -1
        : Same(y, tokens.Chosen) ? 0
        : Same(y, tokens.Rejected) ? 1
        : 2;

    private static bool Same(TokenRow a, TokenRow b) => a.ResponseStart == b.ResponseStart && a.InputIds.AsSpan().SequenceEqual(b.InputIds);
}
