using System.IO.Compression;
using System.Text;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Algorithm1;
using Selm.Research.Claims;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Lab;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Scale;
using Selm.Research.Tests.Algorithm1;
using Selm.Research.Training;
using Selm.Tests;
using Selm.Tests.Hostile;

namespace Selm.Research.Tests.Hostile;

/// <summary>Every reader of the libraries with sound files of its kind. A new reader is one line here.</summary>
internal sealed class HostileReaders : IDisposable
{
    // Any file of the folder may be at fault: they must fit together.
    private const string AnyFile = "selm-hostile-";
    private static readonly string[] texts = ["", "Hello world, how are you? 1234", "  two  spaces\nand a line", "caf\u00e9 \u4f60\u597d \ud83d\ude00 <s>[INST]</s>", new('a', 3000)];
    private readonly TempFolder made = new();
    private readonly Lazy<string> model, adapter, run, trained;
    private readonly Lazy<ModelFolder> policy = new(LoadPolicy);

    public HostileReaders()
    {
        (model, adapter, run, trained) = (new(() => MakeModel("model")), new(MakeAdapter), new(MakeRun), new(MakeCheckpoint));
        All =
        [
            Of("safetensors", "model.safetensors", () => Files("tests/golden/hf-models/llama-bf16/model.safetensors", "tests/golden/hf-models/pairrm/model.safetensors", "tests/golden/hf-models/phi3/expected.safetensors"), ReadTensors),
            Of("safetensors index", SafetensorsFolder.IndexName, () => Beside("tests/golden/hf-models/llama-sharded"), ReadShards) with { Place = "safetensors" },
            Of("model weights", "model.safetensors", () => Beside("tests/golden/hf-models/llama-gqa-untied", "tests/golden/hf-models/qwen3-tied"), LoadModel) with { Place = AnyFile },
            Of("model config", HfConfig.FileName, () => Beside([.. ((string[])["llama-gqa-untied", "llama31-rope", "mistral-sliding", "qwen2-untied", "qwen3-tied", "phi3"]).Select(name => $"tests/golden/hf-models/{name}")]), LoadModel) with { Place = AnyFile },
            Of("encoder config", HfConfig.FileName, () => Beside("tests/golden/hf-models/deberta-v3-style", "tests/golden/hf-models/deberta-v2-conv"), LoadEncoder) with { Place = AnyFile },
            Of("pairrm config", HfConfig.FileName, () => Beside("tests/golden/hf-models/pairrm"), path => PairRm.Load(Folder(path)).Dispose()) with { Place = AnyFile },
            Of("reward config", HfConfig.FileName, () => Beside("tests/golden/hf-models/llama-reward", "tests/golden/hf-models/qwen2-reward"), path => HfConfig.Load(Folder(path))),
            Of("generation config", "generation_config.json", () => Texts(model.Value, """{"eos_token_id": [2, 3], "pad_token_id": 0, "do_sample": true}"""), path => ModelFolder.Load(Folder(path)).Dispose()),
            Of("adapter config", LoraConfig.FileName, () => Beside(adapter.Value), LoadModel) with { Place = AnyFile },
            Of("adapter weights", LoraFiles.WeightsName, () => Beside(adapter.Value), LoadModel) with { Place = AnyFile },
            Of("tokenizer json", "tokenizer.json", () => [.. Beside([.. ((string[])["byte-level-gpt2-style", "byte-level-llama3-style", "sentencepiece-llama2-style"]).Select(name => $"tests/golden/tokenizers/hf-tokenizer-json/{name}")]), .. Families()], UseTokenizer),
            Of("tokenizer config", "tokenizer_config.json", () => Beside(DemoModel()), path => UseTokenizer(Folder(path))) with { Place = "token" },
            Of("added tokens", "added_tokens.json", () => Texts(DemoModel(), """{"<a>": 400, "<b>": 401}"""), path => UseTokenizer(Folder(path))),
            Of("sentencepiece", "tokenizer.model", () => Files([.. Directory.GetFiles(Golden.Path("tokenizers", "sentencepiece"), "*.model").Order(StringComparer.Ordinal)]), UseTokenizer),
            Of("deberta tokenizer", "spm.model", () => Beside(DemoRanker()), UseTokenizer) with { Place = AnyFile },
            Of("tiktoken", "ranks.tiktoken", () => Texts(null, string.Join('\n', Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}").Append("aGU= 256").Append("aGVs 257"))), path => Use(TiktokenFile.Load(path, "\\w+|\\W", new Dictionary<string, int> { ["<e>"] = 300 }))),
            Of("chat template", "chat_template.jinja", Templates, Render) with { Place = "hat template" },
            Of("pairs jsonl", "pairs.jsonl", () => [.. Texts(null, string.Concat(File.ReadLines(Pairs).Take(20).Select(line => line + "\n")), Shapes), .. Texts(null, [.. Shapes.Split('\n')])], path => PreferenceFile.Read(path)),
            Of("pairs list", "pairs.json", () => Texts(null, $"[{string.Join(",\n", Shapes.Split('\n'))}]", $"[{Shapes.Split('\n')[0]}]"), path => PreferenceFile.Read(path)),
            Of("pairs gzip", "pairs.jsonl.gz", () => [Zipped(Shapes), Zipped($"[{Shapes.Split('\n')[0]}]"), Zipped(File.ReadAllText(Pairs))], path => PreferenceFile.Read(path)),
            Of("pairs csv", "pairs.csv", () => Texts(null, Csv, Csv.Replace(',', ';')), path => PreferenceFile.Read(path)),
            Of("pairs parquet", "pairs.parquet", () => Files("data/examples/lab-pairs.parquet"), path => PreferenceFile.Read(path)),
            Of("recipe", "recipe.yaml", () => Files([.. Directory.GetFiles(Path.Combine(Golden.Root, "data", "recipes"), "*.yaml").Order(StringComparer.Ordinal)]), path => Recipe.Read(path)),
            Of("claims", "claims.yaml", () => Files("data/claims.yaml"), path => ClaimRules.Read(path)),
            Of("experiment record", "figure1.json", () => Files("data/results/figure1.json", "data/results/figure2.json"), path => ExperimentRecord.Read(path)),
            Of("lab cell", "cell.json", () => Texts(null, """{"seed": 100, "alpha": 0.001, "beta": 0.1, "iterations": 3, "epochs": 1, "pairs_per_iteration": 64}"""), path => LabCellSpec.Read(path)),
            Of("judge reply", "reply.json", () => Texts(null, FakeEndpoint.Says("m", ("m", -0.1), ("M", -2.5)).Body, FakeEndpoint.Says("[[7]]").Body, FakeEndpoint.IsCutAfter("I").Body), Ask) with { Place = "http://127.0.0.1" },
            Of("judge cache", "cache.jsonl", () => Texts(null, """{"key":"a","text":"m","first_token":{"m":-0.1}}""" + "\n" + """{"key":"b","text":"[[7]]","first_token":{},"own_temperature":true}""" + "\n"), path => new JudgeCache(path).Dispose()),
            Of("reference cache", "reference-logps.bin", () => [new(File.ReadAllBytes(NumberFile()))], path => new NumberStore(path).Dispose()),
            Of("run file", "run.json", () => Beside(run.Value), OpenRun) with { Place = AnyFile },
            Of("stage file", "stages/s.json", () => [new(File.ReadAllBytes(Path.Combine(run.Value, "stages", "s.json")), run.Value)], OpenRun),
            Of("metrics", "metrics.jsonl", () => Beside(run.Value), path => { MetricsLog.Read(path); OpenRun(path); }),
            Of("checkpoint pointer", "checkpoint.json", () => Beside(trained.Value), RestoreCheckpoint) with { Place = AnyFile },
            Of("checkpoint weights", "step-3.safetensors", () => Beside(trained.Value), RestoreCheckpoint) with { Place = AnyFile },
            Of("loss rows", "rows.jsonl", () => Texts(null, """{"policy_chosen":-3.5,"policy_rejected":-4,"policy_reference":-5,"ref_chosen":-3,"ref_rejected":-4.5,"ref_reference":-5.5}"""), path => LossFile.Run(path, path + ".out", new SelmLoss(0.1, 0.01))),
            Of("rank rows", "rows.jsonl", () => Texts(null, """{"prompt":"Hi","candidates":["a","bb"],"id":7}""" + "\n" + """{"messages":[{"role":"user","content":"Hi"}],"candidates":["a","b"]}"""), path => RankFile.Run(path, path + ".out", TinyRun.Oracle())),
            Of("annotations", "annotations.json", () => Texts(null, """[{"instruction":"q","output_1":"a","output_2":"bb","preference":1.75,"generator_1":"base","generator_2":"mine"},{"instruction":"r","output_1":"a","output_2":"b","preference":1.0,"generator_1":"base","generator_2":"mine"}]"""), path => AlpacaAnnotations.Read(path)),
            Of("answers", "answers.json", () => Texts(null, """[{"instruction":"q","output":"a","generator":"mine"},{"instruction":"r","output":"b","generator":"mine"}]"""), path => AlpacaOutputs.Read(path)),
            Of("gamed table", "gamed.csv", () => Texts(DifficultyFolder(), "index,std_delta_len,preference,model,len_1\n0,0.5,0.25,base_verbose,10\n1,-0.5,1,base_verbose,20\n"), path => AlpacaTables.Read(Path.Combine(Folder(path), "difficulty.csv"), path)) with { Place = "d" },
            Of("choices", "items.jsonl", () => Texts(null, """{"id":"1","question":{"stem":"Which?","choices":[{"text":"a","label":"A"},{"text":"b","label":"B"}]},"answerKey":"A"}"""), path => ChoiceItems.Read(ChoiceTask.Arc, path)),
            Of("truthful choices", "mc_task.json", () => Texts(null, """[{"question":"Why?","mc1_targets":{"a":1,"b":0},"mc2_targets":{"a":1,"b":0,"c":1}}]"""), path => ChoiceItems.Read(ChoiceTask.TruthfulQa, path)),
            Of("gsm8k", "test.jsonl", () => Texts(null, """{"question":"2+2?","answer":"It is 4\n#### 4"}"""), path => Gsm8k.Read(path)),
            Of("mt-bench", "question.jsonl", () => Texts(null, """{"question_id":81,"category":"writing","turns":["a","b"],"reference":["c","d"]}"""), path => MtBench.Read(path)),
            Of("mt-bench grades", "grades.jsonl", () => Texts(null, """{"question_id":81,"model":"m","judge":["gpt-4","single-v1"],"turn":1,"score":7,"judgment":"[[7]]","user_prompt":"u","tstamp":1.5}"""), path => MtBench.ReadGrades(path)),
            Of("mt-bench answers", "answers.jsonl", () => Texts(null, """{"question_id":81,"model_id":"m","choices":[{"index":0,"turns":["a","b"]},{"index":1,"turns":["c","d"]}]}""" + "\n" + """{"question_id":82,"model_id":"m","choices":[{"index":0,"turns":["a","b"]}]}"""), path => MtBench.ReadAnswers(path)),
            Of("mt-bench references", "references.jsonl", () => [new(Encoding.UTF8.GetBytes("""{"question_id":101,"choices":[{"turns":["c","d"]}]}"""), QuestionFolder())], path => MtBench.Read(Path.Combine(Folder(path), "question.jsonl"), path)) with { Place = "s.jsonl" },
            Of("eq-bench", "eq.jsonl", () => Texts(null, """{"id":"1","prompt":"How?","reference_answer_fullscale":{"emotion1":"Joy","emotion1_score":7,"emotion2":"Fear","emotion2_score":"1","emotion3":"Hope","emotion3_score":3,"emotion4":"Awe","emotion4_score":0}}"""), path => EqBench.Read(path)),
            Of("scored items", "one.items.jsonl", () => Texts(null, """{"id":"1","score":1.5}""" + "\n" + """{"id":2,"score":null,"run":1}""", """{"instruction":"q","output_1":"a","output_2":"bb","preference":1.75,"generator_1":"base","generator_2":"mine"}"""), path => PairedComparison.ReadItems(path)),
            Of("implicit rewards", "implicit-rewards-m.jsonl", () => Texts(null, """{"prompt":0,"chosen":1.5,"rejected":-2,"own":0.5,"other_chosen":1,"other_rejected":2,"other_own":3,"ranker_margin":0.25}"""), path => ImplicitReward.Read(path)),
            Of("rows to answer", "rows.jsonl", () => Texts(null, """{"prompt":"Hi","id":7}""" + "\n" + """{"messages":[{"role":"user","content":"Hi"}]}""" + "\n" + """{"input_ids":[1,2]}"""), path => GenerateFile.Run(policy.Value, path, path + ".out", new SamplingOptions(MaxNewTokens: 1))),
            Of("rows to score", "rows.jsonl", () => Texts(null, """{"prompt":"Hi","response":" you"}""" + "\n" + """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}]}""" + "\n" + """{"input_ids":[1,2,3],"response_start":2}"""), path => LogprobsFile.Run(policy.Value, path, path + ".out")),
            Of("inspected data", "pairs.jsonl", () => Texts(null, Shapes, File.ReadAllText(Pairs)), path => DataInspection.Of(path)),
            Of("sweep", "sweep.yaml", () => Texts(null, "name: s\nrecipe: zephyr-selm\ngrid:\n  loss.alpha: [0, 0.001]\n  seed: [1, 2]\ncores: 2\nmemory: 2G\nslurm: {partition: gpu, time: 1:00:00, gpus: 1, extra: [--constraint=a]}\n", "name: lab\nlab: {method: selm, ranker: model}\ngrid: {seed: [100, 101], alpha: [0.001]}\n"), path => SweepSpec.Read(path)),
            Of("judge prompts", "prompts.jsonl", () => Texts(null, string.Join('\n', ((string[])["single-v1", "single-math-v1", "single-v1-multi-turn", "single-math-v1-multi-turn"]).Select(name => $$"""{"name":"{{name}}","system_prompt":"s","prompt_template":"{question}"}"""))), path => _ = new MtBenchJudge(path)),
            Of("sweep folder", "sweep.json", () => Beside(SweepFolderOf("sweep")), StatesOf) with { Place = AnyFile },
            Of("state of a cell", "cells/one/state.json", () => [new(Encoding.UTF8.GetBytes("""{"status":"failed","why":"No.","seconds":1.5,"where":"m 1","final":true}"""), SweepFolderOf("cell"))], path => StatesOf(Path.Combine(Folder(Folder(Folder(path))), "sweep.json"))),
            Of("lab result", "result.json", LabResults, ReadLabResult) with { Place = ".json" },
            Of("evaluation result", "result.json", () => Texts(null, """{"benchmark":"gsm8k","model":"m","measures":[{"name":"accuracy","value":0.5,"standard_error":0.1,"low":0.3,"high":0.7,"n":10}],"provenance":{"seed":1,"commit":"abc","utc":"2026-01-01T00:00:00Z"}}"""), path => EvaluationResult.Read(path)),
        ];
    }

    /// <summary>The table.</summary>
    public IReadOnlyList<HostileReader> All { get; }

    private static string Pairs => Path.Combine(Golden.Root, "data", "examples", "lab-pairs.jsonl");

    private const string Shapes = """
        {"prompt":"Hi","chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}],"rejected":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No"}],"score_chosen":8.5,"score_rejected":2,"ranks":{"chosen":1,"rejected":2,"reference":3},"reference_logps":{"chosen":-1.5,"rejected":-2}}
        {"prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}
        {"system":"s","question":"q","chosen":"a","rejected":"b"}
        {"chosen":"\n\nHuman: q\n\nAssistant: a","rejected":"\n\nHuman: q\n\nAssistant: b"}
        {"instruction":"q","output_1":"a","output_2":"b","preference":1.2}
        """;

    private const string Csv = "prompt,chosen,rejected,score_chosen\nHi,\"Hello, you\",No,1.5\n\"two\nlines\",\"[{\"\"role\"\":\"\"user\"\"}]\",b,\n";

    public void Dispose()
    {
        made.Dispose();
        if (policy.IsValueCreated)
        {
            policy.Value.Dispose();
        }
    }

    private static HostileReader Of(string name, string file, Func<IReadOnlyList<Sound>> corpus, Action<string> read) => new(name, file, corpus, read) { IsRefusal = e => e is InputException };

    private static string Folder(string path) => Path.GetDirectoryName(path)!;

    private static Sound[] Files(params string[] paths) => [.. paths.Select(path => new Sound(File.ReadAllBytes(Path.Combine(Golden.Root, path))))];

    // The file of a row in each folder, with what lies beside it; which file it is, the row says.
    private static Sound[] Beside(params string[] folders) => [.. folders.Select(folder => new Sound(null, Path.Combine(Golden.Root, folder)))];

    private static Sound[] Texts(string? folder, params string[] contents) => [.. contents.Select(text => new Sound(Encoding.UTF8.GetBytes(text), folder))];

    private static void ReadTensors(string path)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(path);
        foreach (var name in file.Names)
        {
            file.Read(name);
        }
    }

    private static void ReadShards(string path)
    {
        using var folder = SafetensorsFolder.Open(Folder(path));
        SafetensorsFolder.WeightFiles(Folder(path));
    }

    private static ModelFolder LoadPolicy()
    {
        using var run = new TinyRun();
        return ModelFolder.Load(run.Recipe.Base!);
    }

    private static void LoadModel(string path) => ModelFolder.Load(Folder(path)).Dispose();

    private static void LoadEncoder(string path)
    {
        using var weights = SafetensorsFolder.Open(Folder(path));
        DebertaEncoder.Load(weights, DebertaConfig.Load(Folder(path)), "deberta.").Dispose();
    }

    private static void UseTokenizer(string path) => Use(Tokenizer.Load(path));

    private static void Use(Tokenizer tokenizer)
    {
        foreach (var text in texts)
        {
            tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: true));
        }
    }

    private static void Render(string path)
    {
        var template = ChatTemplate.Parse(File.ReadAllText(path), "<s>", "</s>");
        template.Render([new("system", "Be kind."), new("user", "Hi"), new("assistant", "Hello, friend"), new("user", "Bye")], true, new(2026, 1, 2));
    }

    private static Sound[] Templates() =>
    [
        .. Texts(null, [.. ChatTemplate.Names.Select(name => ChatBuiltIns.Sources[name])]),
        .. Texts(null,
            "{%- macro one(m, n=2) %}{{ m.role | upper ~ ':' ~ m['content'] | trim }}{% endmacro %}{% for m in messages if m.role != 'system' %}{{ one(m) }}{% if not loop.last %}{{ ', ' }}{% endif %}{% endfor %}",
            "{% set ns = namespace(text='', seen=[]) %}{% for i in range(10) %}{% set ns.text = ns.text ~ i %}{% set ns.seen = ns.seen + [i] %}{% endfor %}{{ ns.text }}{{ ns.seen | tojson(indent=2) }}{{ messages | map(attribute='role') | list }}",
            "{{ messages | length * 3 - 1 }}{{ messages[0].content[::-1] }}{{ 'a,b'.split(',') | join('-') }}{{ '%s is %d' % ('x', 3) }}{{ strftime_now('%d %b %Y') }}{{ {'a': [1, (2, 3)]} | tojson }}"),
    ];

    private static void Ask(string path)
    {
        using var server = new FakeEndpoint((_, _) => (200, Encoding.UTF8.GetString(File.ReadAllBytes(path))));
        using var endpoint = new ChatEndpoint(server.Url, "judge", "key", null, attempts: 1, timeout: TimeSpan.FromSeconds(20));
        endpoint.AskAsync([new("user", "m or M?")], 1, "question 1", reply => reply.Text.Length > 0, firstTokenLogprobs: true).GetAwaiter().GetResult();
        _ = endpoint.Notes;
    }

    private static void OpenRun(string path)
    {
        var root = Path.GetFileName(Folder(path)) == "stages" ? Folder(Folder(path)) : Folder(path);
        using var folder = RunFolder.Open(root, """{"name":"r"}""", new Dictionary<string, string> { ["data"] = "ab" }, new Dictionary<string, string> { ["threads"] = "1" }, allowDifferentMachine: true);
        folder.IsDone("s");
        folder.Metrics.TruncateAfter(2);
    }

    private static void RestoreCheckpoint(string path)
    {
        using var model = new Llama(Models.TinyCheckpoint.Config);
        using var update = new ParameterUpdate(model, new OptimizerRecipe());
        new Checkpoint(Folder(path)).Restore(update);
    }

    private string MakeRun()
    {
        var root = made.File("run");
        using var folder = RunFolder.Open(root, """{"name":"r"}""", new Dictionary<string, string> { ["data"] = "ab" }, new Dictionary<string, string> { ["threads"] = "1" });
        folder.Stage("s", ["a.txt"], () => File.WriteAllText(folder.PathOf("a.txt"), "a"));
        for (var step = 1; step < 4; step++)
        {
            folder.Metrics.Append(step, new { Loss = 0.5, Lr = double.NaN });
        }
        return root;
    }

    private string MakeCheckpoint()
    {
        using var model = new Llama(Models.TinyCheckpoint.Config);
        RandomWeights.Fill(model, seed: 5, spread: 0.3);
        using var update = new ParameterUpdate(model, new OptimizerRecipe());
        new Checkpoint(made.File("checkpoints")).Save(update, 3);
        return made.File("checkpoints");
    }

    private string MakeModel(string name)
    {
        using var checkpoint = new Models.TinyCheckpoint();
        Directory.CreateDirectory(made.File(name));
        foreach (var file in Directory.GetFiles(checkpoint.Root))
        {
            File.Copy(file, Path.Combine(made.File(name), Path.GetFileName(file)));
        }
        return made.File(name);
    }

    private string MakeAdapter()
    {
        MakeModel("adapter/base");
        using var folder = ModelFolder.Load(made.File("adapter", "base"));
        using var one = NewAdapter.Of(folder.Model, new AdapterRecipe { Rank = 2 }, seed: 1);
        LoraFiles.Save(one, made.File("adapter"), baseModel: "base");
        return made.File("adapter");
    }

    private string DemoModel()
    {
        DemoTokenizer.Write(made.File("demo"));
        return made.File("demo");
    }

    private string DemoRanker()
    {
        DemoTokenizer.WriteRanker(made.File("ranker"));
        return made.File("ranker");
    }

    private string DifficultyFolder()
    {
        Directory.CreateDirectory(made.File("tables"));
        File.WriteAllText(made.File("tables", "difficulty.csv"), "index,instruction_difficulty\n0,0.5\n1,-0.5\n");
        return made.File("tables");
    }

    private string QuestionFolder()
    {
        Directory.CreateDirectory(made.File("questions"));
        File.WriteAllText(made.File("questions", "question.jsonl"), """{"question_id":101,"category":"reasoning","turns":["a","b"]}""");
        return made.File("questions");
    }

    private string SweepFolderOf(string name)
    {
        Directory.CreateDirectory(made.File(name, "cells", "one"));
        AtomicFile.WriteJson(made.File(name, "sweep.json"), new SweepRecord("s", Lab: false, [new("one", "one", new Dictionary<string, string> { ["seed"] = "1" })], "cache", "models", "cpu", 1));
        return made.File(name);
    }

    private static void StatesOf(string file)
    {
        var folder = SweepFolder.Read(Folder(file));
        foreach (var cell in folder.Record.Cells)
        {
            folder.StateOf(cell);
        }
    }

    private static readonly LabCellSpec cellOfResult = new LabCellSpec { Method = LoopMethod.OfflineDpo }.Resolved();

    private static Sound[] LabResults() => [.. ((LabCellResult[])[new(cellOfResult, null, [], [], [], "The loss is NaN."), new(cellOfResult, null, [new(LabQuizKind.Arithmetic, 0, 0.5)], [], [], null)])
        .Select(result => new Sound(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(result, JsonFormat.Indented)))];

    private static void ReadLabResult(string path)
    {
        var place = LabCells.PathOf(cellOfResult, Folder(path));
        Directory.CreateDirectory(Folder(place));
        File.Copy(path, place, overwrite: true);
        var result = LabCells.Find(cellOfResult, Folder(path))!;
        _ = (result.Last, result.Benchmarks.Count, result.StartBenchmarks.Count, result.Spec.Seed);
    }

    private string NumberFile()
    {
        using var store = new NumberStore(made.File("numbers.bin"));
        for (var i = 0; i < 100; i++)
        {
            store.Put($"key {i}", i / 3.0);
        }
        return made.File("numbers.bin");
    }

    private static Sound[] Families() => [.. ((string[])["qwen2", "unigram-byte-fallback", "gemma"]).Select(name => new Sound(Encoding.UTF8.GetBytes(Tokenizers.FuzzFamilies.Make(name).ToJsonString())))];

    private static Sound Zipped(string text)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
        return new(packed.ToArray());
    }
}
