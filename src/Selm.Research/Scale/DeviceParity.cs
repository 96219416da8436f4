// The model fixtures of the tests on a device: what Hugging Face's programs computed from the same weights, in float32, against
// the kit in float32 and bfloat16. Every causal model, reward model, encoder and ranker of tests/golden/hf-models is one row.
using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>One fixture on the device.</summary>
/// <param name="Fixture">Its folder.</param>
/// <param name="Precision">fp32 or bf16.</param>
/// <param name="Numbers">Numbers that were compared.</param>
/// <param name="Gap">The largest difference over the largest number, at least 1.</param>
/// <param name="Tolerance">What is allowed.</param>
public sealed record ParityRow(string Fixture, string Precision, int Numbers, double Gap, double Tolerance)
{
    /// <summary>Whether the gap is within the tolerance.</summary>
    public bool Passed => Gap <= Tolerance;
}

/// <summary>Compares the fixtures.</summary>
internal static class DeviceParity
{
    private const string Folder = "tests/golden/hf-models";
    private const double Tolerance32 = 1e-4, Tolerance16 = 0.1; // bfloat16 has three digits; the models are a few layers of random weights

    /// <summary>Every fixture in both precisions.</summary>
    /// <param name="device">Where to compute.</param>
    /// <exception cref="InputException">The kit's source tree with the fixtures is not found.</exception>
    internal static IEnumerable<ParityRow> Rows(Device device)
    {
        foreach (var folder in Directory.GetDirectories(KitFolder.Find(Folder)).Order(StringComparer.Ordinal))
        {
            foreach (var (name, dtype, tolerance) in new[] { ("fp32", ScalarType.Float32, Tolerance32), ("bf16", ScalarType.BFloat16, Tolerance16) })
            {
                var parts = Compare(folder, dtype, device);
                yield return new(Path.GetFileName(folder), name, parts.Sum(part => part.Expected.Length), parts.Max(part => Gap(part.Expected, part.Actual)), tolerance);
            }
        }
    }

    private static double Gap(double[] expected, double[] actual) => expected.Length == actual.Length
        ? expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() / Math.Max(1, expected.Max(Math.Abs)) : double.PositiveInfinity;

    private static (double[] Expected, double[] Actual)[] Compare(string folder, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        var cases = document.RootElement;
        return HfConfig.Load(folder) switch
        {
            PairRmConfig => Ranker(folder, cases, dtype, device),
            DebertaConfig config => Encoder(folder, config, cases, dtype, device),
            LlamaConfig config when cases.TryGetProperty("texts", out var texts) => Reward(folder, config, cases, texts, dtype, device),
            _ => Decoder(folder, cases, dtype, device),
        };
    }

    private static (double[], double[])[] Decoder(string folder, JsonElement cases, ScalarType dtype, Device device)
    {
        using var model = LlamaWeights.Load(folder, dtype, device);
        using var plan = model.Plan([.. Ids(cases.GetProperty("plain").GetProperty("input_ids")).Select(ids => new SharedRow(ids, []))]);
        var logits = Read(model.Logits(model.Hidden(plan)));
        var scored = cases.GetProperty("response_logprobs");
        var rows = Ids(scored.GetProperty("input_ids")).Zip(Ids(scored.GetProperty("labels")), (ids, labels) =>
        {
            var (start, end) = (Array.FindIndex(labels, label => label >= 0), Array.FindLastIndex(labels, label => label >= 0) + 1);
            return new SharedRow(ids[..start], [ids[start..end]]);
        });
        return [(Expected(folder, "plain.logits"), logits), (Numbers(scored.GetProperty("sum_logps")), TokenLogps.Of(model, [.. rows]).Sums)];
    }

    private static (double[], double[])[] Reward(string folder, LlamaConfig config, JsonElement cases, JsonElement texts, ScalarType dtype, Device device)
    {
        using var files = SafetensorsFolder.Open(folder);
        using var trunk = LlamaWeights.Load(files, config with { TieWordEmbeddings = true }, dtype, device, others: "score.weight");
        var score = files.ReadWeight("score.weight", [1, config.HiddenSize], dtype, device);
        return [(Numbers(cases.GetProperty("right_padded").GetProperty("scores")), Read(RewardModel.Rewards(trunk, score, [.. Ids(texts).Select(ids => new SharedRow(ids[..2], [ids[2..]]))])))];
    }

    private static (double[], double[])[] Encoder(string folder, DebertaConfig config, JsonElement cases, ScalarType dtype, Device device)
    {
        using var weights = SafetensorsFolder.Open(folder);
        using var encoder = DebertaEncoder.Load(weights, config, "deberta.", dtype, device);
        var ids = Ids(cases.GetProperty("plain").GetProperty("input_ids"));
        Tensor Whole(Func<int, long> of) => tensor(ids.SelectMany(row => row.Select(of)).ToArray(), [ids.Length, ids[0].Length], device: device);
        return [(Expected(folder, $"plain.hidden_states.{config.NumHiddenLayers}"), Read(encoder.Forward(Whole(id => id), Whole(_ => 1))))];
    }

    private static (double[], double[])[] Ranker(string folder, JsonElement cases, ScalarType dtype, Device device)
    {
        using var ranker = PairRmRanker.Load(folder, dtype, device);
        var groups = cases.GetProperty("groups").EnumerateArray().ToArray();
        double[] expected = [.. groups.SelectMany(group => group.GetProperty("comparison_matrix").EnumerateArray().SelectMany(matrix => matrix.EnumerateArray().SelectMany(Numbers)))];
        double[] actual = [.. groups.SelectMany(group => ranker.Compare([.. group.GetProperty("sources").EnumerateArray().Zip(group.GetProperty("candidates").EnumerateArray(), (source, candidates) =>
            new RankRequest(source.GetString()!, [.. candidates.EnumerateArray().Select(candidate => candidate.GetString()!)]))])).SelectMany(matrix => matrix.Cast<double>())];
        return [(expected, actual)];
    }

    private static double[] Expected(string folder, string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        return Read(file.Read(name, ScalarType.Float32));
    }

    private static double[] Read(Tensor x) => [.. x.to_type(ScalarType.Float32).cpu().reshape(-1).data<float>().ToArray().Select(value => (double)value)];

    private static int[][] Ids(JsonElement rows) => [.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];

    private static double[] Numbers(JsonElement row) => [.. row.EnumerateArray().Select(number => number.GetDouble())];
}
