// Lessons start from a trained base model. It is committed (0.4 MB), so that every lesson opens in no time and says the same
// on every machine; training it takes 20 s on an idle core, and LabModels makes it again, bit for bit on the same CPU:
//   new LabModels(folder, LabLanguage.Standard, LabPreset.Standard).BaseModel(LessonModels.Seed)
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Lessons;

/// <summary>The trained models that lessons share.</summary>
public static class LessonModels
{
    /// <summary>What a lesson's set-up cell prints: versions, and the device where libtorch computes.</summary>
    /// <param name="device">The lesson's parameter; null for a lesson that counts and needs no libtorch, which then is not loaded.</param>
    public static string About(string? device = null) => $"Selm.Research {typeof(LessonModels).Assembly.GetName().Version}, {(device is null ? "no libtorch used" : Torch(device))}";

    /// <summary>Seed of the base model: a development seed, which no reported cell has.</summary>
    public const ulong Seed = 100;

    /// <summary>
    /// The folder of the base model of the lab language: config.json, weights, tokenizer, and training.json, which says how it
    /// was made (the lab's full supervised fine-tuning) and what its greedy answers were worth.
    /// </summary>
    /// <exception cref="InputException">The checkout lacks data/lessons/base.</exception>
    public static string BaseFolder => KitFolder.Find(Path.Combine("data", "lessons", "base"));

    /// <summary>The base model, a copy of the caller's own.</summary>
    /// <param name="device">A lesson's parameter: cpu, cuda or cuda:N.</param>
    /// <exception cref="InputException">The checkout lacks data/lessons/base, a file of it is broken, or there is no such device.</exception>
    public static Llama Base(string device = "cpu") => LlamaWeights.Load(BaseFolder, device: DeviceName.Parse(device));

    // A method of its own, so that lessons without libtorch need none.
    private static string Torch(string device) => $"libtorch {torch.__version__}, device {device}";
}
