// One world of the online study and everything random in it. Whatever a method may need is drawn here, from streams named
// by what they are for, so that two methods in one world see the same prompts, pairs and labels: their difference is paired.
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>
/// A world of the online study: prompts whose responses are three slots of four words, with a common mediocre word and a rare
/// good one in each slot. Slots a and b share their tables over prompts, slot c has one per prompt. Derived in lesson 16.
/// </summary>
public sealed class ExplorationWorld
{
    private const int Words = ExplorationSettings.Words;
    private const double Noise = 0.3;
    private static readonly double[] RewardOfType = [0, -1, -0.5, 1];
    private static readonly double[] LogitOfType = [2, 1, 0, -1];

    private readonly double[][] rewards;

    /// <summary>Draws a world and all of its chance.</summary>
    /// <param name="seed">The seed; one seed is one world.</param>
    /// <param name="settings">The sizes.</param>
    public ExplorationWorld(ulong seed, ExplorationSettings settings)
    {
        (Seed, Settings) = (seed, settings);
        var random = new PhiloxStream(seed, "exploration/world");
        // Slots a and b, then slot c of each prompt: Words numbers each.
        var tables = 2 + settings.Prompts;
        (SlotRewards, SlotLogits) = (new double[tables * Words], new double[tables * Words]);
        int[] types = [0, 1, 2, 3];
        for (var table = 0; table < tables; table++)
        {
            if (table >= 2)
            {
                random.Shuffle(types.AsSpan());
            }
            for (var word = 0; word < Words; word++)
            {
                SlotRewards[table * Words + word] = RewardOfType[types[word]] + Noise * random.NextGaussian();
                SlotLogits[table * Words + word] = LogitOfType[types[word]] + Noise * random.NextGaussian();
            }
        }
        rewards = Tables.Of(settings.Prompts, ExplorationSettings.Responses, (x, y) => Total(SlotRewards, x, y));
        Rounds = [.. Enumerable.Range(0, settings.Iterations).Select(t => new ExplorationRound(this, t))];
    }

    /// <summary>The world's seed.</summary>
    public ulong Seed { get; }

    /// <summary>The sizes.</summary>
    public ExplorationSettings Settings { get; }

    /// <summary>r*(x, y); y = 16 a + 4 b + c for the words of the three slots.</summary>
    /// <param name="prompt">x.</param>
    /// <param name="response">y.</param>
    public double Reward(int prompt, int response) => rewards[prompt][response];

    /// <summary>max_y r*(x, y).</summary>
    /// <param name="prompt">x.</param>
    public double BestReward(int prompt) => rewards[prompt].Max();

    /// <summary>pi_0, the softmax of the slots' logits, response by response.</summary>
    public TabularPolicy Reference() =>
        new(Tables.Of(Settings.Prompts, ExplorationSettings.Responses, (x, y) => Total(SlotLogits, x, y)));

    /// <summary>Word rewards: slots a, b, then c of each prompt.</summary>
    internal double[] SlotRewards { get; }

    /// <summary>Word logits, in the same order.</summary>
    internal double[] SlotLogits { get; }

    /// <summary>What iteration t draws.</summary>
    internal ExplorationRound[] Rounds { get; }

    /// <summary>The sum over the slots of a response, from word numbers in the order of <see cref="SlotRewards"/>.</summary>
    internal static double Total(double[] words, int prompt, int response) =>
        words[response / (Words * Words)] + words[Words + response / Words % Words] + words[(2 + prompt) * Words + response % Words];
}

/// <summary>The chance of one iteration, the same for every method: prompts, offline pairs, label noise, and uniforms for sampled responses.</summary>
internal sealed class ExplorationRound
{
    /// <summary>Draws iteration t of a world.</summary>
    internal ExplorationRound(ExplorationWorld world, int t)
    {
        var settings = world.Settings;
        var n = settings.PairsPerIteration;
        (Prompts, First, Second) = (new int[n], new int[n], new int[n]);
        PairNoise = new double[2 * n];
        TripleNoise = new double[3 * n];
        var prompts = new PhiloxStream(world.Seed, "exploration/prompts", t);
        var pairs = new PhiloxStream(world.Seed, "exploration/pairs", t);
        var labels = new PhiloxStream(world.Seed, "exploration/labels", t);
        for (var i = 0; i < n; i++)
        {
            var x = Prompts[i] = prompts.NextInt(settings.Prompts);
            First[i] = Sample(world, x, pairs);
            Second[i] = Sample(world, x, pairs);
            PairNoise[2 * i] = labels.NextGumbel();
            PairNoise[2 * i + 1] = labels.NextGumbel();
            for (var candidate = 0; candidate < 3; candidate++)
            {
                TripleNoise[3 * i + candidate] = labels.NextGumbel();
            }
        }
    }

    internal int[] Prompts { get; }

    /// <summary>y_a of each offline pair, from pi_0.</summary>
    internal int[] First { get; }

    /// <summary>y_b of each offline pair, from pi_0.</summary>
    internal int[] Second { get; }

    /// <summary>Gumbel numbers for the labels of (y_a, y_b).</summary>
    internal double[] PairNoise { get; }

    /// <summary>Fresh Gumbel numbers for the ranking of (y, y_a, y_b).</summary>
    internal double[] TripleNoise { get; }

    /// <summary>The data's pair i, ordered by r* plus Gumbel noise: a Bradley-Terry label.</summary>
    internal (int Better, int Worse) OrderedPair(ExplorationWorld world, int i)
    {
        var (x, a, b) = (Prompts[i], First[i], Second[i]);
        return world.Reward(x, a) + PairNoise[2 * i] >= world.Reward(x, b) + PairNoise[2 * i + 1] ? (a, b) : (b, a);
    }

    /// <summary>Best and worst of up to three responses to prompt i by r* plus fresh Gumbel noise: Plackett-Luce.</summary>
    internal (int Best, int Worst) BestAndWorst(ExplorationWorld world, int i, ReadOnlySpan<int> candidates)
    {
        var (best, worst) = (0, 0);
        Span<double> scores = stackalloc double[candidates.Length];
        for (var k = 0; k < candidates.Length; k++)
        {
            scores[k] = world.Reward(Prompts[i], candidates[k]) + TripleNoise[3 * i + k];
            best = scores[k] > scores[best] ? k : best;
            worst = scores[k] < scores[worst] ? k : worst;
        }
        return (candidates[best], candidates[worst]);
    }

    // pi_0 is a product over slots: one word from each.
    private static int Sample(ExplorationWorld world, int prompt, PhiloxStream random)
    {
        var response = 0;
        for (var slot = 0; slot < ExplorationSettings.Slots; slot++)
        {
            var table = slot < 2 ? slot : 2 + prompt;
            var (best, word) = (double.NegativeInfinity, 0);
            for (var candidate = 0; candidate < ExplorationSettings.Words; candidate++)
            {
                var score = world.SlotLogits[table * ExplorationSettings.Words + candidate] + random.NextGumbel();
                (best, word) = score > best ? (score, candidate) : (best, word);
            }
            response = response * ExplorationSettings.Words + word;
        }
        return response;
    }
}
