using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Algorithm1;

/// <summary>Who answers in a draw.</summary>
internal enum Who
{
    /// <summary>The policy, or in the swap ablation the model that takes its place.</summary>
    Asked,

    /// <summary>The reference of the iteration.</summary>
    Reference,

    /// <summary>The base model.</summary>
    Base,
}

/// <summary>One answer per prompt.</summary>
/// <param name="Who">Who answers.</param>
/// <param name="ByChance">Whether it is sampled even where y is greedy.</param>
internal readonly record struct Draw(Who Who, bool ByChance);

/// <summary>Lines 2 and 3 of Algorithm 1 for each method: what is asked, what is ranked, and which pair is kept.</summary>
/// <param name="settings">The method and its numbers.</param>
internal sealed class Siblings(LoopSettings settings)
{
    /// <summary>How an answer is sampled.</summary>
    public SamplingOptions Chance { get; } = settings.Sampling with { Temperature = settings.Sampling.IsGreedy ? 1 : settings.Sampling.Temperature };

    /// <summary>The draws of a round; none where it trains on the data's own pairs.</summary>
    public IReadOnlyList<Draw> Draws(int iteration) => settings.IsPlain(iteration) ? [] : settings.Method switch
    {
        LoopMethod.Spin => [new(Who.Asked, true)],
        LoopMethod.Dno or LoopMethod.Sppo => [.. Enumerable.Repeat(new Draw(Who.Asked, true), settings.Samples)],
        LoopMethod.Xpo => [new(Who.Asked, true), new(Who.Base, true)],
        // y' ~ pi_ref centres the optimism of an explicit reward; without optimism nobody looks at it.
        LoopMethod.ExplicitReward when settings.Alpha != 0 => [new(Who.Asked, false), new(Who.Reference, true)],
        _ => [new(Who.Asked, false)],
    };

    /// <summary>What the ranker sees, prompt by prompt; nothing where it is not asked.</summary>
    public IReadOnlyList<(int[] Prompt, IReadOnlyList<Candidate> Candidates)> Candidates(int iteration, IReadOnlyList<LoopPair> pairs, IReadOnlyList<IReadOnlyList<Answer>> answers)
    {
        if (settings.IsPlain(iteration) || settings.Method == LoopMethod.Spin)
        {
            return [];
        }
        return [.. pairs.Select((p, k) =>
        {
            var own = answers.Select((answer, draw) => new Candidate(answer[k].Ids, draw));
            var (chosen, rejected) = (new Candidate(p.Chosen, Candidate.DataChosen), new Candidate(p.Rejected, Candidate.DataRejected));
            return (p.Prompt, (IReadOnlyList<Candidate>)(settings.Method switch
            {
                LoopMethod.Dno => [chosen, .. own],
                LoopMethod.Sppo or LoopMethod.Xpo => [.. own],
                _ => [own.First(), chosen, rejected],
            }));
        })];
    }

    /// <summary>The pairs that a round keeps.</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="pairs">D_t.</param>
    /// <param name="answers">One list per draw.</param>
    /// <param name="candidates">What was ranked.</param>
    /// <param name="scores">The ranker's scores of them.</param>
    /// <returns>The pairs, and how many prompts gave none because all their candidates tied.</returns>
    public (KeptPair[] Pairs, int Dropped) Keep(
        int iteration, IReadOnlyList<LoopPair> pairs, IReadOnlyList<IReadOnlyList<Answer>> answers,
        IReadOnlyList<(int[] Prompt, IReadOnlyList<Candidate> Candidates)> candidates, IReadOnlyList<double[]> scores)
    {
        if (settings.IsPlain(iteration))
        {
            return ([.. pairs.Select((p, k) => Offline(k, p))], 0);
        }
        if (settings.Method == LoopMethod.Spin)
        {
            return ([.. pairs.Select((p, k) => new KeptPair(k, p.Prompt, new(p.Chosen, Candidate.DataChosen), new(answers[0][k].Ids, 0)))], 0);
        }
        KeptPair[] ranked = [.. pairs.Select((_, k) => Ranked(k, candidates[k], scores[k])).OfType<KeptPair>()];
        var dropped = pairs.Count - ranked.Length;
        return settings.Method switch
        {
            // The largest margins; the count is a share of the prompts.
            LoopMethod.Dno => ([.. ranked.OrderByDescending(Margin).Take((int)Math.Ceiling(settings.KeptShare * pairs.Count))], dropped),
            LoopMethod.Sppo => ([.. ranked.Select(pair => pair with { OwnLoss = Targets(pair) })], dropped),
            LoopMethod.Xpo => ([.. ranked.Select(pair => pair with { Sample = new(answers[1][pair.Row].Ids, 1) })], dropped),
            LoopMethod.Vpo => ([.. ranked.Select(pair => pair with { Sample = new(pairs[pair.Row].Chosen, Candidate.DataChosen) })], dropped),
            _ => ([.. ranked.Select(pair => pair with
            {
                Sample = new(answers[0][pair.Row].Ids, 0), SampleLogp = answers[0][pair.Row].Logp, Other = answers.Count > 1 ? answers[1][pair.Row].Ids : null,
            })], dropped),
        };
    }

    /// <summary>Shares of prompts whose y ranked best and worst; NaN where no y was ranked with the data's pair.</summary>
    public (double Best, double Worst) Shares(int iteration, IReadOnlyCollection<KeptPair> kept, int prompts) =>
        settings.IsPlain(iteration) || settings.Method is not (LoopMethod.Selm or LoopMethod.Vpo or LoopMethod.ExplicitReward)
            ? (double.NaN, double.NaN)
            : (kept.Count(pair => pair.Chosen.Source == 0) / (double)prompts, kept.Count(pair => pair.Rejected.Source == 0) / (double)prompts);

    private static KeptPair Offline(int row, LoopPair pair) => new(
        row, pair.Prompt, new(pair.Chosen, Candidate.DataChosen), new(pair.Rejected, Candidate.DataRejected), pair.Sample is { } y ? new(y, Candidate.DataSample) : null);

    // Best and worst, or y put in the place of what it beats or loses to; null where everything ties, for then nothing is preferred.
    private KeptPair? Ranked(int row, (int[] Prompt, IReadOnlyList<Candidate> Candidates) question, double[] scores)
    {
        var pair = settings.Method switch
        {
            LoopMethod.Sppo => Selection.BestWorst(Wins(scores)),
            LoopMethod.Xpo => scores[0] >= scores[1] ? new SelectedPair(0, 1) : new SelectedPair(1, 0),
            LoopMethod.Dno => Selection.BestWorst(scores),
            _ => settings.UpdateRule == UpdateRule.BestWorst ? Selection.BestWorst(scores) : Selection.Replace(scores),
        };
        return pair.Chosen == pair.Rejected ? null : new KeptPair(row, question.Prompt, question.Candidates[pair.Chosen], question.Candidates[pair.Rejected])
        {
            Ranking = new(question.Candidates, scores, pair.Chosen, pair.Rejected),
        };
    }

    // Win probability of a sample: its mean Bradley-Terry probability against all samples.
    private static double[] Wins(double[] scores) => [.. scores.Select(a => scores.Average(b => LogMath.Sigmoid(a - b)))];

    private SppoLoss Targets(KeptPair pair)
    {
        var ranking = pair.Ranking!;
        var wins = Wins(ranking.Scores);
        return new SppoLoss(settings.SppoBeta, wins[ranking.Chosen], wins[ranking.Rejected]);
    }

    private static double Margin(KeptPair pair) => pair.Ranking is { } r ? r.Scores[r.Chosen] - r.Scores[r.Rejected] : 0;
}
