// A recipe's lengths against the model, and every row of the data against both, before any work starts.
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;

namespace Selm.Research.Algorithm1;

/// <summary>What a model can hold, asked before a run.</summary>
internal static class RecipeLimits
{
    private static readonly Recipe defaults = new();

    /// <summary>The recipe with lengths that fit the base model: a default is cut to the context, which a note says.</summary>
    /// <param name="recipe">The recipe; it names a base model.</param>
    /// <returns>The recipe to run and what was changed.</returns>
    /// <exception cref="InputException">A length that the recipe sets is beyond the context; names the key, its value and the cure.</exception>
    internal static (Recipe Recipe, IReadOnlyList<string> Notes) Fit(Recipe recipe)
    {
        var context = LlamaConfig.Load(recipe.Base!).MaxPositionEmbeddings;
        var notes = new List<string>();
        int Fitted(string key, int value, bool isDefault, bool fits, int most, string limit)
        {
            if (fits)
            {
                return value;
            }
            if (!isDefault || most < 1)
            {
                throw new InputException($"{key} is {value}, but {limit}; {(most < 1 ? "take another model" : $"write {key}: {most}")}.");
            }
            notes.Add($"{key}: {most} instead of the default {value}, because {limit}.");
            return most;
        }

        var room = $"the context of {recipe.Base} has {context} tokens";
        var length = Fitted("max_length", recipe.MaxLength, recipe.MaxLength == defaults.MaxLength, recipe.MaxLength <= context, context, room);
        var prompt = Fitted(
            "max_prompt_length", recipe.MaxPromptLength, recipe.MaxPromptLength == defaults.MaxPromptLength, recipe.MaxPromptLength < length, length / 2,
            $"{room} and must also hold a response");
        var fresh = Fitted(
            "max_new_tokens", recipe.MaxNewTokens, recipe.MaxNewTokens == defaults.MaxNewTokens, recipe.MaxNewTokens < context, context - prompt,
            $"{room}, prompt included");
        return (recipe with { MaxLength = length, MaxPromptLength = prompt, MaxNewTokens = fresh }, notes);
    }

    /// <summary>Refuses data that model or ranker cannot take.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="model">The base model.</param>
    /// <param name="records">All pairs.</param>
    /// <param name="ranker">Who ranks, or null.</param>
    /// <returns>The pairs as token ids, or null where the pipeline makes its rows from text.</returns>
    /// <exception cref="InputException">A pair cannot be encoded, is outside the vocabulary or beyond a context; names its file and line.</exception>
    internal static LoopPair[]? Check(Recipe recipe, ModelFolder model, IReadOnlyList<PreferenceRecord> records, IRanker? ranker)
    {
        var (encoding, limits) = (model.Encoding, new LengthLimits(recipe.MaxLength, recipe.MaxPromptLength));
        var fromText = recipe.Pipeline == PipelineKind.SelmRepo;
        var pairs = new LoopPair[fromText ? 0 : records.Count];
        for (var k = 0; k < records.Count; k++)
        {
            var record = records[k];
            try
            {
                var rows = fromText ? SelmRepoPipeline.Rows(record, encoding, limits) : CleanPipeline.Rows(record, encoding, limits);
                Within(record, rows, model.Model.Config.MaxPositionEmbeddings);
                if (!fromText)
                {
                    pairs[k] = LoopPair.Of(rows);
                }
                ranker?.Check(RankRequest.Of(record, [record.ChosenResponse, record.RejectedResponse]));
            }
            catch (InputException e) when (record.Place is null || !e.Message.StartsWith(record.Place, StringComparison.Ordinal))
            {
                throw new InputException($"{record.Place ?? $"Pair {k + 1} of the data"}: {e.Message}", e);
            }
        }
        return fromText ? null : pairs;
    }

    /// <summary>The rows as they are, where none is beyond the context; pipeline: selm-repo does not cut y.</summary>
    /// <exception cref="InputException">One is; names the pair and the keys.</exception>
    internal static TokenTriple Within(PreferenceRecord record, TokenTriple rows, int context)
    {
        var longest = new[] { rows.Chosen, rows.Rejected, rows.Reference }.Max(row => row?.Length ?? 0);
        return longest <= context
            ? rows
            : throw new InputException(
                $"{record.Place ?? "A pair"}: a row has {longest} tokens, but the model's context has {context}; lower max_prompt_length or max_new_tokens, or take pipeline: clean, which cuts every row.");
    }
}
