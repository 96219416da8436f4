using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Selm.Research.Runs;

/// <summary>What every YAML file is held to before it is bound: depth and the kind of its keys, so that no file costs more than its length.</summary>
internal static class YamlShape
{
    private const int Deepest = 30;

    /// <summary>Goes through the events of a document without building it.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="source">What errors call it.</param>
    /// <exception cref="InputException">It is nested too deeply, or a key is no single word.</exception>
    /// <exception cref="YamlException">It is not YAML.</exception>
    public static void Check(string yaml, string source)
    {
        var parser = new Parser(new StringReader(yaml));
        var open = new Stack<(bool IsMapping, bool KeyIsNext)>();
        while (parser.MoveNext())
        {
            var at = parser.Current!;
            if (at is NodeEvent && at is not Scalar && open.TryPeek(out var outer) && outer.KeyIsNext)
            {
                throw new InputException($"{source} line {at.Start.Line}: a key must be one word; write key: value.");
            }
            if (at is MappingStart or SequenceStart)
            {
                if (open.Count == Deepest)
                {
                    throw new InputException($"{source} line {at.Start.Line}: lists and keys are nested more than {Deepest} deep; remove what does not belong there.");
                }
                open.Push((at is MappingStart, at is MappingStart));
                continue;
            }
            if (at is MappingEnd or SequenceEnd)
            {
                open.Pop();
            }
            if (at is NodeEvent or MappingEnd or SequenceEnd && open.TryPop(out var frame))
            {
                open.Push(frame with { KeyIsNext = frame.IsMapping && !frame.KeyIsNext }); // keys and values take turns
            }
        }
    }
}
