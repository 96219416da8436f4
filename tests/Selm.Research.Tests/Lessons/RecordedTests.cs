using Selm.Research.Lessons;

namespace Selm.Research.Tests.Lessons;

public sealed class RecordedTests
{
    private readonly Recorded absent = new("no-such-experiment");

    [Fact]
    public void without_a_record_figures_and_tables_say_how_to_make_one()
    {
        Assert.Null(absent.Record);
        Assert.Contains("./selm reproduce no-such-experiment", absent.About, StringComparison.Ordinal);
        Assert.Equal(absent.About, absent.Figure("table1"));
        Assert.Equal(absent.About, absent.Table("table1"));
    }

    [Fact]
    public void without_a_record_a_lesson_has_no_numbers_and_no_claims()
    {
        Assert.True(double.IsNaN(absent.Value("table1", "exact win rate", "SELM 0.001", 3).Mean));
        Assert.Empty(absent.Claims("table1-selm-over-dpo"));
        Assert.Empty(absent.Traces("table1"));
    }
}
