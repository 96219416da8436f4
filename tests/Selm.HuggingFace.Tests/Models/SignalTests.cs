using System.Runtime.InteropServices;
using Selm.HuggingFace.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>What native/signals.h is for: without it a signal during a product writes over the product's own values.</summary>
public partial class SignalTests
{
    [Fact]
    public void signals_during_products_change_no_number()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        using var scope = NewDisposeScope();
        // Few columns, many rows, a long inner dimension: the products of a backward pass.
        static Tensor Filled(long rows, long columns) => (torch.arange(rows * columns, dtype: ScalarType.Float32) * 0.37f).sin().reshape(rows, columns);
        var (x, weight, gradient) = (Filled(300, 600), Filled(64, 600), Filled(300, 64));
        weight.requires_grad_(true);
        float[] Once()
        {
            using var inner = NewDisposeScope();
            weight.grad?.zero_();
            (Fast.Linear(x, weight) * gradient).sum().backward();
            return weight.grad!.data<float>().ToArray();
        }
        var expected = Once();
        using var handler = PosixSignalRegistration.Create(PosixSignal.SIGCONT, context => context.Cancel = true);
        using var stop = new CancellationTokenSource();
        var (process, thread) = (Environment.ProcessId, GetThreadId());
        var sender = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.Equal(0, SendSignal(process, thread, 18)); // SIGCONT, to the thread that computes
                Thread.SpinWait(2000);
            }
        });
        sender.Start();
        for (var k = 0; k < 2000; k++)
        {
            Assert.Equal(expected, Once());
        }
        stop.Cancel();
        sender.Join();
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetThreadId();

    [LibraryImport("libc", EntryPoint = "tgkill")]
    private static partial int SendSignal(int process, int thread, int signal);
}
