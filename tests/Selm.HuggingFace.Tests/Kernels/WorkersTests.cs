using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>The kernels' threads.</summary>
public sealed unsafe class WorkersTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    [Theory, InlineData(1), InlineData(2), InlineData(5)]
    public void Every_block_runs_exactly_once(int threads)
    {
        Workers.Threads = threads;
        var counts = stackalloc int[24];
        for (var round = 0; round < 20_000; round++)
        {
            var blocks = round % 23;
            new Span<int>(counts, 24).Clear();
            Workers.Run(blocks, counts, &Count);
            for (var k = 0; k < 24; k++) Assert.Equal(k < blocks ? 1 : 0, counts[k]);
        }
    }

    [Fact]
    public void Jobs_reach_helpers_that_have_parked()
    {
        Workers.Threads = 2;
        for (var round = 0; round < 50; round++)
        {
            Thread.Sleep(2);
            // Two blocks that wait for each other: only two threads can finish them.
            var meeting = 0;
            Workers.Run(2, &meeting, &Meet);
            Assert.Equal(2, meeting);
        }
    }

    [Fact]
    public void One_thread_runs_everything_on_the_caller()
    {
        Workers.Threads = 1;
        var ids = stackalloc int[16];
        Workers.Run(16, ids, &Id);
        for (var k = 0; k < 16; k++) Assert.Equal(Environment.CurrentManagedThreadId, ids[k]);
    }

    [Fact]
    public void Several_callers_at_once_and_blocks_that_call_again_all_finish()
    {
        Workers.Threads = 3;
        var wrong = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var round = 0; round < 2000; round++)
            {
                var total = 0;
                Workers.Run(9, &total, &CallAgain);
                if (total != 9 * 5) Interlocked.Increment(ref wrong);
            }
        })).ToList();
        callers.ForEach(t => t.Start());
        callers.ForEach(t => t.Join());
        Assert.Equal(0, wrong);
    }

    [Theory, InlineData(1), InlineData(3)]
    public void An_exception_in_a_block_reaches_the_caller_and_the_next_job_runs(int threads)
    {
        Workers.Threads = threads;
        for (var round = 0; round < 300; round++)
        {
            var at = round % 8;
            var thrown = Assert.Throws<InvalidOperationException>(() => { var local = at; Workers.Run(8, &local, &ThrowAt); });
            Assert.Equal($"block {at}", thrown.Message);
            var total = 0;
            Workers.Run(6, &total, &Add);
            Assert.Equal(6, total);
        }
    }

    [Fact]
    public void A_job_allocates_nothing()
    {
        Workers.Threads = 2;
        var total = 0;
        for (var k = 0; k < 100; k++) Workers.Run(4, &total, &Add);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var k = 0; k < 1000; k++) Workers.Run(4, &total, &Add);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    private static void Count(int* counts, int block) => Interlocked.Increment(ref counts[block]);

    private static void Id(int* ids, int block) => ids[block] = Environment.CurrentManagedThreadId;

    private static void Add(int* total, int block) => Interlocked.Increment(ref *total);

    private static void CallAgain(int* total, int block) => Workers.Run(5, total, &Add);

    private static void ThrowAt(int* at, int block)
    {
        if (block == *at) throw new InvalidOperationException($"block {block}");
    }

    private static void Meet(int* count, int block)
    {
        Interlocked.Increment(ref *count);
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (Volatile.Read(ref *count) < 2)
            if (patience.Elapsed.TotalSeconds > 20) throw new TimeoutException("The second thread never came.");
    }
}
