using System.CommandLine;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate</c>: the paper's benchmarks, and what a difference between two results is worth.</summary>
internal static class EvaluateCommand
{
    public static Command Create() => new CliCommand(
        "evaluate",
        "Runs and scores the paper's benchmarks from their public files.",
        [
            "selm evaluate alpaca-eval --annotations annotations.json --difficulty difficulty.csv --gamed gamed.csv --json",
            "selm evaluate multiple-choice --task hellaswag --model demo/model --input hellaswag_val.jsonl --out data/runs/evaluation",
            "selm evaluate compare ours.items.jsonl theirs.items.jsonl",
            "selm evaluate report data/runs/evaluation",
        ])
    {
        EvaluateAlpacaCommand.Create(),
        EvaluateAcademicCommands.MultipleChoice(),
        EvaluateAcademicCommands.Gsm8k(),
        EvaluateAcademicCommands.EqBench(),
        EvaluateJudgedCommands.MtBench(),
        EvaluateJudgedCommands.Answers(),
        EvaluateJudgedCommands.Judge(),
        EvaluatePolicyCommands.RewardDistribution(),
        EvaluatePolicyCommands.ImplicitReward(),
        EvaluateCompareCommands.WinRate(),
        EvaluateCompareCommands.Compare(),
        EvaluateCompareCommands.Report(),
    };
}
