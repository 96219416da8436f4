using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.Tests;

namespace Selm.Research.Tests.Figures;

/// <summary>A page in headless Chromium, without a network. Its scripts leave what they found with <c>report(object)</c>.</summary>
internal static class Chromium
{
    private const string MostVirtualMilliseconds = "120000";
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(3);

    private static readonly string? program = new[] { "chromium", "chromium-browser", "google-chrome" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Skips the test where there is no browser.</summary>
    public static void OrSkip() => Skip.If(program is null, "no Chromium on the PATH");

    /// <summary>Skips the test where there is no browser or no Plotly; else the address of plotly.min.js.</summary>
    public static string PlotlyOrSkip()
    {
        var plotly = Environment.GetEnvironmentVariable("SELM_PLOTLY_JS");
        OrSkip();
        Skip.If(string.IsNullOrEmpty(plotly), "SELM_PLOTLY_JS names no plotly.min.js (see environment.md)");
        Assert.True(File.Exists(plotly), $"SELM_PLOTLY_JS: {plotly} does not exist");
        return new Uri(Path.GetFullPath(plotly!)).AbsoluteUri;
    }

    /// <summary>Opens a page and returns what it has reported.</summary>
    public static JsonElement Open(string body)
    {
        using var folder = new TempFolder();
        var page = folder.Write("page.html", $$"""
            <!DOCTYPE html><html><head><meta charset="utf-8"><script>
            function report(found) {
              const text = document.createElement("pre");
              text.id = "report";
              text.textContent = JSON.stringify(found);
              document.body.appendChild(text);
            }
            </script></head><body>
            {{body}}
            </body></html>
            """);
        var dom = Dom(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=900,900",
            $"--user-data-dir={folder.File("profile")}", $"--virtual-time-budget={MostVirtualMilliseconds}", "--dump-dom", new Uri(page).AbsoluteUri]);
        var report = Regex.Match(dom, "<pre id=\"report\">(.*?)</pre>", RegexOptions.Singleline);
        Assert.True(report.Success, $"the page reported nothing: {dom[^Math.Min(dom.Length, 500)..]}");
        return JsonDocument.Parse(WebUtility.HtmlDecode(report.Groups[1].Value)).RootElement;
    }

    private static string Dom(string[] arguments)
    {
        using var browser = Process.Start(new ProcessStartInfo(program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (dom, errors) = (browser.StandardOutput.ReadToEndAsync(), browser.StandardError.ReadToEndAsync());
        if (!browser.WaitForExit(limit))
        {
            browser.Kill(entireProcessTree: true);
            throw new TimeoutException($"Chromium did not end within {limit}");
        }
        return dom.GetAwaiter().GetResult() is { Length: > 0 } text ? text : throw new InvalidOperationException(errors.GetAwaiter().GetResult());
    }
}
