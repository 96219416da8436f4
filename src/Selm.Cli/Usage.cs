using System.CommandLine;
using System.CommandLine.Parsing;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>One sentence for a command line that cannot be understood.</summary>
internal static class Usage
{
    /// <summary>What is wrong with a command line, or null.</summary>
    public static string? Problem(ParseResult parsed)
    {
        var path = PathOf(parsed.CommandResult);
        return (Swallowed(parsed) ?? (parsed.UnmatchedTokens is [var first, ..] ? first : null)) is { } unknown ? Unknown(parsed, path, unknown)
            : parsed.Errors is [var error, ..] ? Other(error, path)
            : null;
    }

    // An option that the command does not have becomes a value where the command takes some: 'selm status --jsn DIR'.
    private static string? Swallowed(ParseResult parsed) => parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal))?.Value;

    private static string Unknown(ParseResult parsed, string path, string token)
    {
        var command = parsed.CommandResult.Command;
        if (token.StartsWith('-'))
        {
            var names = OptionsOf(parsed.CommandResult).ToList();
            return $"{path} has no option '{token}'; did you mean '{Nearest(token, names)}'? ({path} --help lists them.)";
        }
        if (command.Subcommands.Count > 0)
        {
            // A command that also takes a file takes a mistyped subcommand for it.
            var file = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).FirstOrDefault()?.Value;
            token = file is null || Path.HasExtension(file) ? token : file;
            var nearest = Nearest(token, command.Subcommands.Select(sub => sub.Name));
            return $"{path} has no command '{token}'; did you mean '{nearest}'? ({path} --help lists them.)";
        }
        return $"{path} does not know what to do with '{token}'; {path} --help shows examples.";
    }

    // The rest of a word that was begun is likelier than another word of the same length.
    private static string? Nearest(string token, IEnumerable<string> names) =>
        names.FirstOrDefault(name => name.StartsWith(token, StringComparison.OrdinalIgnoreCase)) ?? NearestName.Of(token, names);

    private static string Other(ParseError error, string path) => error.SymbolResult switch
    {
        OptionResult { Implicit: false, Tokens.Count: 0 } option when option.Option.Arity.MinimumNumberOfValues > 0 =>
            $"{path} {option.Option.Name} needs a value; {path} --help shows examples.",
        ArgumentResult { Tokens.Count: 0, Parent: CommandResult } argument =>
            $"{path} needs {argument.Argument.Name}; {path} --help shows examples.",
        CommandResult command when MissingOption(command) is { } missing =>
            $"{path} needs {missing}; {path} --help shows examples.",
        OptionResult { Tokens.Count: 0 } option =>
            $"{path} needs {option.Option.Name}; {path} --help shows examples.",
        _ => $"{error.Message.TrimEnd('.')}; {path} --help shows examples.",
    };

    private static string? MissingOption(CommandResult command) =>
        command.Command.Options.FirstOrDefault(option => option.Required && command.GetResult(option) is null or { Implicit: true })?.Name;

    private static IEnumerable<string> OptionsOf(CommandResult? command)
    {
        for (var own = true; command is not null; command = command.Parent as CommandResult, own = false)
        {
            foreach (var option in command.Command.Options.Where(option => own || option.Recursive))
            {
                yield return option.Name;
            }
        }
    }

    private static string PathOf(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{PathOf(parent)} {command.Command.Name}" : "selm";
}
