using System.Net;
using System.Text.RegularExpressions;
using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

public class HtmlWriterTests
{
    public static TheoryData<string> Names => [.. SampleFigures.All.Keys];

    // Jupyter's sanitizer keeps images with data addresses and drops SVG elements, of which only loose words would be left.
    [Theory]
    [MemberData(nameof(Names))]
    public void without_scripts_and_trust_the_whole_picture_is_left_as_an_image(string name)
    {
        var figure = SampleFigures.All[name];
        var html = HtmlWriter.Write(figure);
        var page = html[..html.IndexOf("<script>", StringComparison.Ordinal)];

        var image = Assert.Single(Regex.Matches(page, "<img alt=\"([^\"]*)\" style=\"max-width:100%\" src='data:image/svg\\+xml;charset=utf-8,([^']*)'>"));
        Assert.DoesNotContain("<svg", page.Replace(image.Value, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(figure.Title, WebUtility.HtmlDecode(image.Groups[1].Value));
        Assert.Equal(SvgWriter.Write(figure), Uri.UnescapeDataString(WebUtility.HtmlDecode(image.Groups[2].Value)));
        Assert.DoesNotContain('#', image.Groups[2].Value); // would end the address
        Assert.DoesNotContain('\n', image.Groups[2].Value);
    }
}
