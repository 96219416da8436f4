using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Objectives;

namespace Selm.Research.Tests.Objectives;

/// <summary>Random examples and loss settings for property tests.</summary>
/// <param name="Logps">The log-probabilities.</param>
/// <param name="Beta">From 0.01 to 1.</param>
/// <param name="Alpha">From 0.0001 to 0.5.</param>
internal sealed record Example(SequenceLogps Logps, double Beta, double Alpha)
{
    /// <summary>
    /// Log-probabilities between -60 and 0, policy and reference at most 12 nats apart, lengths 1 to 60.
    /// </summary>
    public static Arbitrary<Example> Any { get; } = (
        from reference in Gen.Choose(-48_000, -12_000).Select(i => i / 1000.0).ArrayOf(3)
        from moved in Gen.Choose(-12_000, 12_000).Select(i => i / 1000.0).ArrayOf(3)
        from lengths in Gen.Choose(1, 60).ArrayOf(3)
        from beta in Gen.Choose(-200, 0).Select(i => Math.Pow(10, i / 100.0))
        from alpha in Gen.Choose(-400, -30).Select(i => Math.Pow(10, i / 100.0))
        select new Example(
            new SequenceLogps(
                reference[0] + moved[0], reference[1] + moved[1], reference[2] + moved[2],
                reference[0], reference[1], reference[2], lengths[0], lengths[1], lengths[2]),
            beta,
            alpha)).ToArbitrary();

    /// <summary>Throws unless the claim holds for 300 random examples; a claim fails by throwing.</summary>
    public static void ForAll(Action<Example> claim) =>
        Prop.ForAll(Any, claim).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
}
