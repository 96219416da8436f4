using System.Globalization;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Reads tiktoken's rank files: one base64 byte sequence and its rank, which is its id, per line.</summary>
internal static class TiktokenFile
{
    /// <param name="path">The file.</param>
    /// <param name="pattern">The pattern that cuts a text into words.</param>
    /// <param name="special">Ids of special tokens.</param>
    public static Tokenizer Load(string path, string pattern, IReadOnlyDictionary<string, int> special)
    {
        var vocabulary = new Vocabulary();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var bytes = new byte[line.Length];
            if (space < 0
                || !Convert.TryFromBase64Chars(line.AsSpan(0, space), bytes, out var count)
                || !int.TryParse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var rank))
            {
                throw new InputException($"{path}, line {number}: not a base64 token and its rank; the file is damaged, copy it again.");
            }
            vocabulary.Add(ByteLevel.Encode(bytes.AsSpan(0, count)), rank, path);
        }
        var model = new BpeModel(vocabulary, BpeModel.RankIsId(vocabulary)) { IgnoreMerges = true };
        var added = special.Select(entry => new AddedToken(entry.Value, entry.Key)).ToArray();
        var pipeline = new TokenizerPipeline
        {
            AddedTokens = added,
            PreTokenize = JsonPreTokenizers.ByteLevelWords(new SplitPattern(pattern, path)),
            Model = model,
            Decode = JsonDecoders.Bytes,
        };
        // Special tokens last: none of them may take part in merges.
        var settings = TokenizerFiles.ReadSettings(path);
        foreach (var token in added)
        {
            vocabulary.Add(token.Content, token.Id, path);
        }
        return new JsonTokenizer(vocabulary, settings, pipeline);
    }
}
