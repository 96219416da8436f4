using System.Text.Json;
using Selm.Research.Data;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

public class ChatTemplateTests
{
    // Formats that are no built-ins, because the kit has no models of these families; written for these tests.
    private const string Gemma = """
        {{ bos_token }}
        {%- for message in messages %}
        {%- if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
        {%- if (message.role == 'user') != loop.index0 is even %}
        {{- raise_exception('user and assistant must take turns') }}
        {%- endif %}
        {{- '<start_of_turn>' ~ ('model' if message.role == 'assistant' else message.role) ~ '\n' ~ message.content | trim ~ '<end_of_turn>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
        {{- '<start_of_turn>model\n' }}
        {%- endif %}
        """;

    private const string Qwen = """
        {%- if messages[0]['role'] != 'system' and not tools %}
        {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
        {%- endif %}
        {%- for message in messages %}
        {%- if message.role == "user" or message.role == "system" or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + eos_token + '\n' }}
        {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
        {{- '<|im_start|>assistant\n' }}
        {%- endif %}
        """;

    [Theory]
    [InlineData("zephyr")]
    [InlineData("llama3")]
    [InlineData("phi3")]
    [InlineData("gemma")]
    [InlineData("qwen2_5")]
    public void every_recorded_conversation_renders_to_the_reference_text_or_error(string name)
    {
        var golden = Golden.Json("chat-templates", "rendered.json").GetProperty(name);
        var bos = golden.GetProperty("bos_token").GetString()!;
        var eos = golden.GetProperty("eos_token").GetString()!;
        var template = name switch
        {
            "gemma" => ChatTemplate.Parse(Gemma, bos, eos),
            "qwen2_5" => ChatTemplate.Parse(Qwen, bos, eos),
            _ => ChatTemplate.Named(name, bos, eos),
        };
        Assert.Equal(20, golden.GetProperty("cases").GetArrayLength());
        foreach (var c in golden.GetProperty("cases").EnumerateArray())
        {
            var messages = Messages(c);
            var prompt = c.GetProperty("add_generation_prompt").GetBoolean();
            if (c.TryGetProperty("error", out var error))
            {
                var thrown = Assert.Throws<InputException>(() => template.Render(messages, prompt));
                Assert.Contains(error.GetString()!.Split(": ", 2)[1], thrown.Message, StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal(c.GetProperty("text").GetString(), template.Render(messages, prompt));
            }
        }
    }

    private static ChatMessage[] Messages(JsonElement c) => [.. c.GetProperty("messages").EnumerateArray()
        .Select(message => new ChatMessage(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
}
