using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Models;

/// <summary>
/// adapter_config.json of a LoRA adapter, in PEFT's format: y = W x + scaling * B (A x) in the layers that it names. The JSON
/// it came from is kept. What changes the function and is not computed here (DoRA, bias, patterns of ranks, ...) is refused by its name.
/// </summary>
public sealed record LoraConfig
{
    /// <summary>The file's name.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>The value of target_modules that means every linear layer of the blocks.</summary>
    public const string AllLinear = "all-linear";

    // Fields that change the function where they say anything but these values.
    private static readonly string[] mustBeEmpty =
    [
        "use_dora", "lora_bias", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "layers_to_transform", "layer_replication", "megatron_config", "use_qalora",
        "trainable_token_indices", "target_parameters", "alora_invocation_tokens", "arrow_config", "use_bdlora",
    ];

    // Ways to begin that leave the base model as it is; others (pissa, olora, loftq) subtract from it.
    private static readonly string[] plainStarts = ["true", "false", "gaussian", "orthogonal", "eva"];

    // Names of the heads that PEFT saves with an adapter of a reward model.
    private static readonly string[] scoreHeads = ["score", "classifier"];

    private const int HighestRank = 65_536;

    private static readonly TimeSpan longestMatch = TimeSpan.FromSeconds(2); // of a layer's name

    /// <summary>r, rows of A and columns of B.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>lora_alpha.</summary>
    public double Alpha { get; init; } = 32;

    /// <summary>Whether the scaling is alpha / sqrt(r) rather than alpha / r.</summary>
    public bool UseRslora { get; init; }

    /// <summary>lora_dropout as the file says it. It is off in evaluation, and the kit trains without it.</summary>
    public double Dropout { get; init; }

    /// <summary>Names of layers as PEFT matches them (the whole name, or its end after a dot), or one entry: all-linear or a regular expression.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [AllLinear];

    /// <summary>Modules of which the adapter holds a whole copy: lm_head, embed_tokens.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>base_model_name_or_path, or null.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The factor of B (A x).</summary>
    public double Scaling => UseRslora ? Alpha / Math.Sqrt(Rank) : Alpha / Rank;

    private JsonObject? Source { get; init; }

    /// <summary>target_modules where it is a regular expression: a text that is not all-linear.</summary>
    private Regex? Pattern { get; init; }

    private IReadOnlyList<string> Excluded { get; init; } = [];

    /// <summary>Whether a folder is an adapter.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InputException">It holds whole weights as well, so that nobody knows which are meant.</exception>
    public static bool IsIn(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName)))
        {
            return false;
        }
        var whole = new[] { SafetensorsFolder.SingleName, SafetensorsFolder.IndexName }.FirstOrDefault(name => File.Exists(Path.Combine(folder, name)));
        return whole is null ? true : throw new InputException(
            $"{folder} holds both an adapter ({FileName}) and whole weights ({whole}), and these may have the adapter merged already; keep one of the two in the folder.");
    }

    /// <summary>Reads the file of an adapter's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InputException">The file is missing or broken, or says what the kit does not compute; the field is named.</exception>
    public static LoraConfig Load(string folder)
    {
        var fields = ConfigFields.Read(Path.Combine(folder, FileName), FileName);
        if (fields.Text("peft_type") is { } type && type != "LORA")
        {
            throw fields.Error($"peft_type \"{type}\" is not supported; the kit reads LORA adapters");
        }
        if (Array.Find(mustBeEmpty, name => !IsEmpty(fields.Json[name])) is { } wrong)
        {
            throw fields.Error($"{wrong} {fields.Json[wrong]!.ToJsonString()} is not supported; merge that adapter with PEFT (merge_and_unload) and use the merged model");
        }
        if (fields.Json["bias"] is { } bias && bias.ToString() != "none")
        {
            throw fields.Error($"bias {bias.ToJsonString()} is not supported, because the adapter would change biases too; merge that adapter with PEFT (merge_and_unload) and use the merged model");
        }
        if (fields.Json["init_lora_weights"] is { } start && !plainStarts.Contains(start.ToString()))
        {
            throw fields.Error($"init_lora_weights {start.ToJsonString()} is not supported, because it changes the base model; convert the adapter with PEFT (path_initial_model_for_weight_conversion) or merge it");
        }
        var (targets, isPattern) = Names(fields, "target_modules");
        var (excluded, excludesByPattern) = Names(fields, "exclude_modules");
        if (targets.Count == 0 || excludesByPattern)
        {
            throw fields.Error(targets.Count == 0 ? "target_modules names no layer; restore the file as PEFT wrote it" : "exclude_modules as a pattern is not supported; give it as a list of names");
        }
        return new LoraConfig
        {
            Source = fields.Json,
            Rank = RankOf(fields), // PEFT's defaults
            Alpha = fields.Number("lora_alpha", absent: 8),
            UseRslora = fields.Flag("use_rslora", false),
            Dropout = fields.Number("lora_dropout", 0),
            TargetModules = targets,
            Pattern = isPattern ? PatternOf(fields, targets[0]) : null,
            Excluded = excluded,
            ModulesToSave = [.. Names(fields, "modules_to_save").List.Except(scoreHeads)],
            BaseModel = fields.Text("base_model_name_or_path"),
        };
    }

    /// <summary>The folder of whole weights and that of the adapter on them, as a person named one or both.</summary>
    /// <param name="folder">A checkpoint, or an adapter, which names its base model.</param>
    /// <param name="adapter">An adapter, or null.</param>
    /// <exception cref="InputException">Two adapters are given, or <paramref name="adapter"/> is none.</exception>
    internal static (string Folder, string? Adapter) WithAdapter(string folder, string? adapter)
    {
        if (!IsIn(folder))
        {
            return adapter is null || IsIn(adapter)
                ? (folder, adapter)
                : throw new InputException($"{adapter} holds no {FileName}; give the folder of a LoRA adapter as PEFT saves it.");
        }
        return adapter is null
            ? WithAdapter(Load(folder).BaseFolder(folder), folder)
            : throw new InputException($"{folder} is an adapter itself, and adapters are not put on one another; merge it first (selm merge), or give its base model with one adapter.");
    }

    /// <summary>The folder of the base model: what the file names, seen from the adapter's folder or else from the current one.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <exception cref="InputException">There is no such folder here.</exception>
    public string BaseFolder(string folder)
    {
        // Through a link first: ".." means the parent of where the adapter lies, not of the link.
        var place = new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder;
        return BaseModel is null ? throw FolderKind.OnlyAdapter(folder)
            : new[] { Path.Combine(place, BaseModel), BaseModel }.FirstOrDefault(path => File.Exists(Path.Combine(path, HfConfig.FileName))) is { } found
            ? Path.GetFullPath(found)
            : throw FolderKind.OnlyAdapter(folder);
    }

    /// <summary>Whether the adapter changes a linear layer.</summary>
    /// <param name="module">Its name in the base model, such as model.layers.0.self_attn.q_proj.</param>
    /// <exception cref="InputException">target_modules is a regular expression that does not come to an end on it.</exception>
    public bool Targets(string module)
    {
        if (Excluded.Any(name => Fits(module, name)))
        {
            return false;
        }
        if (Pattern is not null)
        {
            try
            {
                return Pattern.IsMatch(module);
            }
            catch (RegexMatchTimeoutException e)
            {
                throw new InputException($"target_modules \"{TargetModules[0]}\" takes longer than {longestMatch.TotalSeconds} seconds to match {module}; give a simpler expression, or the names as a list.", e);
            }
        }
        return TargetModules is [AllLinear] || TargetModules.Any(name => Fits(module, name));
    }

    /// <summary>The file's content: keys in order, PEFT's defaults where nothing else is known.</summary>
    public JsonObject ToJson()
    {
        JsonNode List(IReadOnlyList<string> names) => new JsonArray([.. names.Select(name => (JsonNode)name)]);
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(), ["auto_mapping"] = null, ["bias"] = "none", ["fan_in_fan_out"] = false, ["inference_mode"] = true,
            ["init_lora_weights"] = true, ["layers_pattern"] = null, ["layers_to_transform"] = null, ["modules_to_save"] = null, ["peft_type"] = "LORA",
            ["rank_pattern"] = new JsonObject(), ["revision"] = null, ["task_type"] = "CAUSAL_LM", ["use_dora"] = false,
        };
        foreach (var (name, value) in Source ?? [])
        {
            json[name] = value?.DeepClone();
        }
        json["base_model_name_or_path"] = BaseModel;
        json["r"] = Rank;
        json["lora_alpha"] = Alpha == Math.Floor(Alpha) ? JsonValue.Create((long)Alpha) : JsonValue.Create(Alpha);
        json["lora_dropout"] = Dropout;
        json["use_rslora"] = UseRslora;
        if (Source is null)
        {
            json["target_modules"] = TargetModules is [AllLinear] ? AllLinear : List(TargetModules);
            json["modules_to_save"] = ModulesToSave.Count == 0 ? null : List(ModulesToSave);
        }
        return new JsonObject(json.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
    }

    private static int RankOf(ConfigFields fields)
    {
        var rank = fields.Count("r", absent: 8, least: 1);
        return rank <= HighestRank ? rank : throw fields.Error($"r is {rank}, and no layer has so many columns; restore the file as PEFT wrote it");
    }

    // PEFT matches the whole name.
    private static Regex PatternOf(ConfigFields fields, string target)
    {
        try
        {
            return new Regex($"\\A(?:{target})\\z", RegexOptions.CultureInvariant, longestMatch);
        }
        catch (ArgumentException e)
        {
            throw fields.Error($"target_modules \"{target}\" is no regular expression that can be read ({e.Message.TrimEnd('.')}); correct it, or give the names as a list");
        }
    }

    private static bool Fits(string module, string name) => module == name || module.EndsWith($".{name}", StringComparison.Ordinal);

    // null, false, {} and [] say nothing.
    private static bool IsEmpty(JsonNode? node) => node switch
    {
        null => true,
        JsonObject fields => fields.Count == 0,
        JsonArray list => list.Count == 0,
        var value => value.GetValueKind() == System.Text.Json.JsonValueKind.False,
    };

    private static (IReadOnlyList<string> List, bool IsPattern) Names(ConfigFields fields, string name) => fields.Json[name] switch
    {
        null => ([], false),
        JsonArray list => ([.. list.Select(node => node?.ToString() ?? "")], false),
        var one => ([fields.Text(name)!], one.ToString() != AllLinear),
    };
}
