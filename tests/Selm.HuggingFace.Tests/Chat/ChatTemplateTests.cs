using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Chat;

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

    [Theory]
    // White space: trim_blocks, lstrip_blocks, minus and plus signs, comments, the newline at the end.
    [InlineData("a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc")]
    [InlineData("a {%- if true -%} \n b {%+ endif +%}\nc", "ab \nc")]
    [InlineData("a\n  {%+ if true %}b{% endif %}", "a\n  b")]
    [InlineData("a\n  {# note {{ x }} #}\nb {#- x -#} c", "a\nbc")]
    [InlineData("{{ 'a' }}\n{{- 'b' -}}\n c", "abc")]
    // Values and operators.
    [InlineData("{{ 'it''s' \"x\" '\\n\\u00e9' }}", "itsx\né")]
    [InlineData("{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 'ab' * 2 }}", "3 3 -4 2 3.5 2.0 abab")]
    [InlineData("{{ 1 ~ 'a' ~ none ~ true ~ nothing }}", "1aNoneTrue")]
    [InlineData("{{ 1 < 2 < 3 }} {{ 1 < 2 > 2 }} {{ 'a' < 'b' }} {{ 2 >= 2.0 }} {{ 1 != 2 }} {{ not 1 == 1 }}", "True False True True True False")]
    [InlineData("{{ 'b' in 'abc' }} {{ 'x' not in ['x'] }} {{ 'k' in {'k': 1} }}", "True False True")]
    [InlineData("{{ none or 'x' }} {{ 'a' and 'b' }} {{ '' or 0 }} {{ 'y' if [] else 'n' }}{{ 'z' if false }}", "x b 0 n")]
    [InlineData("{{ 'x' | trim + 'y' }} {{ -1 | string + '!' }} {{ [1, 2, 3] | join('-') }}", "xy -1! 1-2-3")]
    [InlineData("{{ {'a': {'b': [1, 2]}}['a'].b[-1] }}", "2")]
    // Slices.
    [InlineData("{{ 'abcde'[1:3] }} {{ 'abcde'[::-1] }} {{ 'abcde'[-2:] }} {{ 'abcde'[:-9] }}|{{ 'a🙂c'[1] }} {{ 'abcde'[::2] }} {{ 'abcde'[3:0:-2] }}", "bc edcba de |🙂 ace db")]
    // Loops, scopes, namespaces.
    [InlineData("{% for m in messages[1:] %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ m.role }}{% else %}none{% endfor %}", "1TrueTrueassistant")]
    [InlineData("{% for x in [] %}{{ x }}{% else %}none{% endfor %}", "none")]
    [InlineData("{% for x in [1, 2, 3, 4] if x is even %}{{ x }}/{{ loop.length }} {% endfor %}", "2/2 4/2 ")]
    [InlineData("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2")]
    [InlineData("{% set x = 1 %}{% for i in range(3) %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "2221")]
    [InlineData("{% set ns = namespace(n=0) %}{% for i in range(1, 7, 2) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "9")]
    [InlineData("{% if true %}{% set y = 'in' %}{% endif %}{{ y }}", "in")]
    [InlineData("{% for a in 'xy' %}{{ loop.previtem | default('-') }}{{ a }}{{ loop.nextitem | default('-') }}{{ loop.revindex0 }} {% endfor %}", "-xy1 xy-0 ")]
    // Filters, tests, methods.
    [InlineData("{{ '  a b ' | trim | upper }}{{ 'xaax'.strip('x') }}{{ ' q '.rstrip() }}|", "A Baa q|")]
    [InlineData("{{ messages | length }} {{ messages | first == messages[0] }} {{ (messages | last).content }}", "2 True Hello!")]
    [InlineData("{{ {'a': [1, none, true, 'é\"\n']} | tojson }}", "{\"a\": [1, null, true, \"é\\\"\\n\"]}")]
    [InlineData("{{ tools is none }} {{ nothing is defined }} {{ raise_exception is defined }} {{ strftime_now is defined }} {{ 'a' is string and not 1 is string }}", "True False True False True")]
    [InlineData("{{ 'a,b'.split(',')[1] }} {{ 'hello world'.title() }} {{ 'ABC'.lower().startswith('ab') }} {{ messages[0].get('x', 'none') }}", "b Hello World True none")]
    [InlineData("{{ (messages | selectattr('role', 'equalto', 'user') | list)[-1].content }}{{ messages | rejectattr('tool_calls') | list | length }}{{ messages | selectattr('x', 'undefined') | map(attribute='role') | join(',') }}", "Hi2user,assistant")]
    [InlineData("{% generation %}kept{% endgeneration %}", "kept")]
    [InlineData("{{ bos_token + eos_token }}{% if add_generation_prompt and not tools %}!{% elif true %}?{% endif %}", "<s></s>!")]
    public void what_templates_use_of_jinja_gives_jinjas_text(string source, string expected)
    {
        ChatMessage[] messages = [new("user", "Hi"), new("assistant", "Hello!")];
        Assert.Equal(expected, ChatTemplate.Parse(source, "<s>", "</s>").Render(messages, addGenerationPrompt: true));
    }

    [Theory]
    [InlineData("line\n  {% macro f() %}{% endmacro %}", "line 2, column 6", "{% macro %}")]
    [InlineData("{% set x %}y{% endset %}", "line 1, column 8", "block form")]
    [InlineData("{{ messages | groupby('role') }}", "column 13", "the filter 'groupby'")]
    [InlineData("{{ 3 is divisibleby(3) }}", "column 6", "'is divisibleby'")]
    [InlineData("{% break %}", "column 4", "{% break %}")]
    [InlineData("{% for x in [1] %}", "column 19", "{% endfor %}")]
    [InlineData("{% if true %}{% endfor %}", "column 17", "{% endfor %}")]
    [InlineData("{{ 'open }}", "column 4", "not closed")]
    [InlineData("{{ 1 ", "column 1", "not closed")]
    [InlineData("{# open", "column 1", "not closed")]
    [InlineData("{{ 1 + }}", "column 8", "a value is expected")]
    [InlineData("{{ a b }}", "column 6", "the end of the tag is expected")]
    [InlineData("{{ if }}", "column 4", "'if' stands")]
    [InlineData("{{ a ? b }}", "column 6", "the character '?'")]
    [InlineData("{{ '\\q' }}", "column 5", "the escape '\\q'")]
    public void what_the_kit_does_not_support_is_refused_with_its_place_when_read(string source, string place, string construct)
    {
        var message = Assert.Throws<InputException>(() => ChatTemplate.Parse(source, "", "")).Message;
        Assert.Contains(place, message, StringComparison.Ordinal);
        Assert.Contains(construct, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ messages }}", "printing a list")]
    [InlineData("{{ nothing.role }}", "'nothing' is not defined")]
    [InlineData("{{ 'a' + 1 }}", "'+' between a text and a number")]
    [InlineData("{{ 1 // 0 }}", "'//' between")]
    [InlineData("{{ strftime_now('%d') }}", "the function 'strftime_now'")]
    [InlineData("{{ 'a'.encode() }}", "the method '.encode(..)' of a text")]
    [InlineData("{{ range(1000000) | length }}", "a range of more than")]
    [InlineData("{{ 'a' < 1 }}", "have no order")]
    [InlineData("{% set messages.x = 1 %}", "is no namespace")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", "2 names for items of 1 values")]
    [InlineData("{{ 5[1:] }}", "cannot be cut")]
    [InlineData("{{ 'x' | join(1, 2) }}", "the filter 'join'")]
    [InlineData("{{ [{'a': 1}] | selectattr('a', 'gt', 0) }}", "choosing items")]
    public void what_cannot_be_computed_is_refused_when_rendered(string source, string construct)
    {
        var template = ChatTemplate.Parse("\n" + source, "", "");
        var message = Assert.Throws<InputException>(() => template.Render([], false)).Message;
        Assert.StartsWith("Chat template, line 2, column", message, StringComparison.Ordinal);
        Assert.Contains(construct, message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_template_made_to_exhaust_the_stack_is_refused()
    {
        foreach (var source in (string[])[$"{{{{ {new string('(', 50_000)}1{new string(')', 50_000)} }}}}", $"{{{{ {new string('[', 50_000)}{new string(']', 50_000)} }}}}", string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000))])
        {
            Assert.Contains("nested too deeply", Assert.Throws<InputException>(() => ChatTemplate.Parse(source, "", "")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void an_unknown_built_in_name_lists_the_known_ones() =>
        Assert.Contains("zephyr, llama3, phi3", Assert.Throws<InputException>(() => ChatTemplate.Named("chatml", "", "")).Message, StringComparison.Ordinal);

    private static ChatMessage[] Messages(JsonElement c) => [.. c.GetProperty("messages").EnumerateArray()
        .Select(message => new ChatMessage(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
}
