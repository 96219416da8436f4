// A cell's thread may be interrupted and aborted at any place, even within a socket's own code; so another thread has the
// socket, and the cell waits for its answer.
using System.Collections.Concurrent;
using NetMQ;
using NetMQ.Sockets;
using Selm.Notebooks.Engine;

namespace Selm.Notebooks.Jupyter;

/// <summary>Asks the front end for input.</summary>
#pragma warning disable CA1001 // lives as long as the process
internal sealed class Stdin(RouterSocket socket, Wire wire)
#pragma warning restore CA1001
{
    // How soon a question that nobody waits for any more is given up.
    private static readonly TimeSpan patience = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<Question> queue = new();
    private readonly AutoResetEvent asked = new(false);

    private sealed record Question(Request Request, CancellationToken Interrupt)
    {
        public TaskCompletionSource<string> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Asks the front end that sent the request for a line of input.</summary>
    /// <exception cref="OperationCanceledException">The cell was interrupted, or a later question took this one's place.</exception>
    public string Ask(Request request, CancellationToken interrupt)
    {
        var question = new Question(request, interrupt);
        AbortShield.Do(() =>
        {
            queue.Enqueue(question);
            asked.Set();
        });
        return question.Answer.Task.GetAwaiter().GetResult();
    }

    /// <summary>Puts one question after another for ever; the thread's body.</summary>
    public void Run()
    {
        while (true)
        {
            asked.WaitOne();
            while (queue.TryDequeue(out var question))
            {
                Put(question);
            }
        }
    }

    private void Put(Question question)
    {
        while (socket.Receive(TimeSpan.Zero) is not null)
        {
            // Answers to questions that were interrupted.
        }
        socket.SendMultipartBytes(wire.Pack(question.Request.Identities, "input_request", question.Request.Header, new() { ["prompt"] = "", ["password"] = false }));
        while (!question.Interrupt.IsCancellationRequested && queue.IsEmpty)
        {
            if (socket.Receive(patience) is { } frames && wire.Unpack(frames) is { Type: "input_reply" } reply)
            {
                question.Answer.SetResult(reply.Text("value"));
                return;
            }
        }
        question.Answer.SetCanceled(CancellationToken.None);
    }
}
