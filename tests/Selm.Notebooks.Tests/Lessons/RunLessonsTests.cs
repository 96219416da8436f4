namespace Selm.Notebooks.Tests.Lessons;

public sealed class RunLessonsTests(LessonKit kit) : IClassFixture<LessonKit>
{
    public static TheoryData<string> Names => Lesson.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void a_lesson_says_again_what_is_committed(string name)
    {
        var run = kit.Run(name, "--check");

        Assert.True(run.Code == 0, run.Out + run.Error);
    }
}
