using System.Diagnostics;
using System.Text.Json;

namespace Selm.Cli.Tests;

public class LossCommandTests
{
    private const string Row =
        """{"id": "a", "policy_chosen": -10, "policy_rejected": -12, "policy_reference": -11, "ref_chosen": -10.5, "ref_rejected": -11, "ref_reference": -11.5}""";

    [Theory]
    [InlineData("C")]
    [InlineData("de_DE.UTF-8")]
    public void selm_equals_the_paper_s_formula_under_every_locale(string locale)
    {
        using var folder = new TempFolder();
        var output = folder.File("new", "out.jsonl");

        var run = SelmProcess.RunWith(
            [("LANG", locale), ("LC_ALL", locale)],
            "loss", "--kind", "selm", "--beta", "0.1", "--alpha", "0.01", "--input", folder.Write("in.jsonl", Row + "\n"), "--output", output);

        Assert.Equal((0, "", $"{output}: 1 rows\n"), (run.Code, run.Out, run.Error));
        var row = JsonDocument.Parse(File.ReadAllText(output)).RootElement;
        Assert.Equal("a", row.GetProperty("id").GetString());
        // margin = 0.1 ((-10 + 10.5) - (-12 + 11)) = 0.15; y adds alpha beta (-11 + 11.5) = 0.001 * 0.5
        Assert.Equal(Math.Log(1 + Math.Exp(-0.15)) + (0.001 * 0.5), row.GetProperty("loss").GetDouble(), 1e-12);
        Assert.Equal(0.05, row.GetProperty("chosen_reward").GetDouble(), 1e-12);
    }

    [Fact]
    public void any_parameter_is_set_by_name_and_help_lists_them()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"policy_chosen": -6, "policy_rejected": -12, "ref_chosen": -5, "ref_rejected": -11, "chosen_length": 3, "rejected_length": 4}""");
        var output = folder.File("out.jsonl");
        double Loss(params string[] arguments)
        {
            var run = SelmProcess.Run(["loss", "--input", input, "--output", output, .. arguments]);
            Assert.Equal((0, ""), (run.Code, run.Out));
            return JsonDocument.Parse(File.ReadAllText(output)).RootElement.GetProperty("loss").GetDouble();
        }
        // h = 0, the chosen response has fallen by 1: -log sigma(-beta lambda)
        Assert.Equal(Math.Log(1 + Math.Exp(0.1 * 5)), Loss("--kind", "dpop", "--beta", "0.1", "--set", "lambda=5"), 1e-12);
        Assert.Equal(Math.Log(1 + Math.Exp(-((2 * (-6.0 / 3)) - (2 * (-12.0 / 4)) - 0.5))), Loss("--kind", "simpo", "--beta", "2", "--set", "gamma=0.5"), 1e-12);
        Assert.Equal(Math.Log(2), Loss("--kind", "dpo", "--beta", "0.1", "--alpha", "0.01"), 1e-12); // has no alpha

        SelmProcess.Run("loss", "--kind", "dpop", "--set", "lamda=5", "--input", input, "--output", output)
            .Refused("lamda is no parameter of the loss 'dpop' (it has beta, lambda); did you mean 'lambda'.");
        SelmProcess.Run("loss", "--set", "lambda", "--input", input, "--output", output)
            .Refused("--set takes a parameter and a number such as lambda=5 but is 'lambda'; correct it.");
        SelmProcess.Run("loss", "--kind", "simpo", "--input", folder.Write("bare.jsonl", """{"policy_chosen": -6, "policy_rejected": -12}"""), "--output", output)
            .Refused($"{folder.File("bare.jsonl")} line 1: the field \"chosen_length\" is missing; add it.");

        var help = SelmProcess.Run("loss", "--help").Out;
        foreach (var word in new[] { "simpo", "gamma 1", "lambda 50", "selm-means", "kto-pair", "apo-zero", "reference_length", "arXiv 2405.14734", "--set" })
        {
            Assert.Contains(word, help, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void an_output_of_a_broken_input_is_not_there_and_the_sentence_names_the_line()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", $"{Row}\n\n{{\"policy_chosen\": -1,\n");

        SelmProcess.Run("loss", "--input", input, "--output", folder.File("out.jsonl"))
            .Refused($"{input} line 3: not valid JSON at byte 21; repair or delete that line.");
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Fact]
    public void a_missing_field_is_named()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", """{"policy_chosen": -1}""");

        SelmProcess.Run("loss", "--input", input, "--output", folder.File("out.jsonl"))
            .Refused($"{input} line 1: the field \"policy_rejected\" is missing; add it.");
    }

    [Fact]
    public void an_output_below_a_file_or_in_proc_is_refused()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", Row);

        var belowFile = SelmProcess.Run("loss", "--input", input, "--output", Path.Combine(input, "out.jsonl"));
        Assert.Equal(2, belowFile.Code);
        Assert.StartsWith($"{input}/out.jsonl cannot be written: ", belowFile.Error, StringComparison.Ordinal);
        SelmProcess.Run("loss", "--input", input, "--output", "/proc/out.jsonl")
            .Refused("/proc/out.jsonl cannot be written: no file can be made in that folder; choose a folder you may write to.");
        Assert.Equal(["in.jsonl"], folder.Names());
    }

    [Fact]
    public void a_full_disk_is_told()
    {
        using var folder = new TempFolder();

        SelmProcess.Run("loss", "--input", folder.Write("in.jsonl", Row), "--output", "/dev/full")
            .Refused("/dev/full cannot be written: the disk is full; free some space or choose another disk, nothing was changed.");
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void an_interrupted_command_leaves_nothing_behind(string signal)
    {
        using var folder = new TempFolder();
        var input = folder.File("pipe");
        Process.Start("mkfifo", [input]).WaitForExit();

        var running = SelmProcess.Start([], "loss", "--input", input, "--output", folder.File("out.jsonl"));
        // Once the pipe has a reader and the output its temporary file, the command waits for rows.
        using var pipe = new StreamWriter(new FileStream(input, FileMode.Open, FileAccess.Write));
        Assert.True(SpinWait.SpinUntil(() => folder.Names().Any(name => name.StartsWith("out.jsonl.tmp-", StringComparison.Ordinal)), 10_000));
        running.Signal(signal);

        Assert.Equal(130, running.Finish().Code);
        Assert.Equal(["pipe"], folder.Names());
    }

    [Fact]
    public void a_background_job_goes_on_at_ctrl_c_and_ends_at_term()
    {
        using var folder = new TempFolder();
        var input = folder.File("pipe");
        Process.Start("mkfifo", [input]).WaitForExit();

        var running = SelmProcess.StartInBackground("loss", "--input", input, "--output", folder.File("out.jsonl"));
        using var pipe = new StreamWriter(new FileStream(input, FileMode.Open, FileAccess.Write));
        Assert.True(SpinWait.SpinUntil(() => folder.Names().Any(name => name.StartsWith("out.jsonl.tmp-", StringComparison.Ordinal)), 10_000));
        running.Signal("INT");
        Assert.False(running.Process.WaitForExit(500));
        running.Signal("TERM");

        Assert.Equal(130, running.Finish().Code);
        Assert.Equal(["pipe"], folder.Names());
    }
}
