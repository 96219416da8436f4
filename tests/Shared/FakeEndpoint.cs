using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Selm.Tests;

/// <summary>A chat endpoint on this machine that answers as it is told and remembers what it was asked.</summary>
internal sealed class FakeEndpoint : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly Func<int, JsonElement, (int Status, string Body)> answer;
    private readonly List<JsonElement> requests = [];

    /// <summary>The status of an answer that never comes.</summary>
    public const int Silence = 0;

    /// <param name="answer">From the number of the request, counted from 1, and its body to status and body of the answer.</param>
    public FakeEndpoint(Func<int, JsonElement, (int Status, string Body)> answer)
    {
        this.answer = answer;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/v1";
        }
        listener.Prefixes.Add($"{Url}/");
        listener.Start();
        _ = Task.Run(Serve);
    }

    public string Url { get; }

    /// <summary>What a 429 asks for: seconds, or a date.</summary>
    public string? RetryAfter { get; init; }

    public int Count => requests.Count;

    public IReadOnlyList<JsonElement> Requests => requests;

    public static (int Status, string Body) Says(string text, params (string Token, double Logp)[] first) => (200, JsonSerializer.Serialize(new
    {
        choices = new[]
        {
            new
            {
                message = new { role = "assistant", content = text },
                logprobs = first.Length == 0 ? null : new { content = new[] { new { token = text, top_logprobs = first.Select(token => new { token = token.Token, logprob = token.Logp }) } } },
            },
        },
    }));

    /// <summary>A reply that ends at the limit of tokens.</summary>
    public static (int Status, string Body) IsCutAfter(string text) =>
        (200, JsonSerializer.Serialize(new { choices = new[] { new { finish_reason = "length", message = new { role = "assistant", content = text } } } }));

    public void Dispose() => listener.Close();

    private async Task Serve()
    {
        while (listener.IsListening)
        {
            try
            {
                _ = Answer(await listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        using var reader = new StreamReader(context.Request.InputStream);
        var request = JsonElement.Parse(await reader.ReadToEndAsync());
        int number;
        lock (requests)
        {
            requests.Add(request);
            number = requests.Count;
        }
        await Task.Yield();
        var (status, body) = answer(number, request);
        if (status == Silence)
        {
            return;
        }
        try
        {
            context.Response.StatusCode = status;
            if (RetryAfter is { } seconds && status == 429)
            {
                context.Response.Headers["Retry-After"] = seconds;
            }
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The test is over, or who asked was killed.
        }
    }
}
