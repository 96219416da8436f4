namespace Selm.HuggingFace.Chat;

/// <summary>The functions that every template sees.</summary>
internal static class ChatFunctions
{
    /// <summary>The function that reads the clock.</summary>
    public const string Clock = "strftime_now";

    private const int LongestRange = 100_000;
    private static readonly ChatParameters s_message = "message", s_format = "format", s_range = "first second step";

    /// <summary>Gives a scope the functions of transformers' environment.</summary>
    /// <param name="scope">The outermost scope.</param>
    /// <param name="now">What strftime_now writes.</param>
    public static void Define(ChatScope scope, DateTime now)
    {
        scope.Set("raise_exception", new ChatFunction(inputs =>
        {
            var message = new ChatBound("{0}", "raise_exception", s_message, inputs)[0];
            throw new ChatTemplateFault(inputs.At, ChatPrinting.Text(message, inputs.At), isRefusal: true);
        }));
        scope.Set(Clock, new ChatFunction(inputs => ChatClock.Write(now, new ChatBound("{0}", Clock, s_format, inputs).Text(0), inputs.At)));
        scope.Set("namespace", new ChatFunction(inputs =>
        {
            var space = new ChatNamespace();
            foreach (var (name, value) in Table("namespace", inputs))
            {
                space.Values[name] = value;
            }
            return space;
        }));
        scope.Set("dict", new ChatFunction(inputs => Table("dict", inputs)));
        scope.Set("range", new ChatFunction(Range));
    }

    private static Dictionary<string, object?> Table(string function, ChatInputs inputs)
    {
        var result = inputs.Positional switch
        {
            [] => [],
            [Dictionary<string, object?> table] => new Dictionary<string, object?>(table),
            _ => throw new ChatTemplateFault(inputs.At, $"the function '{function}' with these arguments is not supported."),
        };
        foreach (var (name, value) in inputs.Named)
        {
            result[name] = value;
        }
        return result;
    }

    private static List<object?> Range(ChatInputs inputs)
    {
        var bound = new ChatBound("the function '{0}'", "range", s_range, inputs);
        var (start, stop) = bound.Has(1) ? (bound.Whole(0, 0), bound.Whole(1, 0)) : (0, bound.Has(0) ? bound.Whole(0, 0) : throw bound.Wrong("needs an end"));
        var step = bound.Whole(2, 1);
        if (step == 0)
        {
            throw new ChatTemplateFault(inputs.At, "range() arg 3 must not be zero.");
        }
        var result = new List<object?>();
        for (Int128 i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            if (result.Count == LongestRange)
            {
                throw new ChatTemplateFault(inputs.At, $"a range of more than {LongestRange} numbers is refused.");
            }
            ChatWork.Spend(4);
            result.Add((long)i);
        }
        return result;
    }
}
