namespace Selm.HuggingFace.Tokenizers;

/// <summary>One step from tokens to text; the text is all tokens joined after the last step.</summary>
internal delegate List<string> DecodeStep(List<string> tokens);

/// <summary>The decoder section of tokenizer.json.</summary>
internal static class JsonDecoders
{
    /// <exception cref="InputException">A decoder that the kit does not have.</exception>
    public static DecodeStep Read(SettingsNode? section)
    {
        if (section is not { } node)
        {
            return tokens => [string.Join(' ', tokens)];
        }
        var type = node.Text("type");
        return type switch
        {
            "Sequence" => Sequence([.. node.Objects("decoders").Select(item => Read(item))], node),
            "ByteLevel" => Bytes,
            "Replace" => Each(JsonNormalizers.Replace(node)),
            "ByteFallback" => ByteFallback,
            "Fuse" => tokens => [string.Concat(tokens)],
            "Strip" => Each(Strip(node.Text("content"), node.Number("start"), node.Number("stop"))),
            "Metaspace" => Metaspace(JsonPreTokenizers.Mark(node), JsonPreTokenizers.Scheme(node)),
            _ => throw node.Unsupported("decoder", type),
        };
    }

    /// <summary>Byte-level tokens to text.</summary>
    public static List<string> Bytes(List<string> tokens)
    {
        var bytes = new List<byte>(tokens.Count * 4);
        foreach (var token in tokens)
        {
            ByteLevel.AppendBytes(token, bytes);
        }
        return [CodePoints.Utf8.GetString([.. bytes])];
    }

    private static DecodeStep Sequence(DecodeStep[] steps, SettingsNode node) => tokens =>
    {
        var before = Length(tokens);
        foreach (var step in steps)
        {
            tokens = step(tokens);
            JsonNormalizers.RefuseGrowth(before, Length(tokens), node);
        }
        return tokens;
    };

    private static long Length(List<string> tokens) => tokens.Sum(token => (long)token.Length);

    private static DecodeStep Each(Normalizer change) => tokens => tokens.ConvertAll(token => change(token));

    private static Normalizer Strip(string content, int start, int stop) => content.Length == 0 ? text => text : text =>
    {
        for (var i = 0; i < start && text.StartsWith(content, StringComparison.Ordinal); i++)
        {
            text = text[content.Length..];
        }
        for (var i = 0; i < stop && text.EndsWith(content, StringComparison.Ordinal); i++)
        {
            text = text[..^content.Length];
        }
        return text;
    };

    private static DecodeStep Metaspace(string mark, PrependScheme scheme) => tokens =>
    {
        var result = new List<string>(tokens.Count);
        foreach (var token in tokens)
        {
            var first = result.Count == 0 && scheme != PrependScheme.Never;
            result.Add(token.Replace(mark, first ? "" : " ", StringComparison.Ordinal));
        }
        return result;
    };

    /// <summary>Runs of tokens such as &lt;0xE2&gt; to text; a run that is no valid UTF-8 becomes one U+FFFD per byte.</summary>
    private static List<string> ByteFallback(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (var token in tokens)
        {
            var value = CodePoints.ByteOfToken(token);
            if (value >= 0)
            {
                run.Add((byte)value);
                continue;
            }
            EndRun(run, result);
            result.Add(token);
        }
        EndRun(run, result);
        return result;
    }

    private static void EndRun(List<byte> run, List<string> result)
    {
        if (run.Count > 0)
        {
            byte[] bytes = [.. run];
            result.Add(System.Text.Unicode.Utf8.IsValid(bytes)
                ? CodePoints.Utf8.GetString(bytes)
                : new string('\uFFFD', bytes.Length));
            run.Clear();
        }
    }
}
