namespace Selm.Research.Lab;

/// <summary>
/// The baselines' own constants, everything else being SELM's. Chosen on seeds 100 to 102 by the mean r* of the final policy
/// on the validation prompts (oracle, Zephyr recipe), three values each, before any headline seed was run.
/// </summary>
public static class LabBaselines
{
    /// <summary>SPPO's eta: of 1/.3, 10 and 100/3, the authors' 1000 for log-probabilities a thirtieth as large.</summary>
    public const double SppoEta = 100 / 3.0;

    /// <summary>Share of DNO's pairs that is kept, as written in the lab's plan; .5, .75 and 1 do not differ beyond the spread over seeds.</summary>
    public const double DnoKeptShare = 0.75;

    /// <summary>XPO's alpha, of .0001, .001 and .01; the weight of its bonus is alpha beta.</summary>
    public const double XpoAlpha = 0.01;

    /// <summary>VPO's alpha, of .001, .01 and .1.</summary>
    public const double VpoAlpha = 0.01;
}
