using System.Text.RegularExpressions;

namespace Selm.Cli.Tests;

public partial class CommandLineTests
{
    [Fact]
    public void the_first_help_lists_the_commands_and_examples()
    {
        var help = SelmProcess.Run("--help");

        Assert.Equal(0, help.Code);
        Assert.Equal("", help.Error);
        Assert.Contains("Examples:\n  selm doctor", help.Out, StringComparison.Ordinal);
        Assert.NotEmpty(Commands());
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void the_help_of_a_command_ends_in_examples_that_use_only_options_it_has(string command)
    {
        var help = SelmProcess.Run([.. command.Split(' '), "--help"]);

        Assert.Equal(0, help.Code);
        var (options, examples) = help.Out.Split("Examples:\n") is [var before, var after] ? (before, after) : (help.Out, "");
        var lines = examples.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.StartsWith($"  selm {command}", line, StringComparison.Ordinal));
        if (help.Out.Contains("\nCommands:\n", StringComparison.Ordinal))
        {
            return; // a group: its examples are those of its commands, each looked at by itself
        }
        Assert.All(OptionName().Matches(examples).Select(match => match.Value), name => Assert.Contains($"  {name}", options, StringComparison.Ordinal));
    }

    [Fact]
    public void no_command_shows_the_help_and_is_no_success()
    {
        var nothing = SelmProcess.Run();

        Assert.Equal(2, nothing.Code);
        Assert.Contains("Usage:", nothing.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void the_version_is_one_line() =>
        Assert.Matches(@"^selm \d+\.\d+\.\d+( \([0-9a-f]{12}\))?\n$", SelmProcess.Run("--version").Out);

    [Theory]
    [InlineData("selm has no command 'stauts'; did you mean 'status'? (selm --help lists them.)", "stauts", "DIR")]
    [InlineData("selm loss has no option '--inptu'; did you mean '--input'? (selm loss --help lists them.)", "loss", "--inptu", "x")]
    [InlineData("selm loss has no option '--inp'; did you mean '--input'? (selm loss --help lists them.)", "loss", "--inp", "x")]
    [InlineData("selm loss has no option '--label_smoothing'; did you mean '--label-smoothing'? (selm loss --help lists them.)", "loss", "--label_smoothing", "x")]
    [InlineData("selm notebooks has no command 'rnu'; did you mean 'run'? (selm notebooks --help lists them.)", "notebooks", "rnu")]
    [InlineData("selm notebooks has no command 'instal-kernel'; did you mean 'install-kernel'? (selm notebooks --help lists them.)", "notebooks", "instal-kernel", "--prefix", "x")]
    [InlineData("selm sweep has no command 'stauts'; did you mean 'status'? (selm sweep --help lists them.)", "sweep", "stauts", "DIR")]
    [InlineData("selm status has no option '--jsn'; did you mean '--json'? (selm status --help lists them.)", "status", "--jsn", "x")]
    [InlineData("selm reproduce has no option '--sedes'; did you mean '--seeds'? (selm reproduce --help lists them.)", "reproduce", "--sedes", "3")]
    [InlineData("The loss's alpha is -3 but must be at least 0; correct it.", "loss", "--alpha", "-3", "--input", "x", "--output", "y")]
    [InlineData("selm loss needs --input; selm loss --help shows examples.", "loss", "--output", "x")]
    [InlineData("selm loss --output needs a value; selm loss --help shows examples.", "loss", "--input", "x", "--output")]
    [InlineData("--beta must be a number such as 0.1 or 5e-7 but is '0,1'; selm loss --help shows examples.", "loss", "--input", "x", "--output", "y", "--beta", "0,1")]
    [InlineData("--beta must be a number such as 0.1 or 5e-7 but is 'NaN'; selm loss --help shows examples.", "loss", "--input", "x", "--output", "y", "--beta", "NaN")]
    [InlineData("--n must be a whole number, at least 1 but is '0'; selm show --help shows examples.", "show", "x", "--n", "0")]
    [InlineData("selm status needs DIR; selm status --help shows examples.", "status")]
    [InlineData("selm status does not know what to do with 'b'; selm status --help shows examples.", "status", "a", "b")]
    public void a_command_line_that_makes_no_sense_is_answered_in_one_sentence(string sentence, params string[] arguments) =>
        SelmProcess.Run(arguments).Refused(sentence);

    public static TheoryData<string> Commands()
    {
        return [.. Listed("--help"), .. Listed("evaluate", "--help").Select(name => $"evaluate {name}"), .. Listed("sweep", "--help").Select(name => $"sweep {name}")];

        static IEnumerable<string> Listed(params string[] help) =>
            CommandName().Matches(SelmProcess.Run(help).Out.Split("Commands:\n")[1].Split("\n\n")[0]).Select(match => match.Groups[1].Value);
    }

    [GeneratedRegex(@"^  ([a-z][a-z0-9-]*)", RegexOptions.Multiline)]
    private static partial Regex CommandName();

    [GeneratedRegex("--[a-z][a-z-]*")]
    private static partial Regex OptionName();
}
