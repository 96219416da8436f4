namespace Selm.HuggingFace.Tokenizers;

/// <summary>The WordLevel model of tokenizer.json: a word is a token or it is unknown.</summary>
/// <param name="vocabulary">The words.</param>
/// <param name="unkId">What unknown words become; null refuses them, as Hugging Face's tokenizer does.</param>
/// <param name="path">The file, for errors.</param>
internal sealed class WordLevelModel(Vocabulary vocabulary, int? unkId, string path) : IWordModel
{
    public void Encode(string word, List<int> ids) => ids.Add(vocabulary.IdOf(word) ?? unkId ?? throw new InputException(
        $"{path}: '{word}' is not one of its {vocabulary.Size} words, and it has no token for unknown ones; remove the word or use another tokenizer."));
}
