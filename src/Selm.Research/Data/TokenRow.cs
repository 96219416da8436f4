namespace Selm.Research.Data;

/// <summary>A prompt and one response as token ids; log-probs are summed from <see cref="ResponseStart"/> on.</summary>
/// <param name="InputIds">Prompt ids, then response ids.</param>
/// <param name="ResponseStart">Index of the first response id.</param>
public sealed record TokenRow(int[] InputIds, int ResponseStart)
{
    /// <summary>What <see cref="Labels"/> holds where no loss is taken.</summary>
    public const int Ignore = -100;

    /// <summary>Tokens in all.</summary>
    public int Length => InputIds.Length;

    /// <summary>The ids of the response alone.</summary>
    public ReadOnlySpan<int> Response => InputIds.AsSpan(ResponseStart);

    /// <summary>The ids with those of the prompt replaced by <see cref="Ignore"/>; not yet shifted.</summary>
    public int[] Labels() => [.. Enumerable.Repeat(Ignore, ResponseStart), .. InputIds.Skip(ResponseStart)];
}

/// <summary>The token rows of one example; each carries the prompt in front.</summary>
/// <param name="PromptIds">The prompt alone, as sampling sees it.</param>
/// <param name="Chosen">y_w.</param>
/// <param name="Rejected">y_l.</param>
/// <param name="Reference">y, or null where the example has none.</param>
public sealed record TokenTriple(int[] PromptIds, TokenRow Chosen, TokenRow Rejected, TokenRow? Reference);
