using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Objectives;

/// <summary>A number that an objective takes.</summary>
/// <param name="Name">Its name in recipes and after <c>--set</c>, in snake_case.</param>
/// <param name="Default">What it is where nothing is said.</param>
/// <param name="Range">The range in words, to follow "must be".</param>
/// <param name="Holds">Whether a finite number is in that range.</param>
/// <param name="Meaning">What it does, in a few words.</param>
public sealed record LossParameter(string Name, double Default, string Range, Func<double, bool> Holds, string Meaning)
{
    /// <summary>A number above 0.</summary>
    public static LossParameter Positive(string name, double otherwise, string meaning) =>
        new(name, otherwise, "above 0", static value => value > 0, meaning);

    /// <summary>A number from 0.</summary>
    public static LossParameter FromZero(string name, double otherwise, string meaning) =>
        new(name, otherwise, "at least 0", static value => value >= 0, meaning);

    /// <summary>A share of flipped labels.</summary>
    public static LossParameter BelowHalf(string name, double otherwise, string meaning) =>
        new(name, otherwise, "at least 0 and below 0.5", static value => value is >= 0 and < 0.5, meaning);

    /// <summary>A probability.</summary>
    public static LossParameter Probability(string name, double otherwise, string meaning) =>
        new(name, otherwise, "from 0 to 1", static value => value is >= 0 and <= 1, meaning);

    /// <summary>"beta 0.01".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} {Default}");
}

/// <summary>
/// An objective as the kit lists it: what it is called, what it takes, what it minimises and where it comes from. The
/// command line, recipes, help and tests read nothing else. README.md in this folder shows how to add one.
/// </summary>
/// <param name="Name">Its name as <c>--kind</c> and <c>loss.kind</c>, in kebab-case.</param>
/// <param name="Formula">What is minimised, in one line; h is the margin of the log-ratios of y_w and y_l.</param>
/// <param name="Source">Where it was published.</param>
/// <param name="Parameters">The numbers it takes.</param>
/// <param name="Create">The loss of given numbers: every parameter by name, all in range.</param>
public sealed record Objective(
    string Name, string Formula, string Source, IReadOnlyList<LossParameter> Parameters, Func<IReadOnlyDictionary<string, double>, IPreferenceLoss> Create)
{
    /// <summary>What it uses with its default numbers.</summary>
    public LossInputs Needs => With().Needs;

    /// <summary>The parameter of that name, or null.</summary>
    public LossParameter? Parameter(string name) => Parameters.FirstOrDefault(parameter => parameter.Name == name);

    /// <summary>The loss with some numbers given and the defaults for the rest.</summary>
    /// <param name="given">Parameters by name.</param>
    /// <exception cref="InputException">A name is no parameter of it (names the nearest) or a number is outside its range.</exception>
    public IPreferenceLoss With(params IEnumerable<(string Name, double Value)> given)
    {
        var numbers = Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Default);
        foreach (var (name, value) in given)
        {
            if (Problem(name, value) is { } problem)
            {
                throw new InputException(problem.StartsWith("must", StringComparison.Ordinal)
                    ? string.Create(CultureInfo.InvariantCulture, $"The loss's {name} is {value} but {problem}; correct it.")
                    : $"{name} {problem}.");
            }
            numbers[name] = value;
        }
        return Create(numbers);
    }

    /// <summary>What is wrong with a number under a name, to follow the name; null where nothing is.</summary>
    internal string? Problem(string name, double value) => Parameter(name) is { } parameter
        ? double.IsFinite(value) && parameter.Holds(value) ? null : $"must be {parameter.Range}"
        : Parameters.Count == 0 ? $"is no parameter of the loss '{Name}', which has none"
        : $"is no parameter of the loss '{Name}' (it has {string.Join(", ", Parameters.Select(p => p.Name))}); did you mean '{NearestName.Of(name, Parameters.Select(p => p.Name))}'";
}
