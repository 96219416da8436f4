using System.CommandLine;
using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate reward-distribution|implicit-reward</c>: what a policy's answers are worth to a ranker and to itself.</summary>
internal static class EvaluatePolicyCommands
{
    public static Command RewardDistribution()
    {
        var model = EvaluationOptions.Model();
        var input = Values.Text("--input", "F.jsonl", "Held-out prompts: {\"prompt\"} or {\"messages\"} rows");
        var ranker = Values.Text("--ranker", "pairrm:DIR|rm:DIR|oracle:lab", "Who scores");
        var against = Values.OptionalText("--against", "FIELD", "The field of the answer that each is ranked beside, such as chosen_response; PairRM needs one");
        var bins = Values.Whole("--bins", "N", "Bins of the distribution", 20, least: 1);
        var length = Values.Whole("--max-new-tokens", "N", "Longest answer in tokens", 256, least: 1);
        var (batch, device, precision) = (EvaluationOptions.BatchSize(), Devices.Option(), Devices.PrecisionOption());
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "reward-distribution",
            "Greedy answers to held-out prompts, scored by a ranker: mean and fraction per bin (the paper's Figure 3).",
            ["selm evaluate reward-distribution --model demo/model --input prompts.jsonl --ranker rm:models/reward --out data/runs/evaluation"],
            """
            Prompts stream through in batches, so memory does not grow with their number. With --against the score is that of the answer minus that of
            the other one in the same ranking. With --out every answer and its score is kept in rewards-MODEL.jsonl.
            """)
        {
            model, input, ranker, against, bins, length, batch, device, precision,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(ranker);
            if (name.StartsWith("pairrm:", StringComparison.Ordinal) && parsed.GetValue(against) is null)
            {
                throw new InputException("PairRM only compares answers; name the field of the other answer with --against.");
            }
            var where = DeviceName.Parse(parsed.GetRequiredValue(device));
            var path = parsed.GetRequiredValue(input);
            using var opened = ModelFolder.Load(parsed.GetRequiredValue(model), Devices.Precision(parsed.GetRequiredValue(precision)), where);
            var scorer = Rankers.Open(name, where);
            using var owned = scorer as IDisposable;
            var folder = shared.Folder(parsed);
            var named = shared.NameFor(parsed, "reward-distribution", opened);
            var output = folder is null ? Path.GetTempFileName() : EvaluationPage.RewardsPath(folder, named);
            try
            {
                var found = ProgressView.Run(progress => Research.Evaluation.RewardDistribution.Run(
                    opened, path, output, scorer, parsed.GetValue(against), parsed.GetValue(bins), parsed.GetValue(length), parsed.GetValue(batch), progress, Interrupt.Token));
                var mean = Measure.Mean("mean_reward", new PairedEstimate(found.Count, found.Mean, found.StandardError));
                return shared.Show(parsed, new EvaluationResult(
                    "reward-distribution", named,
                    [mean, .. found.Bins.Select(bin => Measure.Share(string.Create(CultureInfo.InvariantCulture, $"fraction {bin.Low:0.###} to {bin.High:0.###}"), bin.Fraction, found.Count))],
                    shared.Provenance(parsed, [path], opened, name))
                {
                    Settings = new Dictionary<string, string> { ["ranker"] = name, ["against"] = parsed.GetValue(against) ?? "nothing" },
                });
            }
            finally
            {
                if (folder is null)
                {
                    File.Delete(output);
                }
            }
        });
        return command;
    }

    public static Command ImplicitReward()
    {
        var model = EvaluationOptions.Model();
        var reference = Values.Text("--reference", "DIR", "pi_ref");
        var other = Values.OptionalText("--other", "DIR", "A second policy to compare with");
        var input = Values.Text("--input", "F.jsonl", "Preference pairs in UltraFeedback's shape");
        var beta = Values.Number("--beta", "B", "Scales the reward", 0.01);
        var ranker = Values.OptionalText("--ranker", "pairrm:DIR|rm:DIR|oracle:lab", "Whose margins the implicit reward is held against");
        var length = Values.Whole("--max-new-tokens", "N", "Longest own answer in tokens", 256, least: 1);
        var (batch, limit, device, precision) = (EvaluationOptions.BatchSize(), EvaluationOptions.Limit(), Devices.Option(), Devices.PrecisionOption());
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "implicit-reward",
            "r = beta (log pi - log pi_ref) on chosen, rejected and own answers (the paper's Figure 4).",
            [
                "selm evaluate implicit-reward --model selm/model --reference sft/model --other dpo/model --input pairs.jsonl --out data/runs/evaluation",
                "selm evaluate implicit-reward --model selm/model --reference sft/model --input pairs.jsonl --ranker pairrm:models/PairRM",
            ],
            """
            With --other the differences between both policies are kept in rising order; with --ranker the calibration: in bins of equal size, what the
            implicit reward predicts for chosen and what the ranker says. --out keeps all rewards in implicit-rewards-MODEL.jsonl.
            """)
        {
            model, reference, other, input, beta, ranker, length, batch, limit, device, precision,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            var where = DeviceName.Parse(parsed.GetRequiredValue(device));
            var number = Devices.Precision(parsed.GetRequiredValue(precision));
            var scale = parsed.GetValue(beta) is > 0 and var positive ? positive : throw new InputException("--beta must be above 0; give 0.01, for example.");
            var path = parsed.GetRequiredValue(input);
            var records = EvaluationOptions.First(PreferenceFile.Read(path).Records, parsed.GetValue(limit));
            using var policy = ModelFolder.Load(parsed.GetRequiredValue(model), number, where);
            using var start = ModelFolder.Load(parsed.GetRequiredValue(reference), number, where);
            using var second = parsed.GetValue(other) is { } folder ? ModelFolder.Load(folder, number, where) : null;
            var scorer = parsed.GetValue(ranker) is { } name ? Rankers.Open(name, where) : null;
            using var owned = scorer as IDisposable;
            var rewards = ProgressView.Run(progress => Research.Evaluation.ImplicitReward.Of(
                policy, start, second, records, scale, scorer, parsed.GetValue(length), shared.Folder(parsed), parsed.GetValue(batch), progress, Interrupt.Token));
            var own = shared.NameFor(parsed, "implicit-reward", policy, second);
            if (shared.Folder(parsed) is { } place)
            {
                Jsonl.Write(EvaluationPage.ImplicitRewardsPath(place, own), rewards);
                AtomicFile.WriteJson(Path.Combine(place, $"implicit-rewards-{own}.curves.json"), Curves(rewards, second is not null, scorer is not null));
            }
            return shared.Show(parsed, new EvaluationResult(
                "implicit-reward", own, Research.Evaluation.ImplicitReward.Measures(rewards), shared.Provenance(parsed, [path], policy, parsed.GetValue(ranker)))
            {
                Settings = new Dictionary<string, string>
                {
                    ["beta"] = scale.ToString("R", CultureInfo.InvariantCulture), ["reference"] = Identity.Of(start)[..16],
                    ["other"] = second is null ? "" : EvaluationOptions.NameOf(second.Path), ["other_weights"] = EvaluationOptions.OtherWeights(second), ["ranker"] = parsed.GetValue(ranker) ?? "",
                }.Where(setting => setting.Value.Length > 0).ToDictionary(),
                Items = [.. rewards.Select(reward => new ScoredItem($"{reward.Prompt}", reward.Chosen - reward.Rejected))],
            });
        });
        return command;
    }

    private static Dictionary<string, object> Curves(IReadOnlyList<ImplicitRewards> rewards, bool compared, bool ranked)
    {
        var curves = new Dictionary<string, object>();
        if (compared)
        {
            curves["chosen_minus_other"] = Research.Evaluation.ImplicitReward.SortedDifferences(rewards, reward => reward.Chosen, reward => reward.OtherChosen);
            curves["rejected_minus_other"] = Research.Evaluation.ImplicitReward.SortedDifferences(rewards, reward => reward.Rejected, reward => reward.OtherRejected);
            curves["own_minus_other"] = Research.Evaluation.ImplicitReward.SortedDifferences(rewards, reward => reward.Own, reward => reward.OtherOwn);
        }
        if (ranked)
        {
            curves["calibration"] = Research.Evaluation.ImplicitReward.Calibration(rewards);
        }
        return curves;
    }
}
