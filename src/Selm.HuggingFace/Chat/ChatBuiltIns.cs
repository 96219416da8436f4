namespace Selm.HuggingFace.Chat;

/// <summary>Templates for checkpoints that carry none, written for the formats that their model cards describe.</summary>
internal static class ChatBuiltIns
{
    /// <summary>Template sources by name.</summary>
    public static IReadOnlyDictionary<string, string> Sources { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["zephyr"] = """
            {% for message in messages %}
            {% if message.role in ['system', 'user', 'assistant'] %}
            <|{{ message.role }}|>
            {{ message.content ~ eos_token }}
            {% endif %}
            {% endfor %}
            {% if add_generation_prompt %}
            {{ '<|assistant|>\n' }}
            {%- endif %}
            """,
        ["llama3"] = """
            {{ bos_token }}
            {%- for message in messages %}
            {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' ~ message.content | trim ~ '<|eot_id|>' }}
            {%- endfor %}
            {%- if add_generation_prompt %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
            {%- endif %}
            """,
        ["phi3"] = """
            {% for message in messages %}
            {% if message.role in ['system', 'user', 'assistant'] %}
            <|{{ message.role }}|>
            {{ message.content }}<|end|>
            {% endif %}
            {% endfor %}
            {{ '<|assistant|>\n' if add_generation_prompt else eos_token }}
            """,
    };
}
