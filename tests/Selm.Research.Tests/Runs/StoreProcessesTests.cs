using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Runs;

public class StoreProcessesTests
{
    [Fact]
    public void eight_processes_at_once_fill_one_store_with_the_same_numbers_and_leave_it_whole()
    {
        using var folder = new TempFolder();
        var path = folder.File("reference-logps.bin");

        var results = new long[8][];
        Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = results.Length }, k => results[k] = MemoryProbe.Run("store", path));
        var once = MemoryProbe.Run("store", path);

        Assert.All(results, result => Assert.Equal((2000, 0), (result[1], result[2])));
        Assert.Equal([2000, 2000, 0], once);
        Assert.Equal(0, (new FileInfo(path).Length - 8) % 28);
        using var store = new NumberStore(path);
        for (var i = 0; i < 2000; i++)
        {
            Assert.True(store.TryGet($"key {i}", out var value));
            Assert.Equal(Math.Sin(i), value);
        }
    }

    [Fact]
    public async Task a_store_that_another_handle_holds_is_waited_for()
    {
        using var folder = new TempFolder();
        var path = folder.File("n.bin");
        using var store = new NumberStore(path);
        store.Put("a", 1);
        var held = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        var freed = Task.Run(async () =>
        {
            await Task.Delay(200);
            await held.DisposeAsync();
        });

        store.Flush();

        await freed;
        using var again = new NumberStore(path);
        Assert.True(again.TryGet("a", out _));
    }
}
