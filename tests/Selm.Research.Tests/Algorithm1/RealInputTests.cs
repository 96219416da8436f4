using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>The main job on real judged pairs, with a real tokenizer's form and PairRM's own model form as ranker.</summary>
public sealed class RealInputTests(ITestOutputHelper output) : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("selm-real-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [SkippableFact]
    public void two_selm_iterations_run_on_100_real_judged_pairs()
    {
        var pairs = Golden.Outside("benchmark-samples", "alpaca_eval_preference_pairs_100.jsonl");
        Skip.If(pairs is null, "the folder of public benchmark samples is not there");
        var model = WriteModel();
        var recipe = new Recipe
        {
            Name = "real-input", Base = model, Ranker = "pairrm", Datasets = [pairs], Iterations = 2, Portions = 2, FirstIterationIsDpo = false,
            Loss = new() { Kind = "selm", Beta = 0.1, Alpha = 0.001 }, MaxLength = 96, MaxPromptLength = 48, MaxNewTokens = 24,
            BatchSize = 10, GradientAccumulation = 1, Epochs = 4, Optimizer = new() { LearningRate = 2e-3 }, EvalFraction = 0.1, EvalEvery = 5, Seed = 11,
        };
        var run = Path.Combine(root, "run");
        using var ranker = PairRmRanker.Load(Golden.Path("hf-models", "pairrm"));
        var answers = SelmRun.Run(new(recipe, run), _ => ranker);

        var rows = Jsonl.Read(Path.Combine(run, "metrics.jsonl")).ToArray();
        Assert.All(rows, row => Assert.True(double.IsFinite(row.Number("loss"))));
        for (var iteration = 0; iteration < 2; iteration++)
        {
            var of = rows.Where(row => row.WholeNumber("iteration") == iteration && row.Text("phase") == "train").ToArray();
            Assert.Equal(Math.Log(2), of[0].Number("loss"), 1e-3);
            Assert.True(of[^1].Number("loss") < of[0].Number("loss"), "training lowers the loss on its own pairs");
            var records = PreferenceFile.Read(Path.Combine(run, $"iteration-{iteration}", "preferences.jsonl")).Records;
            var roles = records.GroupBy(r => r.ReferenceRole).ToDictionary(g => g.Key!.Value, g => g.Count());
            output.WriteLine($"iteration {iteration}: {records.Count} pairs, loss {of[0].Number("loss"):F4} to {of[^1].Number("loss"):F4}, accuracy {of[^1].Number("accuracy"):F2}; "
                + $"y best {roles.GetValueOrDefault(ReferenceRole.Chosen)}, middle {roles.GetValueOrDefault(ReferenceRole.Middle)}, worst {roles.GetValueOrDefault(ReferenceRole.Rejected)}");
        }
        Assert.All(answers, answer => output.WriteLine($"{answer.Prompt} | {answer.ScoreBefore:F3} -> {answer.ScoreAfter:F3}"));
        using var policy = ModelFolder.Load(Path.Combine(run, SelmRun.ResultName));
    }

    // A random Llama for the golden Llama-2-style tokenizer, with a chat template of its own.
    private string WriteModel()
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, "model")).FullName;
        File.Copy(Golden.Path("tokenizers", "hf-tokenizer-json", "sentencepiece-llama2-style", "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        const string template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(new { bos_token = "<s>", eos_token = "</s>", unk_token = "<unk>", chat_template = template }));
        var tokenizer = Tokenizer.Load(folder);
        using var llama = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = tokenizer.VocabularySize, HiddenSize = 64, IntermediateSize = 160, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 16,
            MaxPositionEmbeddings = 256, BosTokenId = tokenizer.BosId, EosTokenIds = [tokenizer.EosId!.Value], TieWordEmbeddings = true,
        });
        RandomWeights.Fill(llama, seed: 4, spread: 0.15);
        LlamaWeights.Save(llama, folder);
        return folder;
    }
}
