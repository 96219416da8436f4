using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>Who this kernel is.</summary>
internal static class KernelInfo
{
    /// <summary>The name under which .NET Interactive installs its kernel, so that notebooks open unchanged in either.</summary>
    public const string SpecName = ".net-csharp", DisplayName = ".NET (C#)", Language = "C#";

    private static string Version { get; } = typeof(KernelInfo).Assembly.GetName().Version!.ToString(3);

    public static JsonObject Reply() => new()
    {
        ["status"] = "ok",
        ["protocol_version"] = Wire.ProtocolVersion,
        ["implementation"] = "selm-notebooks",
        ["implementation_version"] = Version,
        ["language_info"] = new JsonObject
        {
            ["name"] = "polyglot-notebook",
            ["version"] = "14.0",
            ["mimetype"] = "text/x-csharp",
            ["file_extension"] = ".cs",
            ["pygments_lexer"] = "csharp",
            ["codemirror_mode"] = "text/x-csharp",
        },
        ["banner"] = $"C# 14 on .NET {Environment.Version}, selm-notebooks {Version}",
        ["help_links"] = new JsonArray(),
    };

    /// <summary>What kernel.json says.</summary>
    public static JsonObject Spec(IEnumerable<string> command) => new()
    {
        ["argv"] = new JsonArray([.. command.Select(word => JsonValue.Create(word)), "kernel", "{connection_file}"]),
        ["display_name"] = DisplayName,
        ["language"] = Language,
        ["interrupt_mode"] = "message",
    };
}
