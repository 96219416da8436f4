using System.CommandLine;
using System.Globalization;
using Selm.HuggingFace;
using Selm.Research.Objectives;

namespace Selm.Cli.Commands;

/// <summary><c>selm loss</c>: a loss, its rewards and its gradients for rows of log-probabilities.</summary>
internal static class LossCommand
{
    public static Command Create()
    {
        var kind = Values.Text("--kind", "NAME", $"The loss: {string.Join(", ", PreferenceLosses.Names)}", "selm");
        // The numbers that most losses have; one that a loss has not is ignored, so that a script may give the same to all.
        Option<double?>[] common =
        [
            Common("--beta", "B", "Strength of the KL term (SPIN's lambda, DNO's eta, the inverse of SPPO's eta)"),
            Common("--alpha", "A", "Strength of optimism in selm, xpo and vpo; losses without it ignore it"),
        ];
        var smoothing = Common("--label-smoothing", "E", "Assumed share of swapped labels in dpo and robust");
        var set = new Option<string[]>("--set") { Description = "Any parameter of the loss, such as --set lambda=5; may be repeated", HelpName = "NAME=VALUE" };
        var input = Values.Text("--input", "F.jsonl", "Rows of summed log-probabilities in nats");
        var output = Values.Text("--output", "G.jsonl", "The same rows with loss, rewards and gradients");
        var command = new CliCommand(
            "loss",
            "Computes a preference loss with rewards and gradients for rows of log-probabilities.",
            [
                "selm loss --kind selm --beta 0.1 --alpha 0.001 --input logps.jsonl --output losses.jsonl",
                "selm loss --kind dpo --beta 0.01 --label-smoothing 0.1 --input logps.jsonl --output losses.jsonl",
                "selm loss --kind simpo --set gamma=0.5 --input logps.jsonl --output losses.jsonl",
            ],
            $$"""
            Input rows:  {"policy_chosen", "policy_rejected", "policy_reference", "ref_chosen", "ref_rejected", "ref_reference"},
                         sums in nats, and "chosen_length", "rejected_length", "reference_length", tokens; what a loss does not
                         use may be missing. kto-pair takes the whole file as one batch.
            Output rows: the same plus {"loss", "chosen_reward", "rejected_reward", "grad_policy_chosen", ...}

            Losses with their parameters and defaults (h: the margin of the log-ratios of y_w and y_l):
            {{string.Join('\n', PreferenceLosses.All.SelectMany(Describe))}}
            """)
        {
            kind, common[0], common[1], smoothing, set, input, output,
        };
        command.SetAction(parsed =>
        {
            var objective = PreferenceLosses.Find(parsed.GetRequiredValue(kind));
            var given = common.Where(option => parsed.GetValue(option) is not null && objective.Parameter(option.Name[2..]) is not null)
                .Select(option => (option.Name[2..], parsed.GetValue(option)!.Value)).ToList();
            if (parsed.GetValue(smoothing) is { } epsilon && (epsilon != 0 || objective.Parameter("label_smoothing") is not null))
            {
                given.Add(("label_smoothing", epsilon));
            }
            given.AddRange((parsed.GetValue(set) ?? []).Select(Assignment));
            var path = parsed.GetRequiredValue(output);
            var rows = LossFile.Run(parsed.GetRequiredValue(input), path, objective.With(given));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static IEnumerable<string> Describe(Objective objective) =>
    [
        $"  {objective.Name,-20}{objective.Formula}",
        $"  {"",-20}{objective.Source}{(Fields(objective.Needs) is { Length: > 0 } fields ? $"; reads {fields}" : "")}",
        .. objective.Parameters.Select(parameter => $"  {"",-20}- {parameter}, {parameter.Range}: {parameter.Meaning}"),
    ];

    private static string Fields(LossInputs needs) => string.Join(", ", new[]
    {
        (LossInputs.PolicySample, "policy_reference"), (LossInputs.ReferencePair, "ref_chosen, ref_rejected"), (LossInputs.RefSample, "ref_reference"),
        (LossInputs.Lengths, "chosen_length, rejected_length"), (LossInputs.SampleLength, "reference_length"),
    }.Where(field => needs.HasFlag(field.Item1)).Select(field => field.Item2));

    private static (string Name, double Value) Assignment(string text) =>
        text.Split('=', 2) is [var name, var number]
        && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? (name.Trim().Replace('-', '_'), value)
            : throw new InputException($"--set takes a parameter and a number such as lambda=5 but is '{text}'; correct it.");

    private static Option<double?> Common(string name, string placeholder, string description) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        CustomParser = result => double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : Values.Refuse<double?>(result, name, "a number such as 0.1 or 5e-7"),
    };
}
