// Files have Hugging Face's names for LlamaForSequenceClassification (or Qwen2..., Mistral...) with one label: the decoder
// under "model.", then "score.weight". As in transformers since 4.52 the reward is read at the last token that is not the
// padding id; earlier versions looked for the first padding id, which may stand inside a text.
using System.Text.Json.Nodes;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Ranking;

/// <summary>
/// A scalar reward model v(x, y): a decoder with a linear head on the hidden state of the response's last token.
/// Under Bradley-Terry P(A better than B | x) = sigma(v(x, A) - v(x, B)).
/// </summary>
public sealed class RewardModel : IRanker, IDisposable
{
    internal const string ScoreName = "score.weight";

    private readonly ModelFolder folder;
    private readonly LlamaConfig config;
    private readonly Tensor score; // [1, hidden]
    private readonly int batchSize;

    private RewardModel(ModelFolder folder, LlamaConfig config, Tensor score, int batchSize) =>
        (this.folder, this.config, this.score, this.batchSize) = (folder, config, score, batchSize);

    /// <summary>Loads a folder: config.json, safetensors with model.* and score.weight, a tokenizer; or a LoRA adapter, which names its base model.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="dtype">Element type to compute in; null is float32.</param>
    /// <param name="device">Where the model lives; null is the CPU.</param>
    /// <param name="batchSize">Prompts scored together, each with all its responses.</param>
    /// <param name="adapter">Folder of a LoRA adapter for this model, or null.</param>
    /// <exception cref="InputException">A file or a tensor is missing, broken, of another shape or holds NaN, or the adapter does not fit the model.</exception>
    public static RewardModel Load(string folder, ScalarType? dtype = null, Device? device = null, int batchSize = 8, string? adapter = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        (folder, adapter) = LoraConfig.WithAdapter(folder, adapter);
        var config = LlamaConfig.Load(folder);
        using var files = SafetensorsFolder.Open(folder);
        var score = (LoraFiles.ReadCopy(adapter, ScoreName, [1, config.HiddenSize], dtype ?? ScalarType.Float32, device) ?? (files.Contains(ScoreName)
            ? files.ReadWeight(ScoreName, [1, config.HiddenSize], dtype ?? ScalarType.Float32, device)
            : throw new InputException(
                $"{folder} has no tensor \"{ScoreName}\", so it is no reward model{Kind(config)}; give a checkpoint made for sequence classification with one label."))).DetachFromDisposeScope();
        try
        {
            // An adapter with a head of its own may stand on a language model, whose head nobody reads then.
            string[] others = files.Contains(ScoreName) || !files.Contains("lm_head.weight") ? [ScoreName] : [ScoreName, "lm_head.weight"];
            return new RewardModel(ModelFolder.LoadTrunk(folder, adapter, config, files, dtype, device, others), config, score, batchSize);
        }
        catch
        {
            score.Dispose();
            throw;
        }
    }

    /// <summary>The date that its chat template writes where it asks for one, as <see cref="ModelFolder.Now"/>.</summary>
    public DateTime Now
    {
        get => folder.Now;
        set => folder.Now = value;
    }

    /// <inheritdoc/>
    /// <remarks>Conversation and candidate pass the model's own chat template; a model without one reads single questions as text.</remarks>
    /// <exception cref="InputException">The prompt is a chat and the model has no chat template, or one is longer than the context.</exception>
    public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch)
    {
        if (folder.ChatTemplate is null)
        {
            foreach (var request in batch)
            {
                DemandQuestion(request);
            }
            return new RewardModelRanker(Score).Rank(batch);
        }
        return RankedCandidates.Of(batch, [.. batch.Select(ChatRow).Chunk(batchSize).SelectMany(Score)]);
    }

    /// <inheritdoc/>
    public void Check(RankRequest request)
    {
        if (folder.ChatTemplate is null)
        {
            DemandQuestion(request);
            Rows([.. request.Candidates.Select(candidate => (request.Prompt, candidate))]);
        }
        var prompt = folder.ChatTemplate is null ? folder.PromptIds(request.Prompt) : folder.PromptIds(request.Conversation);
        if (prompt.Length >= config.MaxPositionEmbeddings)
        {
            throw new InputException(
                $"the prompt has {prompt.Length} tokens, but the context of the reward model {folder.Path} has {config.MaxPositionEmbeddings} and must also hold an answer; shorten the prompt or take another ranker.");
        }
        if (folder.ChatTemplate is not null && request.Candidates.Count > 0)
        {
            ChatRow(request);
        }
    }

    /// <summary>Rewards of responses to prompts that are text already, whatever markup the model expects included.</summary>
    /// <param name="pairs">Prompts and responses as text; responses to one prompt that stand together share its computation.</param>
    /// <returns>One reward per pair, higher is better, on the model's own scale.</returns>
    /// <exception cref="InputException">A prompt is empty, or prompt and response are longer than the context; names the pair.</exception>
    public IReadOnlyList<double> Score(IReadOnlyList<(string Prompt, string Response)> pairs)
    {
        var rewards = new List<double>(pairs.Count);
        foreach (var batch in Rows(pairs).Chunk(batchSize))
        {
            rewards.AddRange(Score(batch));
        }
        return rewards;
    }

    /// <summary>Writes the model under the same names, with the tokenizer's files.</summary>
    /// <param name="target">Where to; made if absent. Each file appears whole or not at all.</param>
    /// <param name="dtype">Element type to store; null stores what the model computes in.</param>
    /// <exception cref="InputException">The folder is not writable or the disk is full.</exception>
    public void Save(string target, ScalarType? dtype = null)
    {
        folder.CopyTextFiles(target);
        Write(folder.Model, score, config, target, dtype);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        folder.Dispose();
        score.Dispose();
    }

    /// <summary>Rewards of the responses of some rows, with gradients where they are enabled.</summary>
    /// <param name="trunk">The decoder.</param>
    /// <param name="score">The head, [1, hidden].</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <returns>[sequences], row by row, response by response.</returns>
    internal static Tensor Rewards(Llama trunk, Tensor score, IReadOnlyList<SharedRow> rows)
    {
        using var scope = NewDisposeScope();
        using var plan = trunk.Plan(rows);
        var last = new List<long>();
        for (var row = 0; row < rows.Count; row++)
        {
            var start = ((long)row * plan.Width) + rows[row].LeftPadding;
            var end = start + rows[row].Prompt.Length;
            foreach (var response in rows[row].Responses)
            {
                var within = Array.FindLastIndex(response, id => id != trunk.Config.PadTokenId);
                var before = Array.FindLastIndex(rows[row].Prompt, id => id != trunk.Config.PadTokenId);
                last.Add(within >= 0 ? end + within : start + Math.Max(0, before));
                end += response.Length;
            }
        }
        var states = trunk.Hidden(plan).index_select(0, tensor(last.ToArray(), [last.Count], device: trunk.Device));
        return nn.functional.linear(states, score).squeeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>Writes config.json and weights of a reward model.</summary>
    /// <param name="trunk">The decoder; its head is left out.</param>
    /// <param name="score">The head, [1, hidden].</param>
    /// <param name="config">The decoder's config as its folder has it.</param>
    /// <param name="target">Where to.</param>
    /// <param name="dtype">Element type to store; null stores what the model computes in.</param>
    internal static void Write(Llama trunk, Tensor score, LlamaConfig config, string target, ScalarType? dtype = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = LlamaWeights.Named(trunk).Where(weight => weight.Name.StartsWith("model.", StringComparison.Ordinal)).Append((ScoreName, score));
        SafetensorsWriter.WriteFolder(target, weights.Select(w => (w.Item1, w.Item2.to_type(dtype ?? trunk.Dtype).cpu().contiguous())).ToList());
        var json = (config with { TorchDtype = dtype ?? trunk.Dtype }).ToJson();
        json["architectures"] = new JsonArray($"{HfConfig.ClassOf(config.ModelType)}ForSequenceClassification");
        // Without these Hugging Face's classes expect two labels.
        json["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        json["label2id"] = new JsonObject { ["LABEL_0"] = 0 };
        ModelCode.Fit(json, target);
        AtomicFile.WriteJson(Path.Combine(target, HfConfig.FileName), json);
    }

    private static string Kind(LlamaConfig config) => FolderKind.ArchitectureOf(config) is { } name ? $" but a {name}" : "";

    private void DemandQuestion(RankRequest request)
    {
        if (request.IsChat)
        {
            throw new InputException(
                $"{folder.Path} has no chat template, so it cannot be asked about a chat; add chat_template to its tokenizer_config.json, or give single questions.");
        }
    }

    // The template may close the answer with more than its text, so whole conversations are encoded; what all of them
    // begin with is computed once.
    private SharedRow ChatRow(RankRequest request)
    {
        int[][] whole = [.. request.Candidates.Select(candidate => folder.WholeIds([.. request.Conversation, new ChatMessage("assistant", candidate)]))];
        if (Array.Find(whole, ids => ids.Length > config.MaxPositionEmbeddings) is { } longest)
        {
            throw new InputException(
                $"The chat that ends in \"{(request.Prompt.Length > 60 ? request.Prompt[..60] + "..." : request.Prompt)}\" has {longest.Length} tokens with its answer, but the reward model's context has {config.MaxPositionEmbeddings}; shorten prompt or response.");
        }
        var shared = whole.Skip(1).Aggregate(whole[0].Length - 1, (most, ids) => Math.Min(Math.Min(most, ids.Length - 1), whole[0].AsSpan().CommonPrefixLength(ids)));
        return new SharedRow(whole[0][..shared], [.. whole.Select(ids => ids[shared..])]);
    }

    private double[] Score(SharedRow[] rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Rewards(folder.Model, score, rows).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
    }

    private List<SharedRow> Rows(IReadOnlyList<(string Prompt, string Response)> pairs)
    {
        var rows = new List<(string Prompt, int[] Ids, List<int[]> Responses)>();
        for (var k = 0; k < pairs.Count; k++)
        {
            var (prompt, response) = pairs[k];
            if (rows is not [.., var open] || open.Prompt != prompt)
            {
                open = (prompt, folder.PromptIds(prompt), []);
                rows.Add(open);
            }
            var ids = folder.ResponseIds(prompt, response);
            if (string.IsNullOrWhiteSpace(prompt) || open.Ids.Length == 0)
            {
                throw new InputException($"Prompt {k + 1} to the reward model is empty; write one.");
            }
            if (open.Ids.Length + ids.Length > config.MaxPositionEmbeddings)
            {
                throw new InputException($"Pair {k + 1} has {open.Ids.Length} + {ids.Length} tokens, but the reward model's context has {config.MaxPositionEmbeddings}; shorten prompt or response.");
            }
            open.Responses.Add(ids);
        }
        return [.. rows.Select(row => new SharedRow(row.Ids, row.Responses))];
    }
}
