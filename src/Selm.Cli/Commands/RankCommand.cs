using System.CommandLine;
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm rank</c>: scores and ranks of candidate answers.</summary>
internal static class RankCommand
{
    public static Command Create()
    {
        var ranker = Values.Text("--ranker", "pairrm:DIR|rm:DIR|oracle:lab|oracle:lab-noisy:SEED", "Who ranks");
        var adapter = Values.OptionalText("--adapter", "DIR", "A LoRA adapter of the reward model in PEFT's format");
        var input = Values.Text("--input", "F.jsonl", "Rows of a prompt and its candidates");
        var output = Values.Text("--output", "G.jsonl", "The same rows with scores and ranks");
        var batch = Values.Whole("--batch-size", "B", "Rows collated together, in the order of the file", RankFile.DefaultBatchSize, least: 1);
        var device = Devices.Option();
        var command = new CliCommand(
            "rank",
            "Ranks candidate answers to prompts.",
            [
                "selm rank --ranker pairrm:demo/ranker --input candidates.jsonl --output ranked.jsonl",
                "selm rank --ranker rm:models/reward --input candidates.jsonl --output ranked.jsonl --device cuda",
                "selm rank --ranker rm:models/reward --adapter models/reward-lora --input candidates.jsonl --output ranked.jsonl",
            ],
            """
            Input rows:  {"prompt": "..", "candidates": ["..", ".."]}, or a chat: {"messages": [..], "candidates": [..]}
            Output rows: the same plus {"scores": [..], "ranks": [..]}; higher scores are better, rank 1 is best, ties share the lower rank
            oracle:lab scores by the lab's true reward; oracle:lab-noisy:SEED adds Gumbel noise, so that the best of two is a
            Bradley-Terry draw. The noise hangs on the seed, the prompt and its candidates, not on the order of the rows.
            """)
        {
            ranker, adapter, input, output, batch, device,
        };
        command.SetAction(parsed =>
        {
            var opened = Rankers.Open(parsed.GetRequiredValue(ranker), DeviceName.Parse(parsed.GetRequiredValue(device)), parsed.GetValue(adapter));
            using var owned = opened as IDisposable;
            var path = parsed.GetRequiredValue(output);
            var rows = ProgressView.Run(progress => RankFile.Run(
                parsed.GetRequiredValue(input), path, opened, parsed.GetValue(batch), new Rows(progress)));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }

    private sealed class Rows(IProgress<StepProgress> progress) : IProgress<int>
    {
        public void Report(int value) => progress.Report(new StepProgress("rank", value, 0));
    }
}
