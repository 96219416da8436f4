// Everything on iopub goes through one thread. A cell's thread may be aborted at any place, so it shares no lock with the
// others: it leaves a message in a queue. Text waits a moment, so that a loop of writes is one message.
using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using NetMQ;
using NetMQ.Sockets;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>Sends what all front ends hear.</summary>
#pragma warning disable CA1001 // lives as long as the process
internal sealed class Publisher(PublisherSocket iopub, Wire wire)
#pragma warning restore CA1001
{
    private const int WaitMilliseconds = 30, LongestText = 1 << 16, LongestQueue = 1 << 14, LongestDrain = 1000;

    private static readonly byte[] topic = "kernel"u8.ToArray();
    private readonly ConcurrentQueue<Item> queue = new();
    private readonly AutoResetEvent filled = new(false);
    private readonly StringBuilder text = new();
    private int queued;
    private (string Name, JsonObject Parent)? writer;

    private sealed record Item(string Type, JsonObject? Parent, JsonObject? Content, string Name = "", string Text = "", ManualResetEventSlim? Sent = null);

    /// <summary>Queues a message.</summary>
    public void Publish(string type, JsonObject? parent, JsonObject content) => Add(new(type, parent, content));

    /// <summary>Queues text of a stream.</summary>
    public void Stream(JsonObject parent, string name, string written) => Add(new("stream", parent, null, name, written));

    /// <summary>Waits until all that is queued has been sent, though not for ever.</summary>
    public void Drain()
    {
        var sent = new ManualResetEventSlim();
        Add(new("", null, null, Sent: sent));
        sent.Wait(LongestDrain);
    }

    /// <summary>Sends for ever; the thread's body.</summary>
    public void Run()
    {
        while (true)
        {
            if (!queue.TryDequeue(out var item))
            {
                if (!filled.WaitOne(text.Length > 0 ? WaitMilliseconds : Timeout.Infinite))
                {
                    Flush();
                }
                continue;
            }
            Interlocked.Decrement(ref queued);
            if (item.Sent is { } sent)
            {
                Flush();
                sent.Set();
            }
            else if (item.Content is null)
            {
                Append(item);
            }
            else
            {
                Flush();
                Send(item.Type, item.Parent, item.Content);
            }
        }
    }

    private void Add(Item item)
    {
        while (Volatile.Read(ref queued) > LongestQueue) // not the queue's own count, which takes a lock
        {
            Thread.Sleep(1);
        }
        AbortShield.Do(() =>
        {
            queue.Enqueue(item);
            Interlocked.Increment(ref queued);
            filled.Set();
        });
    }

    private void Append(Item item)
    {
        if (writer is { } current && (current.Name != item.Name || current.Parent != item.Parent))
        {
            Flush();
        }
        writer = (item.Name, item.Parent!);
        text.Append(item.Text);
        if (text.Length > LongestText)
        {
            Flush();
        }
    }

    private void Flush()
    {
        if (writer is { } current && text.Length > 0)
        {
            Send("stream", current.Parent, new() { ["name"] = current.Name, ["text"] = text.ToString() });
        }
        text.Clear();
        writer = null;
    }

    private void Send(string type, JsonObject? parent, JsonObject content) => iopub.SendMultipartBytes(wire.Pack([topic], type, parent, content));
}
