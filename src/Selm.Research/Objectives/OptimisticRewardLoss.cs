using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>Rewards that an explicit reward model gives to the responses of one example.</summary>
/// <param name="Chosen">r(x, y_w).</param>
/// <param name="Rejected">r(x, y_l).</param>
/// <param name="Own">r(x, y), y the policy's own answer; 0 where there is none.</param>
/// <param name="Reference">r(x, y'), y' drawn from the reference; 0 where there is none.</param>
public readonly record struct ExampleRewards(double Chosen, double Rejected, double Own = 0, double Reference = 0);

/// <summary>A loss of rewards and its derivative with respect to each of them.</summary>
/// <param name="Loss">The value to be minimised.</param>
/// <param name="GradChosen">d Loss / d r(x, y_w).</param>
/// <param name="GradRejected">d Loss / d r(x, y_l).</param>
/// <param name="GradOwn">d Loss / d r(x, y).</param>
/// <param name="GradReference">d Loss / d r(x, y').</param>
public readonly record struct RewardLossResult(double Loss, double GradChosen, double GradRejected, double GradOwn, double GradReference);

/// <summary>
/// What an explicit reward model minimises under objective (3.1), the centred form of (1.1):
/// -log sigma(r(y_w) - r(y_l)) - alpha (r(y) - r(y')), y the policy's answer, y' ~ pi_ref. A positive alpha lifts the
/// policy's answer. Derived in lesson 05.
/// </summary>
/// <remarks>
/// alpha is that of (3.1) without a factor beta. With r = beta log(pi_theta / pi_ref) and y from the inner maximum the same
/// term is SELM's alpha beta E_ref[log pi_theta - log pi_ref], so equal alphas compare. Without y', as (1.1) is printed, the
/// loss would change with r + c(x), which no preference can see.
/// </remarks>
/// <param name="Alpha">Weight of optimism; 0 is the Bradley-Terry loss bit for bit, and y and y' are then not needed.</param>
public sealed record OptimisticRewardLoss(double Alpha)
{
    /// <summary>The loss of one example.</summary>
    /// <param name="rewards">Its rewards.</param>
    public RewardLossResult Evaluate(in ExampleRewards rewards)
    {
        var margin = rewards.Chosen - rewards.Rejected;
        var (loss, slope) = (-LogMath.LogSigmoid(margin), LogMath.Sigmoid(-margin));
        return Alpha == 0
            ? new RewardLossResult(loss, -slope, slope, 0, 0)
            : new RewardLossResult(loss - (Alpha * (rewards.Own - rewards.Reference)), -slope, slope, -Alpha, Alpha);
    }
}
