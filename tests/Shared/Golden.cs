using System.Text.Json;

namespace Selm.Tests;

/// <summary>
/// Finds golden data: computed fixtures live in <c>tests/golden</c>; data that originates in public
/// repositories is read from <c>SELM_FIXTURES</c> (default <c>../shared/fixtures</c>) when it is there.
/// </summary>
public static class Golden
{
    /// <summary>The root of the checkout: the folder that holds Selm.Research.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The full path of a file or folder of tests/golden.</summary>
    public static string Path(params string[] parts) =>
        System.IO.Path.Combine([Root, "tests", "golden", .. parts]);

    /// <summary>The folder of fixtures outside the project, or null where it is absent.</summary>
    public static string? Outside(params string[] parts)
    {
        var root = Environment.GetEnvironmentVariable("SELM_FIXTURES")
            ?? System.IO.Path.Combine(Root, "..", "shared", "fixtures");
        var path = System.IO.Path.Combine([root, .. parts]);
        return Directory.Exists(path) || File.Exists(path) ? path : null;
    }

    /// <summary>A golden JSON file, parsed.</summary>
    public static JsonElement Json(params string[] parts) =>
        JsonDocument.Parse(File.ReadAllBytes(Path(parts))).RootElement;

    /// <summary>A number of a golden file, in which NaN and infinities are strings.</summary>
    public static double Number(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString() switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            var other => throw new InvalidDataException($"'{other}' is not a number"),
        },
        _ => element.GetDouble(),
    };

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Selm.Research.sln")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException($"no Selm.Research.sln above {AppContext.BaseDirectory}");
    }
}
