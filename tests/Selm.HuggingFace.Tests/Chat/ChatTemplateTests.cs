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
    [InlineData("{{ tools is none }} {{ nothing is defined }} {{ raise_exception is defined }} {{ strftime_now is defined }} {{ 'a' is string and not 1 is string }}", "True False True True True")]
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
    // Macros, call blocks and what they see.
    [InlineData("{% macro f(a, b='B', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, c=3) }}{{ f(b=2, a=1) }}{{ f() }}", "[1B1][1B3][121][B]")]
    [InlineData("{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210")]
    [InlineData("{% macro f(a) %}<{{ caller(a, 2) }}>{% endmacro %}{% call(x, y) f(1) %}{{ x }}-{{ y }}{% endcall %}", "<1-2>")]
    [InlineData("{% macro f() %}{{ caller() if caller is defined else 'no' }}{% endmacro %}{{ f() }}{% call f() %}yes{% endcall %}", "noyes")]
    [InlineData("{% set x = 1 %}{% macro f() %}{{ x }}{{ loop is defined }}{% endmacro %}{% set x = 2 %}{% for i in [1] %}{{ f() }}{% endfor %}", "2False")]
    [InlineData("{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'b': 1}) }}{{ dict({'k': 1}, **{'b': 2}) }}", "121{'k': 1, 'b': 2}")]
    // Blocks.
    [InlineData("{% set x %}\na{{ 1 }}\n{% endset %}[{{ x }}]{% set y | trim | upper %} ab {% set q = 1 %}{% endset %}[{{ y }}]{{ q is defined }}", "[a1\n][AB]False")]
    [InlineData("{% set ns = namespace({'a': 1}) %}{% set ns.b %}t{% endset %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}", "1tFalse")]
    [InlineData("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}{% filter trim | replace('a', 'b') %} a {% endfilter %}", "3Falseb")]
    [InlineData("{% raw %}{{ x }} {% if %}{% endraw %}!\n  {% raw -%}   a {{ {%- endraw %}   b", "{{ x }} {% if %}!\na {{   b")]
    [InlineData("{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q is defined }}", "1False")]
    [InlineData("{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}", "13")]
    [InlineData("{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{% endfor %}", "Truea1Falseb1Truea1")]
    [InlineData("{% for x in 1, 2 %}{{ x }}{% endfor %}{% set a, b = 1, 2 %}{{ b }}{{ a }}{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }}{% endfor %}", "12211234")]
    // The clock.
    [InlineData("{{ strftime_now('%d %b %Y') }} {{ strftime_now('%A, %B %-d, %y %H:%M:%S %p %j') if strftime_now is defined else '26 Jul 2024' }}", "30 Nov 2026 Monday, November 30, 26 00:00:00 AM 334")]
    // Printing and JSON.
    [InlineData("{{ [1, 'a', none, 2.5, true, {'k': \"it's\"}] }} {{ (1,) }} {{ {} }} {{ 'x', 1 }} {{ ['é', '\\x01'] }}", "[1, 'a', None, 2.5, True, {'k': \"it's\"}] (1,) {} ('x', 1) ['é', '\\x01']")]
    [InlineData("{{ 1e16 }} {{ 1.5e-7 }} {{ 0.1 + 0.2 }} {{ 100000.0 }} {{ 0.0001 }} {{ 5e-324 }}", "1e+16 1.5e-07 0.30000000000000004 100000.0 0.0001 5e-324")]
    [InlineData("{{ {'a': [1, {'b': none}], 'c': []} | tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": []\n}")]
    [InlineData("{{ {'b': 'é🙂', 'a': 1} | tojson(ensure_ascii=True, sort_keys=true) }} {{ [1, 'é'] | tojson(separators=(',', ':')) }}", "{\"a\": 1, \"b\": \"\\u00e9\\ud83d\\ude42\"} [1,\"é\"]")]
    [InlineData("{{ '%s and %d' % ('a', 3) }} {{ '%05.2f|%-3s|' % (3.14159, 'a') }} {{ '%s' | format('b') }}", "a and 3 03.14|a  | b")]
    // Choosing, mapping, sorting.
    [InlineData("{{ ['a', 'b'] | select('equalto', 'a') | list }} {{ ['a', 'b'] | reject('eq', 'a') | join }} {{ [0, 1, 2] | select | list }} {{ [1, 5, 9] | select('in', [1, 9]) | list }}", "['a'] b [1, 2] [1, 9]")]
    [InlineData("{{ ['a b', 'c'] | map('replace', 'a', 'z') | list }} {{ messages | map(attribute='x', default='d') | list }} {{ messages | map(attribute='content.0') | join }}", "['z b', 'c'] ['d', 'd'] HH")]
    [InlineData("{% if messages | selectattr('role', 'equalto', 'none') %}a generator is true{% endif %}", "a generator is true")]
    [InlineData("{% for k, v in {'b': 1, 'A': 2} | dictsort %}{{ k }}{{ v }}{% endfor %} {{ {'b': 1, 'A': 2} | dictsort(by='value', reverse=true) }}{% for k, v in {'x': 1} | items %}{{ k }}{{ v }}{% endfor %}", "A2b1 [('A', 2), ('b', 1)]x1")]
    [InlineData("{{ ['b', 'A', 'c'] | sort }} {{ [1, 2] | sort(reverse=true) }} {{ [1, 5, 2] | max }} {{ [1, 2, 3] | sum }} {{ ['a', 'A'] | unique | list }} {{ [1, 2, 3] | batch(2, 0) | list }}", "['A', 'b', 'c'] [2, 1] 5 6 ['a'] [[1, 2], [3, 0]]")]
    [InlineData("{{ 'a\n\nb' | indent }}|{{ 'a\nb' | indent('> ', true) }}|{{ '<a>' | e }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ '12.7' | int }} {{ 'x' | int(5) }} {{ -3 | abs }}", "a\n\n    b|> a\n> b|&lt;a&gt; 2.57 2.0 12 5 3")]
    [InlineData("{{ \"it's a-test\" | title }} {{ \"it's a-test\".title() }}", "It's A-Test It'S A-Test")]
    // Tests.
    [InlineData("{{ 4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ 1 is in [1] }} {{ 1 is eq 1 }} {{ none is sameas none }} {{ true is integer }} {{ 'A' is upper }}", "True False True True True False True")]
    // Undefined values, methods before entries and the other way round.
    [InlineData("{{ 'x' in nothing }} {{ nothing | length }} {{ nothing == none }} {{ none.x is defined }} {{ messages[0].content['text'] is defined }}{% for x in nothing %}x{% endfor %}", "False 0 False False False")]
    [InlineData("{{ {'get': 1}['get'] }} {{ {'get': 1}.get('get') }} {{ messages[0].items is defined }} {{ messages.0.role }} {{ messages[0] | attr('role') is defined }}", "1 1 True user False")]
    [InlineData("{{ 'a.b.c'.rsplit('.', 1) }} {{ 'k=v=w'.partition('=') }} {{ 'a  b c'.split(maxsplit=1) }} {{ 'xaxbx'.replace('x', '-', 2) }} {{ '🙂b'.find('b') }} {{ 'abc'.startswith(('x', 'a')) }}", "['a.b', 'c'] ('k', '=', 'v=w') ['a', 'b c'] -a-bx 1 True")]
    [InlineData("{{ 2 ** 3 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ true + 1 }} {{ [1] + [2] }} {{ [1, 2] < [1, 3] }} {{ (1, 2) == [1, 2] }} {{ 1_000 }} {{ '\\q' }}", "8 0.5 3.0 2 [1, 2] True False 1000 \\q")]
    // Whole numbers up to the last one.
    [InlineData("{{ (-9223372036854775807 - 1) % -1 }} {{ 9223372036854775807 % -2 }} {{ 9223372036854775807 // -2 }} {{ 9223372036854775806 % 9223372036854775807 }} {{ -7 // -2 }} {{ -6 // 3 }}", "0 -1 -4611686018427387904 9223372036854775806 3 -2")]
    [InlineData("{{ 1 ** 9000000000000000000 }} {{ (-1) ** 9000000000000000001 }} {{ 3 ** 39 }} {{ 0 ** 0 }}", "1 -1 4052555153018976267 1")]
    [InlineData("{{ '%d' % 9007199254740993 }} {{ '%i %d' % (2.9, -2.9) }} {{ '%d' % true }} {{ '%07d|%-4d|%.1f' % (-42, 7, 2) }}", "9007199254740993 2 -2 1 -000042|7   |2.0")]
    [InlineData("{{ [1, 2, 3][::9223372036854775807] }} {{ 'abc'[::-9223372036854775807] }} {{ range(9223372036854775800, 9223372036854775807, 5) | list }}", "[1] c [9223372036854775800, 9223372036854775805]")]
    [InlineData("{{ 'x'.zfill(0) }} {{ '-5'.zfill(4) }} {{ '-5'.zfill(1) }} {{ ' a  b '.split() }} {{ ' a  b c'.split(none, 1) }}", "x -005 -5 ['a', 'b'] ['a', 'b c']")]
    public void what_newer_templates_use_of_jinja_gives_jinjas_text(string source, string expected)
    {
        ChatMessage[] messages = [new("user", "Hi"), new("assistant", "Hello!")];
        Assert.Equal(expected, ChatTemplate.Parse(source, "<s>", "</s>").Render(messages, addGenerationPrompt: true, new DateTime(2026, 11, 30)));
    }

    [Fact]
    public void the_date_is_the_callers_or_todays()
    {
        var template = ChatTemplate.Parse("{{ strftime_now('%Y-%m-%d') }}", "", "");
        Assert.Equal("2024-02-29", template.Render([], false, new DateTime(2024, 2, 29)));
        var before = DateTime.Today;
        var today = DateTime.ParseExact(template.Render([], false), "yyyy-MM-dd", null);
        Assert.InRange(today, before, DateTime.Today);
    }

    [Theory]
    [InlineData("{{ strftime_now('%Y') }}", true)]
    [InlineData("{% if date is not defined and strftime_now is defined %}{% set date = strftime_now('%d %b %Y') %}{% endif %}", true)]
    [InlineData("{% macro f(day=strftime_now('%d')) %}{{ day }}{% endmacro %}", true)]
    [InlineData("{{ messages[0].strftime_now }}{{ 'strftime_now' }}{# strftime_now() #}{{ f(strftime_now=1) if false }}", false)]
    public void a_template_says_whether_it_reads_the_clock(string source, bool readsClock) => Assert.Equal(readsClock, ChatTemplate.Parse(source, "", "").ReadsClock);

    [Fact]
    public void a_long_text_is_split_in_one_pass()
    {
        var since = System.Diagnostics.Stopwatch.StartNew();
        var text = string.Concat(Enumerable.Repeat("ab ", 400_000)); // rest by rest that would be 240 GB to copy
        Assert.Equal("400000", ChatTemplate.Parse("{{ messages[0].content.split() | length }}", "", "").Render([new("user", text)], false));
        Assert.InRange(since.Elapsed.TotalSeconds, 0, 20);
    }

    [Theory]
    [InlineData("line\n  {% include 'x' %}", "line 2, column 6", "{% include %}")]
    [InlineData("{% for x in [] recursive %}{% endfor %}", "line 1, column 16", "recursive loops")]
    [InlineData("{% set x, y %}y{% endset %}", "line 1, column 13", "'=' is expected")]
    [InlineData("{{ messages | groupby('role') }}", "column 13", "the filter 'groupby'")]
    [InlineData("{{ 3 is escaped }}", "column 6", "'is escaped'")]
    [InlineData("{% break %}", "column 4", "outside of a loop")]
    [InlineData("{% for x in [1] %}{% macro f() %}{% continue %}{% endmacro %}{% endfor %}", "column 37", "outside of a loop")]
    [InlineData("{% for x in [1] %}", "column 19", "{% endfor %}")]
    [InlineData("{% macro f() %}", "column 16", "{% endmacro %}")]
    [InlineData("{% raw %}", "column 1", "not closed")]
    [InlineData("{% if true %}{% endfor %}", "column 17", "{% endfor %}")]
    [InlineData("{{ 'open }}", "column 4", "not closed")]
    [InlineData("{{ 1 ", "column 1", "not closed")]
    [InlineData("{# open", "column 1", "not closed")]
    [InlineData("{{ 1 + }}", "column 8", "a value is expected")]
    [InlineData("{{ a b }}", "column 6", "the end of the tag is expected")]
    [InlineData("{{ if }}", "column 4", "'if' stands")]
    [InlineData("{{ a ? b }}", "column 6", "the character '?'")]
    [InlineData("{{ 1 + ٣ }}", "column 8", "the character")]
    [InlineData("{{ '\\x1' }}", "column 5", "2 hexadecimal digits")]
    public void what_the_kit_does_not_support_is_refused_with_its_place_when_read(string source, string place, string construct)
    {
        var message = Assert.Throws<InputException>(() => ChatTemplate.Parse(source, "", "")).Message;
        Assert.Contains(place, message, StringComparison.Ordinal);
        Assert.Contains(construct, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ range }}", "printing a value of type 'function'")]
    [InlineData("{{ nothing.role }}", "'nothing' is undefined")]
    [InlineData("{{ nothing() }}", "'nothing' is undefined")]
    [InlineData("{{ messages.x.y }}", "'list object' has no attribute 'x'")]
    [InlineData("{{ 'a'.x + 'b' }}", "'str object' has no attribute 'x'")]
    [InlineData("{{ 'a' + 1 }}", "can only concatenate str (not \"int\") to str")]
    [InlineData("{{ 1 + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'")]
    [InlineData("{{ 1 // 0 }}", "division by zero")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "beyond 64 bits")]
    [InlineData("{{ 2 ** 9000000000000000000 }}", "beyond 64 bits")]
    [InlineData("{{ (-9223372036854775807 - 1) // -1 }}", "beyond 64 bits")]
    [InlineData("{{ (-9223372036854775807 - 1) | abs }}", "beyond 64 bits")]
    [InlineData("{{ '%99999999999d' % 1 }}", "the width or precision '99999999999'")]
    [InlineData("{{ '%.99999999999f' % 1 }}", "the width or precision '99999999999'")]
    [InlineData("{{ '%d' % (1e400 - 1e400) }}", "cannot convert nan to a whole number")]
    [InlineData("{{ 1234 | round(-2) }}", "the filter 'round' with a negative precision is not supported")]
    [InlineData("{{ [1] | batch(2000000000, 0) | list }}", "the filter 'batch' needs a number from 1 to 1000000")]
    [InlineData("{{ 'a'.index('b') }}", "substring not found")]
    [InlineData("{{ strftime_now('%Q') }}", "the date directive '%Q'")]
    [InlineData("{{ 'a'.encode() }}", "the method '.encode(..)' of a text")]
    [InlineData("{{ messages.append(1) }}", "'append' of 'list' object is unsafe")]
    [InlineData("{{ range(1000000) | length }}", "a range of more than")]
    [InlineData("{{ 'a' < 1 }}", "'<' not supported between instances of 'str' and 'int'")]
    [InlineData("{{ 1 in 'a' }}", "requires string as left operand, not int")]
    [InlineData("{{ 'a' in none }}", "argument of type 'NoneType' is not iterable")]
    [InlineData("{% for x in tools %}{% endfor %}", "'NoneType' object is not iterable")]
    [InlineData("{% set messages.x = 1 %}", "is no namespace")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", "not enough values to unpack (expected 2, got 1)")]
    [InlineData("{{ 5[1:] }}", "not subscriptable")]
    [InlineData("{{ 5() }}", "'int' object is not callable")]
    [InlineData("{{ 'x' | join(1, 2, 3) }}", "the filter 'join'")]
    [InlineData("{{ 'x' | trim(what=1) }}", "the filter 'trim' does not support the argument 'what'")]
    [InlineData("{{ [1] | select('odder') | list }}", "the test 'is odder'")]
    [InlineData("{{ nothing | tojson }}", "Undefined is not JSON serializable")]
    [InlineData("{{ ['a'] | select('string') | length }}", "'generator' has no len()")]
    [InlineData("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "macro 'f' takes not more than 1 argument(s)")]
    [InlineData("{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "macro 'f' takes no keyword argument 'b'")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macros call each other too deeply")]
    public void what_cannot_be_computed_is_refused_when_rendered(string source, string construct)
    {
        var template = ChatTemplate.Parse("\n" + source, "", "");
        var message = Assert.Throws<InputException>(() => template.Render([], false)).Message;
        Assert.StartsWith("Chat template, line 2, column", message, StringComparison.Ordinal);
        Assert.Contains(construct, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for tool in tools %}{{ tool }}{% endfor %}", "column 8: 'NoneType' object is not iterable; it reads tools, which the kit does not pass, so give a chat template that does without.")]
    [InlineData("{{ messages[0].content }}{{ tools[0]['function']['name'] }}", "it reads tools, which the kit does not pass")]
    [InlineData("{{ messages[0]['tool_calls'][0] }}", "it reads tool_calls, which the kit does not pass")]
    [InlineData("{{ documents | length }}", "it reads documents, which the kit does not pass")]
    [InlineData("{{ images[0] }}", "it reads images, which the kit does not pass")]
    [InlineData("{% for m in messages %}{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% endif %}{% endfor %}{% endfor %}", "The chat template leaves out what a turn says: it looks for parts (['type']), as chats with images have them, but turns are texts here; give a chat template for text.")]
    [InlineData("{% for part in messages[0].content | selectattr('type', 'equalto', 'text') %}{{ part.text }}{% endfor %}", "it looks for parts (selectattr('type')")]
    [InlineData("{{ messages[0].content[0].text }}", "it looks for parts (.text)")]
    public void a_template_that_needs_tools_or_images_is_refused_by_their_name(string source, string sentence)
    {
        var error = Assert.Throws<InputException>(() => ChatTemplate.Parse(source, "", "").RenderTexts([new("user", "Hi there")], true, DateTime.Today));
        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% if tools %}{{ tools[0] }}{% endif %}{{ messages[0].content }}")]
    [InlineData("{% if messages[0].content is string %}{{ messages[0].content }}{% else %}{% for part in messages[0].content %}{{ part['text'] }}{% endfor %}{% endif %}")]
    public void a_template_that_knows_tools_and_images_too_writes_text_chats(string source) =>
        Assert.Equal("Hi there", ChatTemplate.Parse(source, "", "").RenderTexts([new("user", "Hi there")], true, DateTime.Today));

    [Fact]
    public void a_template_made_to_exhaust_the_stack_is_refused()
    {
        foreach (var source in (string[])[$"{{{{ {new string('(', 50_000)}1{new string(')', 50_000)} }}}}", $"{{{{ {new string('[', 50_000)}{new string(']', 50_000)} }}}}", $"{{{{ {new string('-', 50_000)}1 }}}}", string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000))])
        {
            Assert.Contains("nested too deeply", Assert.Throws<InputException>(() => ChatTemplate.Parse(source, "", "")).Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void templates_of_public_models_render_as_jinja_does_or_fail_with_its_error()
    {
        var path = Golden.Outside("chat-templates", "wild.jsonl");
        Skip.If(path is null, "no fixtures/chat-templates/wild.jsonl");
        var cases = File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.True(cases.Count >= 180);
        foreach (var c in cases)
        {
            var data = c.GetProperty("data");
            var template = ChatTemplate.Parse(c.GetProperty("template").GetString()!, data.GetProperty("bos_token").GetString()!, data.GetProperty("eos_token").GetString()!);
            string Render() => template.Render(Messages(data), data.GetProperty("add_generation_prompt").GetBoolean(), new DateTime(2026, 11, 30));
            var name = c.GetProperty("name").GetString()!;
            if (c.TryGetProperty("error", out var error))
            {
                Assert.Contains(error.GetString()!.Split(": ", 2)[1], Assert.Throws<InputException>(Render).Message, StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal((name, c.GetProperty("want").GetString()), (name, Render()));
            }
        }
    }

    [Fact]
    public void an_unknown_built_in_name_lists_the_known_ones() =>
        Assert.Contains("zephyr, llama3, phi3", Assert.Throws<InputException>(() => ChatTemplate.Named("chatml", "", "")).Message, StringComparison.Ordinal);

    private static ChatMessage[] Messages(JsonElement c) => [.. c.GetProperty("messages").EnumerateArray()
        .Select(message => new ChatMessage(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
}
