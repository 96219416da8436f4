using Selm.Tests;
using Selm.Tests.Hostile;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Hostile;

/// <summary>Tests that measure memory and time run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class RunsAlone
{
    public const string Name = "hostile";
}

/// <summary>
/// Damaged and malicious files before every reader: no crash, no hang, no flood of memory, always one sentence with file and place.
/// SELM_HOSTILE sets how many mutated files each reader gets.
/// </summary>
[Collection(RunsAlone.Name)]
public class HostileInputTests(ITestOutputHelper output)
{
    public static TheoryData<string> Readers()
    {
        using var readers = new HostileReaders();
        return [.. readers.All.Select(reader => reader.Name)];
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void a_sound_file_is_read(string name) => With(name, HostileTest.Sound);

    [Theory]
    [MemberData(nameof(Readers))]
    public void a_mutated_file_is_read_or_refused_in_one_sentence(string name) => With(name, reader => HostileTest.Mutated(reader, output));

    [Fact]
    public void what_was_found_once_is_read_or_refused_in_one_sentence()
    {
        using var readers = new HostileReaders();
        var folder = Path.Combine(Golden.Root, "tests", "hostile");
        var found = readers.All.Sum(reader => HostileTest.Found(reader, folder));
        Assert.True(found > 0, $"{folder} holds nothing");
    }

    private static void With(string name, Action<HostileReader> test)
    {
        using var readers = new HostileReaders();
        test(readers.All.Single(reader => reader.Name == name));
    }
}
