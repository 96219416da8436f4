using System.Text;
using System.Text.RegularExpressions;

namespace Selm.HuggingFace.Chat;

/// <summary>
/// A checkpoint's chat template: turns messages into the one text that the model was trained to read.
/// </summary>
/// <remarks>
/// Templates are Jinja programs. The kit runs what chat templates use of Jinja2 3 as transformers sets it up (statements with
/// macros, call and set blocks, break and continue; expressions; filters, tests and methods; white-space control with trim_blocks
/// and lstrip_blocks) and refuses everything else with the construct and its place, instead of guessing.
/// A template sees messages, add_generation_prompt, bos_token, eos_token, tools and documents (both none),
/// raise_exception, strftime_now, namespace, dict and range.
/// </remarks>
public sealed partial class ChatTemplate
{
    private readonly string _source;
    private readonly string _bosToken;
    private readonly string _eosToken;
    private readonly List<ChatStatement> _body;

    private ChatTemplate(string source, string bosToken, string eosToken, (List<ChatStatement> Body, bool ReadsClock) parsed)
    {
        _source = source;
        _bosToken = bosToken;
        _eosToken = eosToken;
        (_body, ReadsClock) = parsed;
    }

    /// <summary>Whether the template asks for the date (strftime_now), so that what it writes depends on the day.</summary>
    public bool ReadsClock { get; }

    /// <summary>Names of the built-in templates.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ChatBuiltIns.Sources.Keys];

    /// <summary>Reads a template.</summary>
    /// <param name="jinjaSource">Its text, as in tokenizer_config.json.</param>
    /// <param name="bosToken">Text of the token that opens a text; empty where there is none.</param>
    /// <param name="eosToken">Text of the token that ends a text; empty where there is none.</param>
    /// <exception cref="InputException">It is no valid template, or uses what the kit does not support.</exception>
    public static ChatTemplate Parse(string jinjaSource, string bosToken, string eosToken)
    {
        ArgumentNullException.ThrowIfNull(jinjaSource);
        ArgumentNullException.ThrowIfNull(bosToken);
        ArgumentNullException.ThrowIfNull(eosToken);
        var source = jinjaSource.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        try
        {
            return new ChatTemplate(source, bosToken, eosToken, ChatParser.Parse(source));
        }
        catch (ChatTemplateFault fault)
        {
            throw Explain(source, fault);
        }
    }

    /// <summary>A built-in template, for checkpoints that carry none.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="bosToken">Text of the token that opens a text.</param>
    /// <param name="eosToken">Text of the token that ends a text.</param>
    /// <exception cref="InputException">No such name.</exception>
    public static ChatTemplate Named(string name, string bosToken, string eosToken)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ChatBuiltIns.Sources.TryGetValue(name, out var source)
            ? Parse(source, bosToken, eosToken)
            : throw new InputException($"There is no built-in chat template '{name}': use one of {string.Join(", ", Names)}.");
    }

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">The turns, first to last.</param>
    /// <param name="addGenerationPrompt">Ends the text with the marker after which the assistant writes.</param>
    /// <exception cref="InputException">The template refuses the messages, or fails on them.</exception>
    /// <remarks>Templates that write the date (<see cref="ReadsClock"/>) take that of this machine's clock; what must not change overnight gives a date.</remarks>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt) => Render(messages, addGenerationPrompt, DateTime.Now);

    /// <summary>The text of a conversation at a given time.</summary>
    /// <param name="messages">The turns, first to last.</param>
    /// <param name="addGenerationPrompt">Ends the text with the marker after which the assistant writes.</param>
    /// <param name="now">What templates write that ask for the date (strftime_now).</param>
    /// <exception cref="InputException">The template refuses the messages, or fails on them.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, DateTime now)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var scope = new ChatScope(null);
        ChatFunctions.Define(scope, now);
        scope.Set("messages", messages.Select(object? (message) => new Dictionary<string, object?>
        {
            ["role"] = message.Role,
            ["content"] = message.Content,
        }).ToList());
        scope.Set("add_generation_prompt", addGenerationPrompt);
        scope.Set("bos_token", _bosToken);
        scope.Set("eos_token", _eosToken);
        scope.Set("tools", null);
        scope.Set("documents", null);
        var output = new StringBuilder();
        try
        {
            ChatWork.Within(messages.Sum(message => (long)message.Content.Length), () => ChatStatement.Render(_body, scope, output));
        }
        catch (ChatTemplateFault fault)
        {
            throw Explain(_source, fault);
        }
        return output.ToString();
    }

    /// <summary>The same for a model that reads texts: refuses a template that leaves out what the last turn says because it looks for parts, texts and images.</summary>
    /// <param name="messages">The turns, first to last.</param>
    /// <param name="addGenerationPrompt">Ends the text with the marker after which the assistant writes.</param>
    /// <param name="now">What templates write that ask for the date (strftime_now).</param>
    /// <exception cref="InputException">As <see cref="Render(IReadOnlyList{ChatMessage}, bool, DateTime)"/>, or the template needs parts.</exception>
    public string RenderTexts(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, DateTime now)
    {
        var text = Render(messages, addGenerationPrompt, now);
        return messages is [.., var last] && !text.Contains(last.Content.Trim(), StringComparison.Ordinal) && OfParts().Match(_source) is { Success: true } part
            ? throw new InputException($"The chat template leaves out what a turn says: it looks for parts ({part.Value}), as chats with images have them, but turns are texts here; give a chat template for text.")
            : text;
    }

    [GeneratedRegex(@"\[\s*['""](?:type|text|image)['""]\s*\]|\.(?:type|text|image)\b|selectattr\(\s*['""]type['""]")]
    private static partial Regex OfParts();

    private static InputException Explain(string source, ChatTemplateFault fault)
    {
        if (fault.IsRefusal)
        {
            return new InputException($"The chat template refuses these messages: {fault.Message}", fault);
        }
        var before = source.AsSpan(0, Math.Min(fault.At, source.Length));
        var line = before.Count('\n') + 1;
        var column = before.Length - (before.LastIndexOf('\n') + 1) + 1;
        var message = Unpassed(source, fault.At) is { } name ? $"{fault.Message.TrimEnd('.')}; it reads {name}, which the kit does not pass, so give a chat template that does without." : fault.Message;
        return new InputException($"Chat template, line {line}, column {column}: {message}", fault);
    }

    // What the tag around a place reads that only chats with tools, documents or images have.
    private static string? Unpassed(string source, int at)
    {
        at = Math.Min(at, source.Length);
        var start = Math.Max(source.LastIndexOf("{{", at, StringComparison.Ordinal), source.LastIndexOf("{%", at, StringComparison.Ordinal));
        int Ahead(string end) => source.IndexOf(end, at, StringComparison.Ordinal) is >= 0 and var found ? found : source.Length;
        var name = start < 0 ? null : OfOtherChats().Match(source, start, Math.Min(Ahead("}}"), Ahead("%}")) - start);
        return name is { Success: true } ? name.Value : null;
    }

    [GeneratedRegex(@"\b(?:tools|tool_calls|documents|images?|videos?)\b")]
    private static partial Regex OfOtherChats();
}

/// <summary>Something in a template that cannot be read or run, with its offset in the source.</summary>
internal sealed class ChatTemplateFault(int at, string message, bool isRefusal = false) : Exception(message)
{
    public int At { get; } = at;

    /// <summary>Whether the template itself raised the error.</summary>
    public bool IsRefusal { get; } = isRefusal;
}
