using System.Text.Json;

namespace Selm.Cli.Tests;

public class DoctorCommandTests
{
    [Fact]
    public void the_self_check_passes_and_json_says_what_is_there()
    {
        var doctor = SelmProcess.Run("doctor", "--json");

        Assert.Equal((0, ""), (doctor.Code, doctor.Error));
        var report = JsonDocument.Parse(doctor.Out).RootElement;
        Assert.True(report.GetProperty("self_check").GetProperty("ok").GetBoolean());
        Assert.NotEmpty(report.GetProperty("libtorch").GetProperty("version").GetString()!);
        Assert.True(Directory.Exists(report.GetProperty("libtorch").GetProperty("folder").GetString()));
        Assert.True(report.GetProperty("memory_bytes").GetInt64() > 0);
        Assert.Contains(report.GetProperty("tools").EnumerateObject(), tool => tool.Name == "rsvg-convert");
    }

    [Fact]
    public void without_libtorch_it_names_the_cure_and_is_no_success()
    {
        var doctor = SelmProcess.RunWith([("SELM_TORCH_NATIVE", "/nowhere/libselm_torch.so")], "doctor");

        Assert.Equal(2, doctor.Code);
        Assert.Contains("libtorch      MISSING. /nowhere/libselm_torch.so is missing", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("install libtorch-dev and g++", doctor.Out, StringComparison.Ordinal);
    }
}
