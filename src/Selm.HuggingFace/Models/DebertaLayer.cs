using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>What all layers of one pass share: the mask, the relative positions and their embeddings.</summary>
/// <param name="Blocked">True where a query must not look at a key [batch, 1, seq, seq].</param>
/// <param name="ContentToPosition">Row of the position table for (query, key) [seq, seq].</param>
/// <param name="PositionToContent">Row of the position table for (key, query) [seq, seq].</param>
/// <param name="Embeddings">The position table [2 * span, hidden].</param>
internal sealed record DebertaPass(Tensor Blocked, Tensor ContentToPosition, Tensor PositionToContent, Tensor Embeddings);

/// <summary>
/// One layer of DeBERTa-v2: disentangled attention (content-to-content, content-to-position, position-to-content),
/// then a gelu feed-forward layer, each followed by a layer norm. Fields are named as the checkpoint's keys.
/// </summary>
internal sealed class DebertaLayer
{
    private readonly DebertaConfig config;
    private readonly Affine query_proj, key_proj, value_proj, attention_output, intermediate, output;
    private readonly Affine? pos_key_proj, pos_query_proj;
    private readonly Norm attention_norm, output_norm;

    internal DebertaLayer(WeightReader weights, DebertaConfig config, string name)
    {
        this.config = config;
        long width = config.HiddenSize;
        Affine Square(string part) => weights.Affine($"{name}.attention.{part}", width, width);
        query_proj = Square("self.query_proj");
        key_proj = Square("self.key_proj");
        value_proj = Square("self.value_proj");
        if (config.ShareAttKey)
        {
            (pos_key_proj, pos_query_proj) = (key_proj, query_proj);
        }
        else
        {
            pos_key_proj = config.ContentToPosition ? Square("self.pos_key_proj") : null;
            pos_query_proj = config.PositionToContent ? Square("self.pos_query_proj") : null;
        }
        attention_output = Square("output.dense");
        attention_norm = weights.Norm($"{name}.attention.output.LayerNorm", width, config.LayerNormEps);
        intermediate = weights.Affine($"{name}.intermediate.dense", config.IntermediateSize, width);
        output = weights.Affine($"{name}.output.dense", width, config.IntermediateSize);
        output_norm = weights.Norm($"{name}.output.LayerNorm", width, config.LayerNormEps);
    }

    /// <summary>Hidden states [batch, seq, hidden] to hidden states.</summary>
    internal Tensor Forward(Tensor hidden, DebertaPass pass)
    {
        using var scope = NewDisposeScope();
        var attended = attention_norm.Apply(attention_output.Apply(Attend(hidden, pass)).Plus(hidden));
        var wide = nn.functional.gelu(intermediate.Apply(attended));
        return output_norm.Apply(output.Apply(wide).Plus(attended)).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor hidden, DebertaPass pass)
    {
        using var scope = NewDisposeScope();
        var query = Heads(query_proj.Apply(hidden));
        var key = Heads(key_proj.Apply(hidden));
        // Each kind of term adds to the variance of a score, so each adds to what it is divided by.
        var terms = 1 + (config.ContentToPosition ? 1 : 0) + (config.PositionToContent ? 1 : 0);
        var scale = 1 / Math.Sqrt((double)config.HiddenSize / config.NumAttentionHeads * terms);
        var scores = query.matmul(key.Times(scale).transpose(-1, -2));
        if (config.ContentToPosition)
        {
            var positions = Heads(pos_key_proj!.Apply(pass.Embeddings.unsqueeze(0)));
            scores = scores.Plus(Looked(query.matmul(positions.transpose(-1, -2)), pass.ContentToPosition).Times(scale));
        }
        if (config.PositionToContent)
        {
            var positions = Heads(pos_query_proj!.Apply(pass.Embeddings.unsqueeze(0)));
            scores = scores.Plus(Looked(key.matmul(positions.transpose(-1, -2)), pass.PositionToContent).transpose(-1, -2).Times(scale));
        }
        // Finite, so that rows of padding become uniform and then zero instead of NaN.
        var lowest = scores.dtype == ScalarType.Float16 ? -65504.0 : -1e30;
        var weights = scores.Masked(pass.Blocked, lowest).softmax(-1).Masked(pass.Blocked, 0);
        var mixed = weights.matmul(Heads(value_proj.Apply(hidden)));
        return mixed.transpose(1, 2).reshape(hidden.shape).MoveToOuterDisposeScope();
    }

    // [batch, seq, hidden] to [batch, heads, seq, head].
    private Tensor Heads(Tensor x) => x.view(x.size(0), x.size(1), config.NumAttentionHeads, -1).transpose(1, 2);

    // Picks from [batch, heads, seq, table] the column that rows [seq, seq] name.
    private static Tensor Looked(Tensor table, Tensor rows) => table.gather(-1, rows.expand(table.size(0), table.size(1), -1, -1));
}
