using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Selm.Cli;

/// <summary>Options by kind, with numbers that are read in one way everywhere and errors that say what was expected.</summary>
internal static class Values
{
    public static Option<string> Text(string name, string placeholder, string description, string? otherwise = null)
    {
        var option = new Option<string>(name) { Description = description, HelpName = placeholder, Required = otherwise is null };
        if (otherwise is not null)
        {
            option.DefaultValueFactory = _ => otherwise;
        }
        return option;
    }

    public static Option<string?> OptionalText(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder };

    public static Option<double> Number(string name, string placeholder, string description, double otherwise) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => double.TryParse(Token(result), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : Refuse<double>(result, name, "a number such as 0.1 or 5e-7"),
    };

    public static Option<int> Whole(string name, string placeholder, string description, int otherwise, int least = 0) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => int.TryParse(Token(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least
            ? value
            : Refuse<int>(result, name, $"a whole number, at least {least}"),
    };

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    public static Option<bool> Json() => Switch("--json", "Print one JSON object for other programs");

    public static Argument<string> Folder(string name, string description) => new(name) { Description = description };

    private static string Token(ArgumentResult result) => result.Tokens[0].Value;

    public static T? Refuse<T>(ArgumentResult result, string name, string expected)
    {
        result.AddError($"{name} must be {expected} but is '{Token(result)}'");
        return default;
    }
}
