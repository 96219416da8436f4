// One fit of the online study: the parameters w of an implicit reward r(x, y) = sum of w's entries for y, by heavy ball from
// 0. In these units the SELM loss on logits is sum -log sigma(r_w - r_l) + alpha sum (r(y) - beta log Z(x)), and the new
// policy is anchor * exp(r/beta)/Z.
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>The maximum a posteriori fit of the online study; terms are added, then <see cref="Solve()"/> descends.</summary>
internal sealed class RewardFit
{
    private readonly ExplorationSettings settings;
    private readonly ResponseTables tables;
    private readonly double[] anchor;
    private readonly double[] start;
    private readonly double[] linear;
    private readonly double[] partitionWeight;
    private readonly double[] maximumWeight;
    private readonly List<int> chosen = [];
    private readonly List<int> rejected = [];
    private readonly List<double> weights = [];

    private bool hasOptimism;

    // Scratch: the tables' probabilities under the current r, their log-normalisers, and weights on -beta log Z.
    private readonly double[] probabilities;
    private readonly double[] logNormalisers;
    private readonly double[] pulls;

    /// <summary>An empty fit.</summary>
    /// <param name="settings">Sizes, prior and optimiser.</param>
    /// <param name="tables">The layout.</param>
    /// <param name="anchor">log pi_ref as tables of log-probabilities.</param>
    internal RewardFit(ExplorationSettings settings, ResponseTables tables, double[] anchor)
    {
        (this.settings, this.tables, this.anchor) = (settings, tables, anchor);
        start = new double[tables.Length];
        linear = new double[tables.Length];
        probabilities = new double[tables.Length];
        partitionWeight = new double[tables.Count];
        maximumWeight = new double[tables.Count];
        logNormalisers = new double[tables.Count];
        pulls = new double[tables.Count];
    }

    /// <summary>lambda of DPOP: how strongly a chosen response below its reference probability is punished; 0 for the plain logistic loss.</summary>
    internal double ChosenPenalty { get; init; }

    /// <summary>Moves the prior's centre, where the descent also starts, away from 0.</summary>
    internal double[] Centre
    {
        init
        {
            value.CopyTo(start, 0);
            for (var i = 0; i < linear.Length; i++)
            {
                linear[i] -= value[i] / settings.PriorVariance;
            }
        }
    }

    /// <summary>Comparisons so far, those of weight 0 included: the step length depends on it.</summary>
    internal int Comparisons { get; private set; }

    /// <summary>Adds weight * -log sigma(r(y_w) - r(y_l)).</summary>
    internal void AddComparison(int prompt, int better, int worse, double weight = 1)
    {
        Comparisons++;
        if (weight == 0)
        {
            return;
        }
        for (var slot = 0; slot < tables.Slots; slot++)
        {
            chosen.Add(tables.Entry(prompt, better, slot));
            rejected.Add(tables.Entry(prompt, worse, slot));
        }
        weights.Add(weight);
    }

    /// <summary>Adds weight * (r(y) - beta log Z(x)) = weight * beta log(pi/pi_ref)(y).</summary>
    internal void AddOptimism(int prompt, int response, double weight)
    {
        hasOptimism = true;
        for (var slot = 0; slot < tables.Slots; slot++)
        {
            linear[tables.Entry(prompt, response, slot)] += weight;
            partitionWeight[tables.Table(prompt, slot)] += weight;
        }
    }

    /// <summary>Adds weight * (E_{y ~ q}[r(y)] - beta log Z(x)), q as tables of log-probabilities.</summary>
    internal void AddExpectedOptimism(int prompt, ReadOnlySpan<double> logps, double weight)
    {
        hasOptimism = true;
        for (var slot = 0; slot < tables.Slots; slot++)
        {
            var table = tables.Table(prompt, slot);
            partitionWeight[table] += weight;
            for (var i = table * tables.Width; i < (table + 1) * tables.Width; i++)
            {
                linear[i] += weight * Math.Exp(logps[i]);
            }
        }
    }

    /// <summary>Adds -weight * max_y r(x, y), the bonus of (1.1).</summary>
    internal void AddMaximum(int prompt, double weight)
    {
        for (var slot = 0; slot < tables.Slots; slot++)
        {
            maximumWeight[tables.Table(prompt, slot)] += weight;
        }
    }

    /// <summary>The weights w after the settings' heavy-ball steps from the prior's centre.</summary>
    internal double[] Solve() => Solve(settings.Steps, 1);

    /// <summary>The same after another number of steps and with another step length.</summary>
    internal double[] Solve(int steps, double stepScale)
    {
        double[] w = [.. start];
        var gradient = new double[w.Length];
        var velocity = new double[w.Length];
        var (better, worse) = (chosen.ToArray(), rejected.ToArray());
        // The margin moves 1 + lambda times as fast where a chosen response is punished, so its curvature is the square.
        var length = stepScale * settings.StepLength(Comparisons) / Math.Pow(1 + ChosenPenalty, 2);
        for (var step = 0; step < steps; step++)
        {
            Gradient(w, gradient, better, worse);
            for (var i = 0; i < w.Length; i++)
            {
                velocity[i] = settings.Momentum * velocity[i] - length * gradient[i];
                w[i] += velocity[i];
            }
        }
        return w;
    }

    /// <summary>Mean sigma(-(r_w - r_l)) over the comparisons: the weight that each has in the gradient at w.</summary>
    internal double MeanWeight(ReadOnlySpan<double> w)
    {
        var sum = 0.0;
        for (int pair = 0, first = 0; pair < weights.Count; pair++, first += tables.Slots)
        {
            var margin = 0.0;
            for (var k = first; k < first + tables.Slots; k++)
            {
                margin += w[chosen[k]] - w[rejected[k]];
            }
            sum += LogMath.Sigmoid(-margin);
        }
        return sum / weights.Count;
    }

    /// <summary>log(pi/pi_ref)(y) times beta: r(y) - beta log Z(x), for fitted weights.</summary>
    internal double[] ImplicitReward(ReadOnlySpan<double> w)
    {
        Normalise(w);
        var reward = new double[w.Length];
        for (var i = 0; i < reward.Length; i++)
        {
            reward[i] = w[i] - settings.Beta * logNormalisers[i / tables.Width];
        }
        return reward;
    }

    private void Gradient(double[] w, double[] gradient, int[] better, int[] worse)
    {
        var precision = 1 / settings.PriorVariance;
        for (var i = 0; i < w.Length; i++)
        {
            gradient[i] = linear[i] + precision * w[i];
        }
        partitionWeight.CopyTo(pulls, 0);
        if (ChosenPenalty != 0 || hasOptimism)
        {
            Normalise(w);
        }
        AddComparisons(w, gradient, better, worse);
        for (var table = 0; table < pulls.Length; table++)
        {
            if (pulls[table] != 0)
            {
                // d(-beta log Z)/dr(y) = -pi(y)
                for (var i = table * tables.Width; i < (table + 1) * tables.Width; i++)
                {
                    gradient[i] -= pulls[table] * probabilities[i];
                }
            }
            if (maximumWeight[table] != 0)
            {
                gradient[table * tables.Width + tables.LargestEntry(w, table)] -= maximumWeight[table];
            }
        }
    }

    private void AddComparisons(double[] w, double[] gradient, int[] better, int[] worse)
    {
        var slots = tables.Slots;
        for (int pair = 0, first = 0; pair < weights.Count; pair++, first += slots)
        {
            var margin = 0.0;
            for (var k = first; k < first + slots; k++)
            {
                margin += w[better[k]] - w[worse[k]];
            }
            var pull = ChosenPenalty == 0
                ? weights[pair] / (1 + Math.Exp(margin))
                : PunishedPull(w, gradient, better.AsSpan(first, slots), margin, weights[pair]);
            for (var k = first; k < first + slots; k++)
            {
                gradient[better[k]] -= pull;
                gradient[worse[k]] += pull;
            }
        }
    }

    // DPOP: where the chosen response has fallen below its reference probability, log(pi/pi_ref)(y_w) enters the margin 1 + lambda times.
    private double PunishedPull(double[] w, double[] gradient, ReadOnlySpan<int> better, double margin, double weight)
    {
        var fall = Fall(w, better);
        var pull = weight / (1 + Math.Exp(margin - ChosenPenalty * fall));
        if (fall > 0)
        {
            foreach (var entry in better)
            {
                gradient[entry] -= ChosenPenalty * pull;
                pulls[entry / tables.Width] -= ChosenPenalty * pull;
            }
        }
        return pull;
    }

    // max(0, -(r(y_w) - beta log Z)): how far the chosen response is below its reference probability, in reward units.
    private double Fall(double[] w, ReadOnlySpan<int> entries)
    {
        var reward = 0.0;
        foreach (var entry in entries)
        {
            reward += w[entry] - settings.Beta * logNormalisers[entry / tables.Width];
        }
        return Math.Max(0, -reward);
    }

    // Each table's pi = anchor exp(w/beta)/Z and log Z.
    private void Normalise(ReadOnlySpan<double> w)
    {
        var scale = 1 / settings.Beta;
        for (var table = 0; table < tables.Count; table++)
        {
            var start = table * tables.Width;
            var largest = double.NegativeInfinity;
            for (var i = start; i < start + tables.Width; i++)
            {
                probabilities[i] = anchor[i] + scale * w[i];
                largest = Math.Max(largest, probabilities[i]);
            }
            var sum = 0.0;
            for (var i = start; i < start + tables.Width; i++)
            {
                sum += probabilities[i] = Math.Exp(probabilities[i] - largest);
            }
            logNormalisers[table] = largest + Math.Log(sum);
            for (var i = start; i < start + tables.Width; i++)
            {
                probabilities[i] /= sum;
            }
        }
    }
}
