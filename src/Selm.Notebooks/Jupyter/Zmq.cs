// The few functions of libzmq that a kernel needs. A socket belongs to one thread at a time.
using System.Runtime.InteropServices;

namespace Selm.Notebooks.Jupyter;

/// <summary>A socket of libzmq that is bound to an address.</summary>
internal sealed unsafe partial class ZmqSocket
{
    public const int Pub = 1, Rep = 4, Router = 6;

    private const string Library = "libzmq.so.5";
    private const int Linger = 17, SendHighWaterMark = 23, RouterHandover = 56;
    private const int SendMore = 2;
    private const short PollIn = 1;
    private const int Interrupted = 4; // EINTR

    private static readonly nint context = Context();
    private readonly nint socket;

    public ZmqSocket(int type, string address)
    {
        socket = zmq_socket(context, type);
        Set(Linger, 1000);
        Set(SendHighWaterMark, 0); // never drop output of a fast cell
        if (type == Router)
        {
            Set(RouterHandover, 1); // a front end that comes back under its old name is heard
        }
        if (zmq_bind(socket, address) != 0)
        {
            throw new NotebookException($"the kernel cannot listen at {address}: {Error()}; is another kernel using this connection file?");
        }
    }

    /// <summary>A message's frames, or null when none came in time.</summary>
    /// <param name="milliseconds">How long to wait; -1 = for ever.</param>
    public List<byte[]>? Receive(int milliseconds)
    {
        var item = new PollItem { Socket = socket, Events = PollIn };
        while (zmq_poll(&item, 1, milliseconds) is var ready && ready <= 0)
        {
            if (ready == 0)
            {
                return null;
            }
            if (zmq_errno() != Interrupted)
            {
                throw new InvalidOperationException($"zmq_poll: {Error()}");
            }
        }
        // A cell's thread may be aborted anywhere but in a finally block; half a message would spoil the socket.
        List<byte[]>? frames = null;
        try
        {
        }
        finally
        {
            frames = ReceiveFrames();
        }
        return frames;
    }

    /// <summary>Sends one message.</summary>
    public void Send(IReadOnlyList<byte[]> frames)
    {
        try
        {
        }
        finally
        {
            SendFrames(frames);
        }
    }

    private List<byte[]> ReceiveFrames()
    {
        var frames = new List<byte[]>();
        bool more;
        do
        {
            Message message;
            if (zmq_msg_init(&message) != 0 || zmq_msg_recv(&message, socket, 0) < 0)
            {
                throw new InvalidOperationException($"zmq_msg_recv: {Error()}");
            }
            frames.Add(new ReadOnlySpan<byte>((void*)zmq_msg_data(&message), checked((int)zmq_msg_size(&message))).ToArray());
            more = zmq_msg_more(&message) != 0;
            _ = zmq_msg_close(&message);
        }
        while (more);
        return frames;
    }

    private void SendFrames(IReadOnlyList<byte[]> frames)
    {
        for (var i = 0; i < frames.Count; i++)
        {
            fixed (byte* bytes = frames[i])
            {
                var flags = i < frames.Count - 1 ? SendMore : 0;
                while (zmq_send(socket, bytes, (nuint)frames[i].Length, flags) < 0)
                {
                    if (zmq_errno() != Interrupted)
                    {
                        throw new InvalidOperationException($"zmq_send: {Error()}");
                    }
                }
            }
        }
    }

    private void Set(int option, int value) => _ = zmq_setsockopt(socket, option, &value, sizeof(int));

    private static string Error() => Marshal.PtrToStringUTF8(zmq_strerror(zmq_errno())) ?? "unknown error";

    private static nint Context()
    {
        try
        {
            return zmq_ctx_new();
        }
        catch (DllNotFoundException)
        {
            throw new NotebookException($"{Library} is missing; install it with 'apt-get install libzmq5' (elsewhere: ZeroMQ 4).");
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollItem
    {
        public nint Socket;
        public int Descriptor;
        public short Events;
        public short Ready;
    }

    // zmq_msg_t: 64 opaque bytes.
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Message
    {
        public nint Opaque;
    }

    [LibraryImport(Library)]
    private static partial nint zmq_ctx_new();

    [LibraryImport(Library)]
    private static partial nint zmq_socket(nint context, int type);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int zmq_bind(nint socket, string address);

    [LibraryImport(Library)]
    private static partial int zmq_setsockopt(nint socket, int option, int* value, nuint size);

    [LibraryImport(Library)]
    private static partial int zmq_poll(PollItem* items, int count, long milliseconds);

    [LibraryImport(Library)]
    private static partial int zmq_send(nint socket, byte* bytes, nuint size, int flags);

    [LibraryImport(Library)]
    private static partial int zmq_msg_init(Message* message);

    [LibraryImport(Library)]
    private static partial int zmq_msg_recv(Message* message, nint socket, int flags);

    [LibraryImport(Library)]
    private static partial nint zmq_msg_data(Message* message);

    [LibraryImport(Library)]
    private static partial nuint zmq_msg_size(Message* message);

    [LibraryImport(Library)]
    private static partial int zmq_msg_more(Message* message);

    [LibraryImport(Library)]
    private static partial int zmq_msg_close(Message* message);

    [LibraryImport(Library)]
    private static partial int zmq_errno();

    [LibraryImport(Library)]
    private static partial nint zmq_strerror(int number);
}
