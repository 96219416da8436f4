using Selm.HuggingFace.Engine;
using TorchSharp;

namespace Selm.HuggingFace.Tests.Engine;

/// <summary>How libtorch is found, and the cure for a libstdc++ that is older than GCC 13's.</summary>
public sealed class LibtorchTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("selm-engine").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string Package => Path.Combine(File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "libtorch.folders"))[0], "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    [SkippableFact]
    public void tensors_work_from_the_untouched_package()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");
        var before = File.ReadAllBytes(Package);

        var origin = Libtorch.Origin;
        using var sum = torch.ones(3).sum();

        Assert.Equal(3, sum.item<float>());
        Assert.Equal("package", origin.Provider);
        Assert.Equal(before, File.ReadAllBytes(Package));
        Assert.Null(Libtorch.Missing);
    }

    [SkippableFact]
    public void the_cure_changes_two_bytes_at_most_and_a_cured_copy_has_nothing_to_cure()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");

        var copy = StandardLibraryCure.Copy(Package, [folder])!;

        var (original, cured) = (File.ReadAllBytes(Package), File.ReadAllBytes(copy));
        Assert.Equal(original.Length, cured.Length);
        Assert.InRange(original.Zip(cured).Count(pair => pair.First != pair.Second), 1, 2);
        Assert.Null(StandardLibraryCure.Copy(copy, [folder]));
        Assert.Equal([Path.GetFileName(copy)], Directory.GetFiles(folder).Select(Path.GetFileName));
    }

    [SkippableFact]
    public async Task several_that_cure_the_same_file_at_once_get_the_same_whole_copy()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");

        var copies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => StandardLibraryCure.Copy(Package, [folder]))));

        Assert.Single(copies.Distinct());
        Assert.Single(Directory.GetFiles(folder));
        Assert.Equal(new FileInfo(Package).Length, new FileInfo(copies[0]!).Length);
    }

    [SkippableFact]
    public void a_cache_that_cannot_be_written_to_is_passed_over()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");

        var copy = StandardLibraryCure.Copy(Package, ["/proc/selm", Path.Combine(folder, "second")]);

        Assert.StartsWith(Path.Combine(folder, "second"), copy, StringComparison.Ordinal);
        var refused = Assert.Throws<InputException>(() => StandardLibraryCure.Copy(Package, ["/proc/selm"]));
        Assert.Contains("/proc/selm", refused.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void a_copy_that_cannot_be_read_is_made_again()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");
        var copy = StandardLibraryCure.Copy(Package, [folder])!;
        using var held = new FileStream(copy, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Throws<IOException>(() => File.ReadAllBytes(copy));

        var again = StandardLibraryCure.Copy(Package, [folder])!;

        Assert.Equal(new FileInfo(Package).Length, File.ReadAllBytes(again).Length);
    }

    [SkippableFact]
    public void the_symbols_that_the_library_needs_are_read_from_it()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the package's Linux library");
        var elf = new ElfFile(File.ReadAllBytes(Package));

        var symbols = elf.UndefinedSymbols().ToHashSet();

        Assert.Contains("_ZSt21ios_base_library_initv", symbols);
        Assert.Contains(symbols, name => name.Contains("2at6Tensor", StringComparison.Ordinal));
        Assert.Contains(elf.NeededVersions(), need => need is { Library: "libstdc++.so.6", Version: StandardLibraryCure.Version });
    }

    [Fact]
    public void what_is_no_library_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => new ElfFile([]));
        Assert.Throws<InvalidDataException>(() => new ElfFile("#!/bin/sh\n"u8.ToArray()));
        var truncated = new byte[64];
        "\u007fELF\u0002\u0001"u8.CopyTo(truncated);
        (truncated[33], truncated[56]) = (255, 3); // three program headers at 65280
        Assert.Throws<InvalidDataException>(() => new ElfFile(truncated));
    }
}
