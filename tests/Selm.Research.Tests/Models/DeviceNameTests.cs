using Selm.HuggingFace.Models;
using Selm.Research.Lessons;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

public class DeviceNameTests
{
    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    [InlineData("CPU")]
    public void a_name_that_is_none_is_refused_with_the_names_there_are(string name) =>
        Assert.Equal($"There is no device '{name}'; give cpu, cuda or cuda:N.", Assert.Throws<InputException>(() => DeviceName.Parse(name)).Message);

    [Fact]
    public void a_lesson_on_a_device_that_is_not_there_is_answered_in_one_sentence()
    {
        var absent = $"cuda:{cuda.device_count()}";
        var error = Assert.Throws<InputException>(() => LessonModels.Base(absent));
        Assert.StartsWith($"The device '{absent}' is not there", error.Message, StringComparison.Ordinal);
    }
}
