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
        Assert.Contains(report.GetProperty("tools").EnumerateObject(), tool => tool.Name == "fixtures");
    }

    [Fact]
    public void a_libtorch_that_is_not_there_is_named_with_the_cure_and_is_no_success()
    {
        var doctor = SelmProcess.RunWith([("SELM_LIBTORCH", "/nowhere/torch")], "doctor");

        Assert.Equal(2, doctor.Code);
        Assert.Contains("libtorch      MISSING. SELM_LIBTORCH is /nowhere/torch, which holds no ", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("name the folder torch inside a PyTorch wheel", doctor.Out, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void huge_pages_are_there_where_they_are_asked_for_and_the_system_has_them()
    {
        const string file = "/sys/kernel/mm/transparent_hugepage/enabled";
        Skip.IfNot(File.Exists(file) && File.ReadAllText(file).Contains("[madvise]", StringComparison.Ordinal), "this system does not leave it to the program");
        bool Pages(string asked) => JsonDocument.Parse(SelmProcess.RunWith([("GLIBC_TUNABLES", asked)], "doctor", "--json").Out).RootElement.GetProperty("libtorch").GetProperty("huge_pages").GetBoolean();

        Assert.True(Pages("glibc.malloc.hugetlb=1"));
        Assert.False(Pages("glibc.malloc.hugetlb=0"));
    }

    [SkippableFact]
    public void a_libtorch_of_another_version_is_refused_with_a_symbol_that_it_lacks()
    {
        var debians = Path.Combine("/usr", "lib", "x86_64-linux-gnu");
        Skip.IfNot(File.Exists(Path.Combine(debians, "libtorch_cpu.so")), "there is no other libtorch here");

        var doctor = SelmProcess.RunWith([("SELM_LIBTORCH", debians)], "doctor");

        Assert.Equal(2, doctor.Code);
        Assert.Contains($"The libtorch in {debians} (SELM_LIBTORCH) does not fit TorchSharp, which was made for libtorch 2.10: ", doctor.Out, StringComparison.Ordinal);
        Assert.Matches("symbol.* _Z", doctor.Out);
    }

    [Fact]
    public void a_processor_without_wide_vectors_computes_with_libtorchs_operators()
    {
        var doctor = SelmProcess.RunWith([("DOTNET_EnableAVX2", "0")], "doctor");

        Assert.Equal(0, doctor.Code);
        Assert.Contains("kernels       libtorch's operators", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("self-check    ok", doctor.Out, StringComparison.Ordinal);
    }
}
