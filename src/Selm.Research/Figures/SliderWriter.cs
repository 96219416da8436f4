// The page first holds the picture of the start and its caption. The script puts the slider above it and swaps the picture; without scripts
// there is no dead control. Frames share most of their lines (axes, legend, curves that stay), so each different line is written once and a
// frame is a list of line numbers.
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.Research.Figures;

/// <summary>Sliders as HTML: a picture, a caption and, where scripts run, a slider over precomputed pictures.</summary>
public static class SliderWriter
{
    // In a script element, where only "</" and "<!--" could end the text or its state.
    private static readonly JsonSerializerOptions inScript = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The HTML of a slider, to be placed in a page or a notebook's output. The same slider gives the same bytes.</summary>
    /// <exception cref="ArgumentException">A frame contradicts itself (lengths, empty ranges, mixed origins).</exception>
    public static string Write(Slider slider)
    {
        var (lines, frames) = Shared([.. slider.Frames.Select(SvgWriter.WithoutCaption)]);
        var start = slider.Frames[slider.Start];
        var data = $$"""
            {
              name: {{Json(slider.Name)}}, start: {{slider.Start}},
              texts: {{Json(slider.Frames.Select((_, k) => slider.Text(k)))}},
              titles: {{Json(slider.Frames.Select(frame => frame.Title))}},
              captions: {{Json(slider.Frames.Select(FigureLayout.CaptionText))}},
              frames: {{Json(frames)}},
              lines: `{{Template(lines)}}`.split("\n")
            }
            """;
        var id = $"{start.Id}-{ContentHash.OfText(data)[..10]}";
        return $$"""
            <div data-selm-slider="{{id}}" style="max-width:760px">
            {{HtmlWriter.Picture(start.Title, SvgWriter.WithoutCaption(start))}}
            <p>{{WebUtility.HtmlEncode(slider.Text(slider.Start))}}. {{WebUtility.HtmlEncode(FigureLayout.CaptionText(start))}}</p></div>
            <script>
            (function () {
              const data = {{data}};
              for (const box of document.querySelectorAll('[data-selm-slider="{{id}}"]:not([data-live])')) {
                box.setAttribute("data-live", "");
                const [picture, caption] = [box.querySelector("img"), box.querySelector("p")];
                const label = document.createElement("label");
                const input = document.createElement("input");
                const output = document.createElement("output");
                label.style.cssText = "display:flex;flex-wrap:wrap;align-items:center;gap:.7em;padding:.2em 0";
                input.type = "range";
                [input.min, input.max, input.step, input.value] = [0, data.frames.length - 1, 1, data.start];
                input.style.cssText = "flex:0 1 22em;min-width:10em";
                input.setAttribute("aria-label", data.name);
                const show = () => {
                  const k = Number(input.value);
                  const svg = data.frames[k].map(n => data.lines[n]).join("\n");
                  picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
                  picture.alt = data.titles[k];
                  caption.textContent = data.captions[k];
                  output.textContent = data.texts[k];
                  input.setAttribute("aria-valuetext", data.texts[k]);
                };
                input.addEventListener("input", show);
                label.append(input, output);
                box.prepend(label);
                show();
              }
            })();
            </script>

            """;
    }

    // Every different line once, and each picture as the numbers of its lines.
    private static (List<string> Lines, int[][] Frames) Shared(string[] pictures)
    {
        var (lines, places) = (new List<string>(), new Dictionary<string, int>());
        int Place(string line)
        {
            if (places.TryAdd(line, lines.Count))
            {
                lines.Add(line);
            }
            return places[line];
        }
        return (lines, [.. pictures.Select(picture => picture.TrimEnd('\n').Split('\n').Select(Place).ToArray())]);
    }

    // A template literal needs no mark before a quotation mark, of which SVG is full; what it would read as its own is written as SVG's entities.
    private static string Template(IEnumerable<string> lines) => string.Join('\n', lines)
        .Replace("\\", "&#92;", StringComparison.Ordinal).Replace("`", "&#96;", StringComparison.Ordinal).Replace("$", "&#36;", StringComparison.Ordinal);

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, inScript).Replace("<", "\\u003C", StringComparison.Ordinal);
}
