using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Training;
using Selm.Tests;

namespace Selm.Research.Tests.Models;

public class ModelFolderTests
{
    [Fact]
    public void a_folder_gives_model_tokenizer_template_ids_and_hashes()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        Assert.Equal((600, true, 1, 2), (model.Model.Config.VocabSize, model.HasTokenizer, model.BosId, model.EosId));
        Assert.Equal([2], model.EndIds);
        Assert.NotNull(model.ChatTemplate);
        Assert.Equal((1, 2), (model.Encoding.BosId, model.Encoding.EosId));
        Assert.Equal(SafetensorsFolder.WeightHash(checkpoint.Root), model.WeightHash);
        Assert.Equal(model.Tokenizer.ContentHash, model.TokenizerHash);
        Assert.NotEqual(model.WeightHash, model.TokenizerHash);
    }

    [Fact]
    public void prompts_get_bos_once_and_responses_eos_once()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        // Ids of "Hello world" and "a" are golden (SentencePiece's own).
        int[] hello = [504, 547, 282, 289, 473];
        Assert.Equal([1, .. hello], model.PromptIds("Hello world"));
        // Behind a prompt the response has no mark of a text's start.
        Assert.Equal([.. hello[1..], 2], model.ResponseIds("a:", "Hello world"));
        Assert.Equal([.. hello[1..], 2], model.ResponseIds("a:", "Hello world</s>"));
        Assert.Equal([2], model.ResponseIds("a:", ""));
        Assert.Equal(model.PromptIds("[user]a</s>[assistant]"), model.PromptIds([new ChatMessage("user", "a")]));
        Assert.Equal("Hello world", model.Text([.. hello, 2]));
    }

    [Fact]
    public void ids_that_only_the_model_has_are_no_text()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { VocabSize = 640 });
        using var model = ModelFolder.Load(checkpoint.Root);
        Assert.Equal("Hello world", model.Text([504, 547, 282, 630, 289, 473, 639]));
    }

    [Fact]
    public void generation_stops_at_the_ids_of_generation_config_and_at_the_tokenizers_eos()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { EosTokenIds = [7] });
        using (var model = ModelFolder.Load(checkpoint.Root))
        {
            Assert.Equal([7, 2], model.EndIds);
        }
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 9]}""");
        using (var model = ModelFolder.Load(checkpoint.Root))
        {
            Assert.Equal([2, 9], model.EndIds);
        }
    }

    [Fact]
    public void a_folder_without_a_tokenizer_serves_ids_and_refuses_text()
    {
        using var model = ModelFolder.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        Assert.False(model.HasTokenizer);
        Assert.Null(model.ChatTemplate);
        Assert.Equal((null, 2, 0), (model.BosId, model.EosId, model.PadId));
        foreach (var ask in new Action[] { () => model.PromptIds("a"), () => model.ResponseIds("a", "b"), () => model.Text([5]), () => _ = model.TokenizerHash })
        {
            Assert.Equal($"{model.Path} has no tokenizer: copy tokenizer.json, or tokenizer.model or spm.model, of the checkpoint into it.", Assert.Throws<InputException>(ask).Message);
        }
    }

    [Fact]
    public void what_does_not_belong_together_is_said_in_one_sentence()
    {
        using var narrow = new TinyCheckpoint(TinyCheckpoint.Config with { VocabSize = 500 });
        using (var model = ModelFolder.Load(narrow.Root))
        {
            var error = Assert.Throws<InputException>(() => model.PromptIds("Hello world"));
            Assert.Equal($"{narrow.Root}: the tokenizer gives the id 504, but the model's vocabulary has 500 tokens; use the tokenizer that belongs to these weights.", error.Message);
        }
        using var silent = new TinyCheckpoint(template: null);
        using (var model = ModelFolder.Load(silent.Root))
        {
            Assert.Null(model.ChatTemplate);
            Assert.Contains("has no chat template", Assert.Throws<InputException>(() => model.PromptIds([new ChatMessage("user", "a")])).Message, StringComparison.Ordinal);
        }
        using var broken = new TinyCheckpoint();
        broken.Write("tokenizer.json", "{");
        Assert.Contains("tokenizer.json", Assert.Throws<InputException>(() => ModelFolder.Load(broken.Root)).Message, StringComparison.Ordinal);
        Assert.Contains("config.json does not exist", Assert.Throws<InputException>(() => ModelFolder.Load(broken.Place("nowhere"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_folder_that_names_no_end_token_is_refused_where_one_is_needed()
    {
        using var checkpoint = new TinyCheckpoint(TinyCheckpoint.Config with { EosTokenIds = [] }, tokenizer: false);
        using var model = ModelFolder.Load(checkpoint.Root);
        Assert.Empty(model.EndIds);
        var error = Assert.Throws<InputException>(() => _ = model.Encoding);
        Assert.Equal($"{checkpoint.Root} names no token that ends a response; add eos_token to its tokenizer_config.json or eos_token_id to its config.json.", error.Message);
    }

    [Fact]
    public void a_saved_folder_loads_as_its_source_does()
    {
        using var checkpoint = new TinyCheckpoint();
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 9]}""");
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Save(checkpoint.Place("copy"));
        using var copy = ModelFolder.Load(checkpoint.Place("copy"));
        Assert.Equal((model.WeightHash, model.TokenizerHash), (copy.WeightHash, copy.TokenizerHash));
        Assert.Equal(model.EndIds, copy.EndIds);
        Assert.NotNull(copy.ChatTemplate);

        using var trained = LlamaWeights.Clone(model.Model);
        RandomWeights.Fill(trained, seed: 6);
        model.Save(checkpoint.Place("trained"), trained);
        using var other = ModelFolder.Load(checkpoint.Place("trained"));
        Assert.NotEqual(model.WeightHash, other.WeightHash);
        Assert.Equal(model.TokenizerHash, other.TokenizerHash);
    }
}
