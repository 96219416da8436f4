namespace Selm.Research.Theory;

/// <summary>Where the response comes from that is asked about beside the data's pair.</summary>
public enum QuerySource
{
    /// <summary>Nowhere: the data's pairs are all there is.</summary>
    None,

    /// <summary>The most probable response of the current policy, as SELM decodes it.</summary>
    Greedy,

    /// <summary>A sample of the current policy.</summary>
    Sample,

    /// <summary>The greedy response of the same method run with alpha = 0 in the same world: its queries, this method's regularisation.</summary>
    Twin,

    /// <summary>The response of the highest explicit reward, fitted with the bonus.</summary>
    LargestReward,

    /// <summary>The response of the highest reward of one reward model of an ensemble, picked at random.</summary>
    Thompson,
}

/// <summary>Which comparison a query leads to.</summary>
public enum Labelling
{
    /// <summary>The query and both responses of the data's pair are ranked; best and worst are kept.</summary>
    BestWorstOfThree,

    /// <summary>The query against a sample of pi_0.</summary>
    AgainstReference,

    /// <summary>The query against a further sample of the current policy.</summary>
    AgainstSample,
}

/// <summary>What the optimism term is taken over.</summary>
public enum BonusSource
{
    /// <summary>The response that was asked about: SELM.</summary>
    Query,

    /// <summary>The current policy's own greedy response, whatever was asked about.</summary>
    Greedy,

    /// <summary>The exact expectation over the reference of the fit.</summary>
    Exact,

    /// <summary>The mean over several samples of the current policy.</summary>
    Samples,

    /// <summary>The sample of pi_0 in the comparison: XPO.</summary>
    ReferenceSample,

    /// <summary>The exact expectation over pi_0, a calibration policy: VPO online.</summary>
    Calibration,

    /// <summary>The chosen response of the comparison, with the other sign: VPO offline, pessimism.</summary>
    Chosen,

    /// <summary>max_y r(x, y) of an explicit reward: (1.1), MEX.</summary>
    Maximum,
}

/// <summary>One way to learn online in an <see cref="ExplorationWorld"/>. The defaults are SELM's: greedy y, best and worst of three, new data and a new reference each iteration.</summary>
/// <param name="Name">The name in tables.</param>
public sealed record ExplorationMethod(string Name)
{
    /// <summary>The weight of optimism; 0 is the method without it.</summary>
    public double Alpha { get; init; }

    /// <summary>Where the query comes from.</summary>
    public QuerySource Query { get; init; } = QuerySource.Greedy;

    /// <summary>Which comparison it leads to.</summary>
    public Labelling Labelling { get; init; }

    /// <summary>What the optimism term is taken over.</summary>
    public BonusSource Bonus { get; init; }

    /// <summary>Samples per comparison for <see cref="BonusSource.Samples"/>.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>Whether earlier iterations' comparisons stay in the fit.</summary>
    public bool KeepData { get; init; }

    /// <summary>Whether the reference stays pi_0.</summary>
    public bool FixedReference { get; init; }

    /// <summary>lambda of DPOP.</summary>
    public double ChosenPenalty { get; init; }

    /// <summary>Reward models of a Thompson query.</summary>
    public int Members { get; init; } = 8;

    /// <summary>DPO on all offline pairs so far, from pi_0.</summary>
    public static ExplorationMethod OfflineDpo { get; } = new("offline DPO") { Query = QuerySource.None, KeepData = true, FixedReference = true };

    /// <summary>DPO on each portion of offline pairs in turn, from the last policy (sDPO).</summary>
    public static ExplorationMethod StepwiseDpo { get; } = new("stepwise DPO") { Query = QuerySource.None };

    /// <summary>SELM without optimism.</summary>
    public static ExplorationMethod IterativeDpo { get; } = new("iterative DPO");

    /// <summary>DPO-positive with iterative DPO's queries; lambda = 1, since its authors' 5 does not converge in 150 steps.</summary>
    public static ExplorationMethod Dpop { get; } = new("DPOP 1") { ChosenPenalty = 1 };

    /// <summary>Eight reward models with random prior centres and double-or-nothing bootstrap weights; the policy comes from an unbiased fit.</summary>
    public static ExplorationMethod Ensemble { get; } = new("ensemble") { Query = QuerySource.Thompson, KeepData = true, FixedReference = true };

    /// <summary>SELM: greedy y.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Selm(double alpha) => new(FormattableString.Invariant($"SELM {alpha}")) { Alpha = alpha };

    /// <summary>SELM with the exact expectation over the iteration's reference.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Exact(double alpha) =>
        new(FormattableString.Invariant($"exact bonus {alpha}")) { Alpha = alpha, Bonus = BonusSource.Exact };

    /// <summary>SELM with y sampled instead of decoded greedily, for query and bonus.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Sampled(double alpha) =>
        new(FormattableString.Invariant($"sampled y {alpha}")) { Alpha = alpha, Query = QuerySource.Sample };

    /// <summary>SELM whose bonus averages over four samples; the query stays greedy.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    /// <param name="samples">How many.</param>
    public static ExplorationMethod KSample(double alpha, int samples = 4) =>
        new(FormattableString.Invariant($"{samples}-sample {alpha}")) { Alpha = alpha, Bonus = BonusSource.Samples, Samples = samples };

    /// <summary>SELM's loss on the y and the comparisons of its alpha = 0 twin: what the bonus does without finding better data.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Swap(double alpha) =>
        new(FormattableString.Invariant($"swap {alpha}")) { Alpha = alpha, Query = QuerySource.Twin };

    /// <summary>The comparisons of the alpha = 0 twin again, but the bonus pushes down this policy's own greedy responses.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod SwapOwn(double alpha) =>
        new(FormattableString.Invariant($"swap, own y {alpha}")) { Alpha = alpha, Query = QuerySource.Twin, Bonus = BonusSource.Greedy };

    /// <summary>SELM that keeps all data and the first reference, in the spirit of Algorithm 2.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Accumulating(double alpha) =>
        new(FormattableString.Invariant($"acc {alpha}")) { Alpha = alpha, KeepData = true, FixedReference = true };

    /// <summary>XPO: a sample of the policy against one of pi_0, the bonus on all of the latter.</summary>
    /// <param name="alpha">In SELM's unit: alpha_XPO = alpha beta.</param>
    public static ExplorationMethod Xpo(double alpha) => new(FormattableString.Invariant($"XPO {alpha}"))
    {
        Alpha = alpha, Query = QuerySource.Sample, Labelling = Labelling.AgainstReference, Bonus = BonusSource.ReferenceSample,
        KeepData = true, FixedReference = true,
    };

    /// <summary>VPO online: two samples of the policy, optimism against pi_0.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Vpo(double alpha) => new(FormattableString.Invariant($"VPO online {alpha}"))
    {
        Alpha = alpha, Query = QuerySource.Sample, Labelling = Labelling.AgainstSample, Bonus = BonusSource.Calibration,
        KeepData = true, FixedReference = true,
    };

    /// <summary>VPO offline: the data's pairs, pessimism towards the chosen responses.</summary>
    /// <param name="alpha">The weight of pessimism.</param>
    public static ExplorationMethod VpoOffline(double alpha) => new(FormattableString.Invariant($"VPO offline {alpha}"))
    {
        Alpha = alpha, Query = QuerySource.None, Bonus = BonusSource.Chosen, KeepData = true, FixedReference = true,
    };

    /// <summary>Maximise to explore: an explicit reward with the bonus of (1.1) asks, an unbiased fit answers.</summary>
    /// <param name="alpha">The weight of optimism.</param>
    public static ExplorationMethod Mex(double alpha) => new(FormattableString.Invariant($"MEX {alpha}"))
    {
        Alpha = alpha, Query = QuerySource.LargestReward, Bonus = BonusSource.Maximum, KeepData = true, FixedReference = true,
    };

    /// <summary>The study's cells.</summary>
    public static IReadOnlyList<ExplorationMethod> All { get; } =
    [
        OfflineDpo, StepwiseDpo, IterativeDpo,
        .. new[] { 0.001, 0.003, 0.01, 0.03, 0.1, 0.3 }.Select(Selm),
        .. new[] { 0.01, 0.03, 0.1, 0.3 }.Select(Exact),
        .. new[] { 0, 0.01, 0.03, 0.1 }.Select(Sampled),
        .. new[] { 0.01, 0.03, 0.1 }.Select(Swap), SwapOwn(0.03), SwapOwn(0.1),
        .. new[] { 0, 0.01, 0.03, 0.1 }.Select(Accumulating),
        .. new[] { 0, 0.01, 0.03 }.Select(Xpo),
        .. new[] { 0, 0.01, 0.03 }.Select(Vpo), VpoOffline(0.03),
        KSample(0.03), Dpop, Mex(0.1), Mex(1), Ensemble,
    ];
}
