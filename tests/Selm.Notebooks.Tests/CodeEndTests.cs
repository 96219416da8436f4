using Selm.Notebooks.Jupyter;
using Selm.Notebooks.Tests.Lessons;

namespace Selm.Notebooks.Tests;

public sealed class CodeEndTests
{
    // Every cell of every lesson, typed line by line: no line that a user ends may be called wrong.
    [Theory]
    [MemberData(nameof(Lesson.Names), MemberType = typeof(Lesson))]
    public void the_beginning_of_code_that_is_right_is_never_invalid(string name)
    {
        foreach (var code in Lesson.Of(name).Code.Select(cell => cell.Source))
        {
            for (var end = code.IndexOf('\n', StringComparison.Ordinal); end > 0; end = code.IndexOf('\n', end + 1))
            {
                Assert.True((string?)CodeEnd.Reply(code[..end])["status"] != "invalid", $"...{code[Math.Max(0, end - 80)..end]}");
            }
            Assert.Equal("complete", (string?)CodeEnd.Reply(code)["status"]);
        }
    }
}
