using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>A golden checkpoint with changes, in a folder that goes away with the test.</summary>
internal sealed class TinyFiles : IDisposable
{
    private readonly TempFolder folder = new();

    /// <summary>Copies a golden model; the two functions may change its config and its tensors.</summary>
    public TinyFiles(string golden = "llama-gqa-untied", Action<JsonObject>? config = null, Action<Dictionary<string, Tensor>>? weights = null)
    {
        var json = JsonNode.Parse(File.ReadAllText(Golden.Path("hf-models", golden, "config.json")))!.AsObject();
        config?.Invoke(json);
        folder.Write("config.json", json.ToJsonString());
        using var scope = NewDisposeScope();
        using var source = SafetensorsFolder.Open(Golden.Path("hf-models", golden));
        var tensors = source.Names.ToDictionary(name => name, name => source.Read(name));
        weights?.Invoke(tensors);
        SafetensorsWriter.WriteFolder(folder.Root, [.. tensors.Select(t => (t.Key, t.Value))]);
    }

    public string Root => folder.Root;

    public string Place(string name) => folder.File(name);

    public string Write(string name, string text) => folder.Write(name, text);

    /// <summary>Logits of a fixed row.</summary>
    public float[] Logits() => Logits(Root);

    public static float[] Logits(string root)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = LlamaWeights.Load(root);
        using var plan = model.Plan([new SharedRow([5, 9, 31, 7, 60, 22, 41, 3, 18], [])]);
        return model.Logits(model.Hidden(plan)).data<float>().ToArray();
    }

    /// <summary>The sentence with which loading the folder as a language model is refused.</summary>
    public string Refusal() => Assert.Throws<InputException>(() => ModelFolder.Load(Root).Dispose()).Message;

    public void Dispose() => folder.Dispose();
}
