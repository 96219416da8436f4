using System.CommandLine;
using Selm.Research.Objectives;

namespace Selm.Cli.Commands;

/// <summary><c>selm loss</c>: a loss, its rewards and its gradients for rows of log-probabilities.</summary>
internal static class LossCommand
{
    public static Command Create()
    {
        var kind = Values.Text("--kind", "NAME", $"The loss: {string.Join(", ", PreferenceLosses.Names)}", "selm");
        var beta = Values.Number("--beta", "B", "Strength of the KL term (SPIN's lambda, DNO's eta, the inverse of SPPO's eta)", 0.01);
        var alpha = Values.Number("--alpha", "A", "Strength of optimism in selm, xpo and vpo", 0.001);
        var smoothing = Values.Number("--label-smoothing", "E", "Assumed share of swapped labels in dpo and robust", 0);
        var input = Values.Text("--input", "F.jsonl", "Rows of summed log-probabilities in nats");
        var output = Values.Text("--output", "G.jsonl", "The same rows with loss, rewards and gradients");
        var command = new CliCommand(
            "loss",
            "Computes a preference loss with rewards and gradients for rows of log-probabilities.",
            [
                "selm loss --kind selm --beta 0.1 --alpha 0.001 --input logps.jsonl --output losses.jsonl",
                "selm loss --kind dpo --beta 0.01 --label-smoothing 0.1 --input logps.jsonl --output losses.jsonl",
            ],
            """
            Input rows:  {"policy_chosen", "policy_rejected", "policy_reference", "ref_chosen", "ref_rejected", "ref_reference"},
                         sums in nats; what a loss does not use may be missing, ipo-means also needs chosen_length, rejected_length
            Output rows: the same plus {"loss", "chosen_reward", "rejected_reward", "grad_policy_chosen", ...}
            """)
        {
            kind, beta, alpha, smoothing, input, output,
        };
        command.SetAction(parsed =>
        {
            var loss = PreferenceLosses.Parse(
                parsed.GetRequiredValue(kind), parsed.GetValue(beta), parsed.GetValue(alpha), parsed.GetValue(smoothing));
            var path = parsed.GetRequiredValue(output);
            var rows = LossFile.Run(parsed.GetRequiredValue(input), path, loss);
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
