// Sliders in a real browser: with scripts, without them, and two in one page.
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

public class SliderBrowserTests
{
    private static readonly Slider first = SliderTests.Line([0, 0.5, 2], start: 0.5), second = SliderTests.Line([1, 3], name: "margin", word: "depth");

    private const string Look = """
        const look = box => ({
          sliders: box.querySelectorAll("input[type=range]").length,
          value: box.querySelector("input")?.value ?? "",
          said: box.querySelector("output")?.textContent ?? "",
          spoken: box.querySelector("input")?.getAttribute("aria-valuetext") ?? "",
          label: box.querySelector("input")?.getAttribute("aria-label") ?? "",
          caption: box.querySelector("p").textContent,
          title: decodeURIComponent(box.querySelector("img").src).match(/aria-label="([^"]*)"/)[1],
          pictures: [...box.querySelectorAll("img")].filter(image => image.naturalWidth > 0).length,
        });
        const boxes = [...document.querySelectorAll("[data-selm-slider]")];
        const wait = () => new Promise(done => setTimeout(done, 500));
        """;

    [SkippableFact]
    public void moving_the_slider_changes_the_picture_the_caption_and_what_is_read_out()
    {
        Chromium.OrSkip();
        var found = Open("""
            const input = boxes[0].querySelector("input");
            await wait();
            const before = look(boxes[0]);
            input.value = 2;
            input.dispatchEvent(new Event("input"));
            await wait();
            return [before, look(boxes[0])];
            """, first);

        Assert.Equal(
            [
                new(1, "1", "alpha = 0.5 reward", "alpha = 0.5 reward", "alpha", "The height is 0.5. Values: exact, by enumeration.", "A line of height 0.5", 1),
                new(1, "2", "alpha = 2 reward", "alpha = 2 reward", "alpha", "The height is 2.0. Values: exact, by enumeration.", "A line of height 2.0", 1),
            ],
            found);
    }

    [SkippableFact]
    public void it_can_be_reached_and_moved_without_a_mouse()
    {
        Chromium.OrSkip();
        var found = Open("""
            const input = boxes[0].querySelector("input");
            input.focus();
            const reached = document.activeElement === input && input.tabIndex === 0 && !input.disabled;
            input.stepUp(); // what the arrow key to the right does
            input.dispatchEvent(new Event("input"));
            await wait();
            return reached ? [look(boxes[0])] : [];
            """, first);

        Assert.Equal("alpha = 2 reward", Assert.Single(found).Said);
    }

    [SkippableFact]
    public void two_sliders_in_one_page_do_not_move_each_other()
    {
        Chromium.OrSkip();
        var found = Open("""
            const input = boxes[1].querySelector("input");
            input.value = 1;
            input.dispatchEvent(new Event("input"));
            await wait();
            return boxes.map(look);
            """, first, second, first);

        Assert.Equal(["alpha = 0.5 reward", "margin = 3 reward", "alpha = 0.5 reward"], found.Select(box => box.Said));
        Assert.Equal(["A line of height 0.5", "A line of depth 3.0", "A line of height 0.5"], found.Select(box => box.Title));
        Assert.All(found, box => Assert.Equal(1, box.Sliders));
    }

    [SkippableFact]
    public void without_scripts_one_picture_is_there_with_its_value_and_caption()
    {
        Chromium.OrSkip();
        var still = Regex.Replace(SliderWriter.Write(first), "(?s)<script>.*?</script>", "");
        var found = Boxes(Chromium.Open($$"""{{still}}<script>{{Look}}(async () => { await wait(); report(boxes.map(look)); })();</script>"""));

        Assert.Equal(
            new Box(0, "", "", "", "", "alpha = 0.5 reward. The height is 0.5. Values: exact, by enumeration.", "A line of height 0.5", 1),
            Assert.Single(found));
    }

    private static Box[] Open(string does, params Slider[] sliders) =>
        Boxes(Chromium.Open($$"""{{string.Concat(sliders.Select(SliderWriter.Write))}}<script>{{Look}}(async () => report(await (async () => { {{does}} })()))();</script>"""));

    private static Box[] Boxes(JsonElement found) => found.Deserialize<Box[]>(JsonSerializerOptions.Web)!;

    private sealed record Box(int Sliders, string Value, string Said, string Spoken, string Label, string Caption, string Title, int Pictures);
}
