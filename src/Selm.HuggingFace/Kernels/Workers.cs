// A small pool of threads for the kernels. A job is a number of blocks, each of which writes an output of its own, so
// that who computes which block cannot change a bit. Nothing is allocated per job: the state lies on the caller's stack
// and the body is a function pointer. Blocks are claimed one by one from a ticket of (job number, next block); a worker
// that wakes late finds another job number and claims nothing, so the caller waits for claimed blocks only, never for
// threads that still sleep.
using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Selm.HuggingFace.Kernels;

/// <summary>Runs the blocks of a job on the calling thread and on parked helpers.</summary>
internal static unsafe class Workers
{
    private static readonly Lock Growth = new();
    private static Helper[] helpers = [];
    private static int threads = int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out var asked) && asked > 0 ? asked : Environment.ProcessorCount;

    // The job in progress. Written before its ticket, left alone until all its blocks are done.
    private static int busy;
    private static long ticket; // number of the job << 32 | blocks not yet claimed
    private static delegate*<void*, int, void> body;
    private static void* state;
    private static int remaining;
    private static Exception? failure;

    /// <summary>How many threads compute a job, the caller included; at least 1, which runs everything on the caller.</summary>
    public static int Threads
    {
        get => threads;
        set => threads = Math.Max(1, value);
    }

    /// <summary>
    /// Calls <paramref name="block"/> for 0 ... blocks - 1 and returns when all are done. Where the helpers are taken (by
    /// another thread, or because the caller is itself a block) everything runs on the caller. The first exception of a
    /// block reaches the caller; blocks that had not begun by then may be left out.
    /// </summary>
    public static void Run<T>(int blocks, T* job, delegate*<T*, int, void> block) where T : unmanaged
    {
        var wanted = Math.Min(blocks, threads) - 1;
        if (wanted <= 0 || Interlocked.CompareExchange(ref busy, 1, 0) != 0)
        {
            for (var k = 0; k < blocks; k++) block(job, k);
            return;
        }
        try { RunTogether(blocks, wanted, job, (delegate*<void*, int, void>)block); }
        finally { Volatile.Write(ref busy, 0); }
    }

    private static void RunTogether(int blocks, int wanted, void* job, delegate*<void*, int, void> block)
    {
        if (helpers.Length < wanted) Grow(wanted);
        body = block;
        state = job;
        failure = null;
        Volatile.Write(ref remaining, blocks);
        var number = (int)(ticket >> 32) + 1;
        Interlocked.Exchange(ref ticket, (long)number << 32 | (uint)blocks);
        for (var k = 0; k < wanted; k++) helpers[k].Wake();
        ClaimBlocks(number);
        var wait = new SpinWait();
        while (Volatile.Read(ref remaining) != 0) wait.SpinOnce(sleep1Threshold: -1);
        if (failure is { } thrown)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(thrown);
        }
    }

    // A claim succeeds only while the ticket still has the job's number and blocks left, so the job is not yet done and
    // its fields, read before, are its own.
    private static void ClaimBlocks(int number)
    {
        while (true)
        {
            var seen = Volatile.Read(ref ticket);
            var run = body;
            var job = state;
            var left = (int)seen;
            if ((int)(seen >> 32) != number || left == 0) return;
            if (Interlocked.CompareExchange(ref ticket, seen - 1, seen) != seen) continue;
            try
            {
                if (Volatile.Read(ref failure) is null) run(job, left - 1);
            }
#pragma warning disable CA1031 // Whatever a block throws is thrown again on the caller's thread.
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
#pragma warning restore CA1031
            Interlocked.Decrement(ref remaining);
        }
    }

    private static void Grow(int count)
    {
        lock (Growth)
        {
            var grown = new Helper[count];
            for (var k = 0; k < count; k++) grown[k] = k < helpers.Length ? helpers[k] : new Helper(k);
            helpers = grown;
        }
    }

    /// <summary>One thread: claims what there is, looks out for more for half a millisecond, then parks.</summary>
    private sealed class Helper
    {
        private static readonly long Patience = Stopwatch.Frequency / 2_000;
        private readonly object gate = new();
        private int parked;

        public Helper(int index) => new Thread(Loop) { IsBackground = true, Name = $"selm kernels {index + 1}" }.Start();

        // The ticket has been exchanged before, with a full fence: either this sees `parked`, or Park sees the ticket.
        public void Wake()
        {
            if (Volatile.Read(ref parked) == 0) return;
            lock (gate) Monitor.Pulse(gate);
        }

        private void Loop()
        {
            for (var done = 0; ;)
            {
                var since = Stopwatch.GetTimestamp();
                while (Number() == done)
                {
                    if (Stopwatch.GetTimestamp() - since < Patience) Thread.SpinWait(4);
                    else Park(done);
                }
                done = Number();
                ClaimBlocks(done);
            }
        }

        private void Park(int done)
        {
            lock (gate)
            {
                Interlocked.Exchange(ref parked, 1);
                while (Number() == done) Monitor.Wait(gate);
                parked = 0;
            }
        }

        private static int Number() => (int)(Volatile.Read(ref ticket) >> 32);
    }
}
