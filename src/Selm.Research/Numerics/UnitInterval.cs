// A share, a win rate or an accuracy cannot leave [0, 1], and an interval of plus and minus some standard errors can.
// On the scale of log-odds it cannot: 0 and 1 lie infinitely far away there, and going back gives a number between them.
namespace Selm.Research.Numerics;

/// <summary>Confidence intervals of means of numbers between 0 and 1: formed on the scale of log-odds, so that their ends lie between 0 and 1 too.</summary>
public static class UnitInterval
{
    /// <summary>
    /// The interval around a mean of which the half length is known on the plain scale, by the delta method:
    /// log-odds of the mean plus and minus half / (mean (1 - mean)).
    /// </summary>
    /// <param name="mean">Between 0 and 1; at 0 and at 1 the interval has no width, for then every number was that.</param>
    /// <param name="half">Half the length of the plain interval, at least 0; where it is infinite the interval is all of [0, 1].</param>
    public static MeanInterval Around(double mean, double half)
    {
        if (mean is not (> 0 and < 1))
        {
            return new(mean, mean, mean);
        }
        var reach = half / (mean * (1 - mean));
        return new(mean, LogMath.Sigmoid(LogOdds(mean) - reach), LogMath.Sigmoid(LogOdds(mean) + reach));
    }

    private static double LogOdds(double share) => Math.Log(share / (1 - share));
}
