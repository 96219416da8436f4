using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>A saved folder has the code that its auto_map names, or no auto_map.</summary>
public class ModelCodeTests
{
    private const string Map = """{"AutoConfig":"configuration_tiny.TinyConfig","AutoModelForCausalLM":"modeling_tiny.TinyForCausalLM"}""";

    [Fact]
    public void code_files_are_copied_with_their_neighbours()
    {
        using var source = Make("configuration_tiny.py", "modeling_tiny.py", "helpers.py");
        using var target = new TempFolder();
        Save(source.Root, target.Root);
        Assert.Equal(["config.json", "configuration_tiny.py", "helpers.py", "model.safetensors", "modeling_tiny.py"], target.Names());
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Map), Config(target)["auto_map"]));
        Assert.Empty(ModelCode.Missing(target.Root));
        Assert.Equal(File.ReadAllText(source.Place("modeling_tiny.py")), File.ReadAllText(target.File("modeling_tiny.py")));
    }

    [Fact]
    public void without_its_code_the_map_goes_and_the_missing_file_is_named()
    {
        using var source = Make("configuration_tiny.py");
        using var target = new TempFolder();
        Save(source.Root, target.Root);
        Assert.False(Config(target).ContainsKey("auto_map"));
        Assert.Equal(["modeling_tiny.py"], ModelCode.Missing(source.Root));
    }

    [Fact]
    public void code_on_the_hub_needs_no_copy_and_code_that_nothing_names_is_left()
    {
        using var source = new TinyFiles(config: json => json["auto_map"] = new JsonObject { ["AutoConfig"] = "someone/tiny--configuration_tiny.TinyConfig" });
        source.Write("notes.py", "1");
        using var target = new TempFolder();
        Save(source.Root, target.Root);
        Assert.True(Config(target).ContainsKey("auto_map"));
        Assert.Equal(["config.json", "model.safetensors"], target.Names());
    }

    private static TinyFiles Make(params string[] code)
    {
        var files = new TinyFiles(config: json => json["auto_map"] = JsonNode.Parse(Map));
        foreach (var name in code)
        {
            files.Write(name, $"# {name}\n");
        }
        return files;
    }

    private static void Save(string from, string to)
    {
        using var model = ModelFolder.Load(from);
        model.Save(to);
    }

    private static JsonObject Config(TempFolder folder) => JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
}
