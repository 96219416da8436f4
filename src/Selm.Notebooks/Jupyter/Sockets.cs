using System.Net.Sockets;
using NetMQ;
using NetMQ.Sockets;

namespace Selm.Notebooks.Jupyter;

/// <summary>What a kernel does with NetMQ's sockets. A socket belongs to one thread.</summary>
internal static class Sockets
{
    /// <summary>The socket, listening at an address.</summary>
    /// <exception cref="NotebookException">The address is taken, or not this machine's.</exception>
    public static T Bound<T>(this T socket, string address)
        where T : NetMQSocket
    {
        socket.Options.SendHighWatermark = 0; // never drop output of a fast cell
        if (socket is RouterSocket)
        {
            socket.Options.RouterHandover = true; // a front end that comes back under its old name is heard
        }
        try
        {
            socket.Bind(address);
            return socket;
        }
        catch (Exception e) when (e is NetMQException or SocketException)
        {
            throw new NotebookException($"the kernel cannot listen at {address}: {e.Message}; is another kernel using this connection file?");
        }
    }

    /// <summary>The next message's frames, or null when none came in time.</summary>
    public static List<byte[]>? Receive(this NetMQSocket socket, TimeSpan wait)
    {
        var frames = new List<byte[]>();
        return socket.TryReceiveMultipartBytes(wait, ref frames) ? frames : null;
    }
}
