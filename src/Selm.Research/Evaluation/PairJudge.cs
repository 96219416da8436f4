// Who prefers which of two answers. A judge is a function from a pair to a probability; an endpoint, a ranker and the lab's
// oracle all become one.
using System.Globalization;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>A judge of pairs.</summary>
/// <param name="Name">Its name in files and settings.</param>
/// <param name="Second">The probability, 0 to 1, that the second answer is better; null where it does not say.</param>
public sealed record PairJudge(string Name, Func<AnswerPair, CancellationToken, ValueTask<double?>> Second)
{
    private const string FirstName = "m", SecondName = "M";

    private static readonly string[] places = ["{instruction}", "{output_1}", "{output_2}"];

    /// <summary>
    /// The question put to an endpoint where no other is given. {instruction}, {output_1} and {output_2} are filled in; the
    /// judge answers with one token, m for the first answer and M for the second, whose log-probs are the preference.
    /// </summary>
    public const string DefaultPrompt = """
        Two AI models, m and M, answered the same instruction. Decide whose answer people would prefer on the whole: is it correct, helpful and complete, and does it do what was asked? Neither the order nor the names mean anything.

        [Instruction]
        {instruction}

        [Answer of m]
        {output_1}

        [Answer of M]
        {output_2}

        Reply with one token and nothing else: m if the answer of m is better, M if the answer of M is better.
        """;

    /// <summary>A judge that computes on this machine and waits for nothing.</summary>
    /// <param name="name">Its name in files and settings.</param>
    /// <param name="second">The probability, 0 to 1, that the second answer is better; null where it does not say.</param>
    public PairJudge(string name, Func<AnswerPair, double?> second)
        : this(name, (pair, _) => ValueTask.FromResult(second(pair)))
    {
    }

    /// <summary>A ranker as a judge: the Bradley-Terry probability sigma(score of second - score of first).</summary>
    /// <param name="name">Its name.</param>
    /// <param name="ranker">PairRM, a reward model or an oracle.</param>
    public static PairJudge Of(string name, IRanker ranker) => new(name, pair =>
    {
        var scores = ranker.Rank(pair.Instruction, [pair.First, pair.Second]).Scores;
        return LogMath.Sigmoid(scores[1] - scores[0]);
    });

    /// <summary>
    /// An endpoint as a judge, weighted by the log-probs of its first token. Which answer is shown first is drawn per instruction,
    /// so that a preference for a place cancels on average.
    /// </summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="prompt">With {instruction}, {output_1}, {output_2}; the answer's first token is m or M.</param>
    /// <param name="seed">Of the order.</param>
    /// <exception cref="InputException">The prompt lacks a place for an answer.</exception>
    public static PairJudge Of(ChatEndpoint endpoint, string prompt = DefaultPrompt, ulong seed = 0)
    {
        if (places.FirstOrDefault(place => !prompt.Contains(place, StringComparison.Ordinal)) is { } missing)
        {
            throw new InputException($"The judge's prompt has no {missing}; put it where that text shall stand.");
        }
        return new(endpoint.Model, async (pair, cancellation) =>
        {
            var swapped = new PhiloxStream(seed, "judge-order", pair.Index).NextInt(2) == 1;
            var (first, second) = swapped ? (pair.Second, pair.First) : (pair.First, pair.Second);
            var reply = await endpoint.AskAsync(
                [new ChatMessage("user", Filled(prompt, pair.Instruction, first, second))], 1, $"instruction {pair.Index}", answer => Weighed(answer) is not null, firstTokenLogprobs: true, cancellation)
                .ConfigureAwait(false);
            return Weighed(reply) is { } p ? swapped ? 1 - p : p : null;
        });
    }

    /// <summary>The same judge with a memory: what it said once about a pair is not asked again, by a later process neither.</summary>
    /// <param name="cache">Where verdicts are kept; may be shared with other judges.</param>
    /// <param name="identity">What decides a verdict besides the pair, such as the hash of a ranker's weights.</param>
    public PairJudge Remembering(JudgeCache cache, string identity) => this with
    {
        Second = async (pair, cancellation) =>
        {
            var key = ContentHash.Combine(identity, pair.Instruction, pair.First, pair.Second);
            // No text is a pair without a preference, which older caches hold.
            if (cache.TryGet(key, out var known) && known!.Text.Length > 0)
            {
                return double.Parse(known.Text, CultureInfo.InvariantCulture);
            }
            var preference = await Second(pair, cancellation).ConfigureAwait(false);
            if (preference is { } said)
            {
                cache.Add(key, new(said.ToString("R", CultureInfo.InvariantCulture), new Dictionary<string, double>()));
            }
            return preference;
        },
    };

    /// <summary>Judges pairs, several at once; an empty answer against another loses without being asked about, two empty ones draw.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="parallel">How many are judged at once; 1 for a judge that is not thread-safe.</param>
    /// <param name="progress">Is told about judged pairs.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <returns>In the order of the pairs.</returns>
    public async Task<double?[]> JudgeAsync(IReadOnlyList<AnswerPair> pairs, int parallel = 1, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var preferences = new double?[pairs.Count];
        await JudgeAsync(pairs, preferences, parallel, progress, cancellation).ConfigureAwait(false);
        return preferences;
    }

    /// <summary>The same into a list that holds what is judged so far, also when the judge gives up.</summary>
    internal Task JudgeAsync(IReadOnlyList<AnswerPair> pairs, double?[] preferences, int parallel, IProgress<StepProgress>? progress, CancellationToken cancellation) =>
        Concurrent.ForAsync(pairs.Count, parallel, "judge", progress, i => (pairs[i].First.Length, pairs[i].Second.Length) switch
        {
            (0, 0) => ValueTask.FromResult<double?>(0.5),
            (0, _) => ValueTask.FromResult<double?>(1),
            (_, 0) => ValueTask.FromResult<double?>(0),
            _ => Second(pairs[i], cancellation),
        }, (i, preference) => preferences[i] = preference, cancellation);

    /// <summary>P(M) / (P(m) + P(M)) by the first token; a token that is not among the candidates counts as the least of them.</summary>
    internal static double? Weighed(JudgeReply reply)
    {
        var tokens = reply.FirstToken;
        if (tokens.ContainsKey(FirstName) || tokens.ContainsKey(SecondName))
        {
            var least = tokens.Values.Min();
            return LogMath.Sigmoid(tokens.GetValueOrDefault(SecondName, least) - tokens.GetValueOrDefault(FirstName, least));
        }
        return reply.Text.Trim() switch
        {
            FirstName => 0,
            SecondName => 1,
            _ => null,
        };
    }

    // One pass, so that a text which itself holds {output_2} stays as it is.
    private static string Filled(string prompt, string instruction, string first, string second) =>
        Templates.Fill(prompt, new Dictionary<string, string> { ["instruction"] = instruction, ["output_1"] = first, ["output_2"] = second });
}
