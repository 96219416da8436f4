// What is notable: a tokenizer is only asked for when text is. A folder without one still serves rows of token ids, and
// its absence, or a chat template that cannot be rendered, is an error of the row that needs it.
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Tokenizers;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// A checkpoint folder as work on text sees it: the decoder, its tokenizer, its chat template and its special ids.
/// </summary>
public sealed class ModelFolder : IDisposable
{
    internal const string GenerationConfig = "generation_config.json";
    private static readonly LengthLimits uncut = new(int.MaxValue, int.MaxValue);

    private readonly Tokenizer? tokenizer;
    private readonly Lazy<ChatTemplate> template;
    private readonly Lazy<string> weightHash;
    private readonly TextEncoding encoding; // its eos is -1 where there is none: enough for prompts

    private ModelFolder(string basePath, string? adapter, Tokenizer? tokenizer, Llama model)
    {
        (Path, BasePath, this.tokenizer, Model) = (adapter ?? basePath, basePath, tokenizer, model);
        template = new(() => Tokenizer.ChatTemplate());
        weightHash = new(() => adapter is null ? SafetensorsFolder.WeightHash(basePath) : ContentHash.Combine(SafetensorsFolder.WeightHash(basePath), LoraFiles.Hash(adapter)));
        EosId = tokenizer?.EosId ?? (model.Config.EosTokenIds is [var first, ..] ? first : null);
        EndIds = [.. ConfiguredEnds(TextPath(GenerationConfig), model.Config).Concat(EosId is { } eos ? [eos] : []).Distinct()];
        encoding = new TextEncoding(Encode, BosId, EosId ?? -1, (turns, marker) => template.Value.RenderTexts(turns, marker, Now)) { EndIds = EndIds };
    }

    /// <summary>The folder; an adapter's, where one was loaded.</summary>
    public string Path { get; }

    /// <summary>The folder of the whole weights: <see cref="Path"/>, or the adapter's base model.</summary>
    public string BasePath { get; }

    /// <summary>The decoder.</summary>
    public Llama Model { get; }

    /// <summary>Whether the folder holds a tokenizer.</summary>
    public bool HasTokenizer => tokenizer is not null;

    /// <summary>The tokenizer.</summary>
    /// <exception cref="InputException">The folder has none.</exception>
    public Tokenizer Tokenizer => tokenizer ?? Tokenizer.Load(Path);

    /// <summary>The chat template, or null where the folder has none.</summary>
    /// <exception cref="InputException">It uses what the kit cannot render.</exception>
    public ChatTemplate? ChatTemplate => tokenizer?.ChatTemplateSource is null ? null : template.Value;

    /// <summary>
    /// The date that a chat template writes which asks for it (<see cref="Chat.ChatTemplate.ReadsClock"/>): the day on which the folder was
    /// loaded, or another one that work begun earlier goes on with. The time of day is midnight, so that a day's work is one.
    /// </summary>
    public DateTime Now { get; set; } = DateTime.Today;

    /// <summary>Whether texts depend on <see cref="Now"/>; a template that cannot be read writes none.</summary>
    internal bool ReadsClock
    {
        get
        {
            try
            {
                return ChatTemplate?.ReadsClock == true;
            }
            catch (InputException)
            {
                return false;
            }
        }
    }

    /// <summary>Id that opens a text, or null where the tokenizer puts none there by itself.</summary>
    public int? BosId => tokenizer is { AddsBos: true } ? tokenizer.BosId : null;

    /// <summary>Id that closes a response: the tokenizer's, or else the first of config.json; null where neither names one.</summary>
    public int? EosId { get; }

    /// <summary>Ids at which generation stops: those of generation_config.json, or else of config.json, and <see cref="EosId"/>.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>Id of padding: the tokenizer's, or else config.json's, or null.</summary>
    public int? PadId => tokenizer?.PadId ?? Model.Config.PadTokenId;

    /// <summary>Tokenizer and chat template as a pipeline takes them.</summary>
    /// <exception cref="InputException">Nothing in the folder names an eos.</exception>
    public TextEncoding Encoding => EosId is not null
        ? encoding
        : throw WithoutEos(Path);

    /// <summary>SHA-256 of config.json and the weight files, and of an adapter's files, as they are on first use.</summary>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public string WeightHash => weightHash.Value;

    /// <summary>SHA-256 of the tokenizer's files.</summary>
    /// <exception cref="InputException">The folder has no tokenizer.</exception>
    public string TokenizerHash => Tokenizer.ContentHash;

    /// <summary>Loads a folder.</summary>
    /// <param name="folder">A Hugging Face checkpoint: config.json, safetensors and, for text, a tokenizer; or a LoRA adapter, which names its base model.</param>
    /// <param name="dtype">Element type to compute in; null is float32.</param>
    /// <param name="device">Where the model lives; null is the CPU.</param>
    /// <param name="window">How a sliding window is counted.</param>
    /// <param name="adapter">Folder of a LoRA adapter for this model, or null.</param>
    /// <exception cref="InputException">A file is missing or broken, the weights do not fit config.json, or the adapter does not fit the model.</exception>
    public static ModelFolder Load(
        string folder, ScalarType? dtype = null, Device? device = null, WindowConvention window = WindowConvention.Exclusive, string? adapter = null)
    {
        (folder, adapter) = LoraConfig.WithAdapter(folder, adapter);
        // The small files come first: they can be wrong, and the weights may take minutes.
        var config = LlamaConfig.Load(folder);
        FolderKind.RefuseReward(folder, config);
        var text = adapter is not null && TokenizerFiles.AreIn(adapter) ? adapter : folder;
        var tokenizer = TokenizerFiles.AreIn(text) ? Tokenizer.Load(text) : null;
        using var files = SafetensorsFolder.Open(folder);
        return new ModelFolder(folder, adapter, tokenizer, Adapted(LlamaWeights.Load(files, config, dtype, device, window), adapter));
    }

    /// <summary>Tokenizer and chat template of a folder as its training and sampling use them, without the weights, which need not be there.</summary>
    /// <param name="folder">A checkpoint, an adapter or a tokenizer's folder.</param>
    /// <exception cref="InputException">There is no tokenizer, or it names no token that ends a response.</exception>
    public static TextEncoding LoadEncoding(string folder)
    {
        var whole = LoraConfig.IsIn(folder) && !TokenizerFiles.AreIn(folder) ? LoraConfig.Load(folder).BaseFolder(folder) : folder;
        var tokenizer = Tokenizer.Load(whole);
        var config = File.Exists(System.IO.Path.Combine(whole, HfConfig.FileName)) ? HfConfig.Load(whole) as LlamaConfig : null;
        int[] ends = config is null ? [] : ConfiguredEnds(whole, config);
        var eos = tokenizer.EosId ?? config?.EosTokenIds.Select(id => (int?)id).FirstOrDefault() ?? throw WithoutEos(folder);
        var (template, now) = (new Lazy<ChatTemplate>(() => tokenizer.ChatTemplate()), DateTime.Today);
        return new TextEncoding(text => tokenizer.Encode(text), tokenizer.AddsBos ? tokenizer.BosId : null, eos, (turns, marker) => template.Value.RenderTexts(turns, marker, now))
        {
            EndIds = [.. ends.Append(eos).Distinct()],
        };
    }

    /// <summary>Loads the trunk alone, for a model whose head is another one; Head and Logits have no meaning then.</summary>
    internal static ModelFolder LoadTrunk(string folder, string? adapter, LlamaConfig config, SafetensorsFolder files, ScalarType? dtype, Device? device, params string[] others)
    {
        var tokenizer = Tokenizer.Load(adapter is not null && TokenizerFiles.AreIn(adapter) ? adapter : folder);
        return new ModelFolder(folder, adapter, tokenizer, Adapted(LlamaWeights.Load(files, config with { TieWordEmbeddings = true }, dtype, device, others: others), adapter, others));
    }

    private static Llama Adapted(Llama model, string? adapter, params string[] others)
    {
        try
        {
            if (adapter is not null)
            {
                LoraFiles.Attach(model, adapter, others);
            }
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The ids of a prompt given as text: bos once, then the text.</summary>
    /// <param name="text">The prompt.</param>
    /// <exception cref="InputException">The folder has no tokenizer, or one that does not belong to the weights.</exception>
    public int[] PromptIds(string text) => encoding.Prompt(text, uncut);

    /// <summary>The ids of a prompt given as a chat: the template's text with the assistant's marker at its end, bos once.</summary>
    /// <param name="turns">The turns before the answer.</param>
    /// <exception cref="InputException">The folder has no tokenizer or no chat template, or the template refuses the turns.</exception>
    public int[] PromptIds(IReadOnlyList<ChatMessage> turns) => encoding.Prompt(turns, uncut);

    /// <summary>The ids of a whole conversation as its template writes it, bos once; nothing is put after it.</summary>
    internal int[] WholeIds(IReadOnlyList<ChatMessage> turns) => encoding.Prompt(template.Value.RenderTexts(turns, false, Now), uncut);

    /// <summary>The ids of a response behind a prompt that is text: both encoded together and cut where the prompt ends, then one eos.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="text">The response.</param>
    /// <exception cref="InputException">The folder has no tokenizer, or nothing in it names an eos.</exception>
    public int[] ResponseIds(string prompt, string text) => Encoding.Response(prompt, text);

    /// <summary>The ids of an answer to a chat as the chat template writes it behind the prompt, up to the id that ends it.</summary>
    /// <param name="turns">The turns before the answer.</param>
    /// <param name="answer">The answer.</param>
    /// <exception cref="InputException">The folder has no tokenizer or no chat template, or nothing in it names an eos.</exception>
    public int[] ResponseIds(IReadOnlyList<ChatMessage> turns, string answer) => Encoding.Response(turns, answer);

    /// <summary>The text of generated ids, without special tokens and without ids that only the model has.</summary>
    /// <param name="ids">Token ids.</param>
    /// <exception cref="InputException">The folder has no tokenizer.</exception>
    public string Text(IEnumerable<int> ids) => Tokenizer.Decode([.. ids.Where(Tokenizer.Has)]);

    /// <summary>
    /// Writes a folder that loads as this one does: config.json, weights, copies of the tokenizer's files and of code that auto_map names; without
    /// the code, no auto_map. Of a model with an adapter, the adapter alone is written, with the tokenizer's files.
    /// </summary>
    /// <param name="folder">Where to; made if absent.</param>
    /// <param name="trained">Weights to write instead of <see cref="Model"/>, such as those of a trained copy.</param>
    /// <param name="dtype">Element type to store; null stores what the model computes in.</param>
    /// <exception cref="InputException">The folder is not writable or the disk is full.</exception>
    public void Save(string folder, Llama? trained = null, ScalarType? dtype = null)
    {
        CopyTextFiles(folder);
        var model = trained ?? Model;
        if (model.Adapter is { } adapter)
        {
            LoraFiles.Save(adapter, folder, dtype, BasePath);
            return;
        }
        LlamaWeights.Save(model, folder, dtype);
    }

    /// <summary>Copies the tokenizer's files, generation_config.json and code that auto_map names, each whole or not at all.</summary>
    internal void CopyTextFiles(string folder)
    {
        Directory.CreateDirectory(folder);
        ModelCode.Copy(BasePath, folder);
        var text = TokenizerFiles.AreIn(Path) ? Path : BasePath;
        var models = Directory.EnumerateFiles(text, "*.model").Select(file => System.IO.Path.GetFileName(file)!);
        foreach (var name in TokenizerFiles.Names.Append(GenerationConfig).Concat(models).Distinct())
        {
            var source = System.IO.Path.Combine(name == GenerationConfig ? TextPath(name) : text, name);
            if (File.Exists(source))
            {
                var bytes = File.ReadAllBytes(source);
                AtomicFile.Write(System.IO.Path.Combine(folder, name), stream => stream.Write(bytes));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    private static InputException WithoutEos(string folder) =>
        new($"{folder} names no token that ends a response; add eos_token to its tokenizer_config.json or eos_token_id to its config.json.");

    // Where a file of text settings lies: beside an adapter, or else with its base model.
    private string TextPath(string name) => File.Exists(System.IO.Path.Combine(Path, name)) ? Path : BasePath;

    private static int[] ConfiguredEnds(string folder, LlamaConfig config)
    {
        var file = System.IO.Path.Combine(folder, GenerationConfig);
        return File.Exists(file) ? ConfigFields.Read(file, GenerationConfig).Ids("eos_token_id", [.. config.EosTokenIds]) : [.. config.EosTokenIds];
    }

    private int[] Encode(string text)
    {
        var ids = Tokenizer.Encode(text);
        var outside = Array.FindIndex(ids, id => id >= Model.Config.VocabSize);
        return outside < 0
            ? ids
            : throw new InputException(
                $"{Path}: the tokenizer gives the id {ids[outside]}, but the model's vocabulary has {Model.Config.VocabSize} tokens; use the tokenizer that belongs to these weights.");
    }
}
