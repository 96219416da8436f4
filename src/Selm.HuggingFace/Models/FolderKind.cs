using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>Folders that people give as a checkpoint and that are none: each is recognised, with the step that makes one of it.</summary>
internal static class FolderKind
{
    private const string Adapter = LoraConfig.FileName;

    /// <exception cref="InputException">The folder holds an adapter and no model.</exception>
    internal static void RefuseAdapter(string folder)
    {
        if (File.Exists(Path.Combine(folder, Adapter)) && !File.Exists(Path.Combine(folder, HfConfig.FileName)))
        {
            throw OnlyAdapter(folder);
        }
    }

    /// <summary>What to say of an adapter whose base model is not at hand, or where a whole checkpoint is asked for.</summary>
    internal static InputException OnlyAdapter(string folder)
    {
        var fields = ConfigFields.Read(Path.Combine(folder, Adapter), Adapter);
        var (kind, model) = (fields.Text("peft_type") ?? "LORA", fields.Text("base_model_name_or_path") ?? "its base model");
        return new(
            $"{folder} is a {(kind == "LORA" ? "LoRA" : kind)} adapter of {model}, not a whole checkpoint; give the folder of that base model with it (--model BASE --adapter {folder}), or merge it first: selm merge --model {model} --adapter {folder} --out OUT, then give OUT.");
    }

    /// <exception cref="InputException">The folder is a reward model, given where a language model is asked for.</exception>
    internal static void RefuseReward(string folder, LlamaConfig config)
    {
        if (ArchitectureOf(config) is { } name && !name.EndsWith("ForCausalLM", StringComparison.Ordinal) && name.Contains("For", StringComparison.Ordinal))
        {
            throw new InputException($"{folder} is a {name}, not a language model; give the folder of a ...ForCausalLM{(name.EndsWith("ForSequenceClassification", StringComparison.Ordinal) ? $", and this one as a ranker (rm:{folder})" : "")}.");
        }
    }

    /// <summary>The class that config.json names first, or null.</summary>
    internal static string? ArchitectureOf(HfConfig config) => (config.Source?["architectures"] as JsonArray)?.FirstOrDefault()?.ToString();

    private static string AutoClass(string folder)
    {
        var path = Path.Combine(folder, HfConfig.FileName);
        return File.Exists(path) && ConfigFields.Read(path, HfConfig.FileName).Json["architectures"]?.ToJsonString().Contains("ForSequenceClassification", StringComparison.Ordinal) == true
            ? "AutoModelForSequenceClassification" : "AutoModelForCausalLM";
    }

    /// <summary>What to say of a folder without safetensors.</summary>
    internal static InputException WithoutWeights(string folder)
    {
        var names = Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToArray() : [];
        string? First(Predicate<string> fits) => Array.Find(names, fits);
        if (First(name => name == Adapter) is not null)
        {
            return OnlyAdapter(folder);
        }
        if (First(name => name.EndsWith(".gguf", StringComparison.Ordinal)) is { } gguf)
        {
            return new($"{Path.Combine(folder, gguf)} is a GGUF file, which the kit does not read; use the checkpoint in safetensors format that it was made from.");
        }
        if (First(name => name.StartsWith("consolidated", StringComparison.Ordinal)) is { } original)
        {
            return new(
                $"{Path.Combine(folder, original)} has the publisher's own form, with other names than Hugging Face's; use the Hugging Face form of this model (a folder with model.safetensors), or convert it with the convert_*_weights_to_hf.py script of transformers.");
        }
        if (First(name => name.EndsWith(".bin", StringComparison.Ordinal) || name.EndsWith(".pt", StringComparison.Ordinal) || name.EndsWith(".pth", StringComparison.Ordinal)) is { } pickled)
        {
            return new(
                $"{Path.Combine(folder, pickled)} is a PyTorch file, and the kit reads safetensors only; convert it once: python -c \"from transformers import {AutoClass(folder)} as M; M.from_pretrained('{folder}', torch_dtype='auto').save_pretrained('OUT', safe_serialization=True)\" and copy the tokenizer's files to OUT.");
        }
        return new($"{folder} holds neither {SafetensorsFolder.SingleName} nor {SafetensorsFolder.IndexName}; give the folder of a Hugging Face checkpoint in safetensors format.");
    }
}
