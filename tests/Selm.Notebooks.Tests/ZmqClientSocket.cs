using System.Runtime.InteropServices;

namespace Selm.Notebooks.Tests;

/// <summary>The front end's end of a socket of libzmq.</summary>
internal sealed unsafe partial class ZmqClientSocket : IDisposable
{
    public const int Sub = 2, Req = 3, Dealer = 5;

    private const string Library = "libzmq.so.5";
    private const int Identity = 5, Linger = 17, Subscribe = 6, ReceiveTimeout = 27, More = 13, SendMore = 2, Interrupted = 4;

    private readonly nint context = zmq_ctx_new();
    private readonly nint socket;

    public ZmqClientSocket(int type, string address)
    {
        socket = zmq_socket(context, type);
        Set(Linger, 0);
        if (type == Sub)
        {
            Assert.Equal(0, zmq_setsockopt(socket, Subscribe, null, 0));
        }
        fixed (byte* name = "front end"u8) // the same on all sockets: the kernel asks on stdin whoever asked it on the shell
        {
            Assert.Equal(0, zmq_setsockopt(socket, Identity, name, (nuint)"front end"u8.Length));
        }
        Assert.Equal(0, zmq_connect(socket, address));
    }

    public static bool IsInstalled { get; } = NativeLibrary.TryLoad(Library, out _);

    public void Send(List<byte[]> frames)
    {
        for (var i = 0; i < frames.Count; i++)
        {
            fixed (byte* bytes = frames[i])
            {
                Assert.True(zmq_send(socket, bytes, (nuint)frames[i].Length, i < frames.Count - 1 ? SendMore : 0) >= 0);
            }
        }
    }

    /// <summary>The next message, or null after this time.</summary>
    public List<byte[]>? Receive(TimeSpan wait)
    {
        Set(ReceiveTimeout, (int)wait.TotalMilliseconds);
        var frames = new List<byte[]>();
        var buffer = new byte[1 << 20];
        do
        {
            fixed (byte* bytes = buffer)
            {
                var length = zmq_recv(socket, bytes, (nuint)buffer.Length, 0);
                while (length < 0 && zmq_errno() == Interrupted)
                {
                    length = zmq_recv(socket, bytes, (nuint)buffer.Length, 0);
                }
                if (length < 0)
                {
                    return null;
                }
                frames.Add(buffer[..length]);
            }
        }
        while (HasMore());
        return frames;
    }

    public void Dispose()
    {
        _ = zmq_close(socket);
        _ = zmq_ctx_term(context);
    }

    private void Set(int option, int value) => Assert.Equal(0, zmq_setsockopt(socket, option, &value, sizeof(int)));

    private bool HasMore()
    {
        int more;
        var size = (nuint)sizeof(int);
        Assert.Equal(0, zmq_getsockopt(socket, More, &more, &size));
        return more != 0;
    }

    [LibraryImport(Library)]
    private static partial nint zmq_ctx_new();

    [LibraryImport(Library)]
    private static partial int zmq_errno();

    [LibraryImport(Library)]
    private static partial int zmq_ctx_term(nint context);

    [LibraryImport(Library)]
    private static partial nint zmq_socket(nint context, int type);

    [LibraryImport(Library)]
    private static partial int zmq_close(nint socket);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int zmq_connect(nint socket, string address);

    [LibraryImport(Library)]
    private static partial int zmq_setsockopt(nint socket, int option, void* value, nuint size);

    [LibraryImport(Library)]
    private static partial int zmq_getsockopt(nint socket, int option, void* value, nuint* size);

    [LibraryImport(Library)]
    private static partial int zmq_send(nint socket, byte* bytes, nuint size, int flags);

    [LibraryImport(Library)]
    private static partial int zmq_recv(nint socket, byte* bytes, nuint size, int flags);
}
