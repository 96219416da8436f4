using Selm.Research.Figures;
using Selm.Tests;

namespace Selm.Research.Tests.Figures;

/// <summary>Pictures that someone has looked at, in tests/golden/figures.</summary>
internal static class GoldenFigures
{
    /// <summary>Fails when a figure is not drawn byte for byte as in its golden file, and leaves the new picture to be looked at.</summary>
    public static void AssertSame(Figure figure)
    {
        var (svg, golden) = (SvgWriter.Write(figure), Golden.Path("figures", $"{figure.Id}.svg"));
        if (!File.Exists(golden) || File.ReadAllText(golden) != svg)
        {
            var actual = Path.Combine(Golden.Root, "artifacts", "figures", $"{figure.Id}.svg");
            SvgWriter.Save(figure, actual);
            Assert.Fail($"{golden} differs from {actual}; look at the new picture and copy it over the golden one if it is right");
        }
    }
}
