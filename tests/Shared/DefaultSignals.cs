using System.Diagnostics;
using System.Globalization;

namespace Selm.Tests;

/// <summary>
/// Programs that tests interrupt. A program started by one that ignores Ctrl-C ignores it too: the background job of a
/// script, and every test in it. Here it gets the default answer back.
/// </summary>
internal static class DefaultSignals
{
    private const int Interrupt = 2;
    private static readonly bool ignored = IgnoresInterrupts();

    /// <summary>How to start a program; the process has the program's own id either way.</summary>
    public static ProcessStartInfo Start(string program, IEnumerable<string> arguments) => Start(program, arguments, ignored);

    /// <summary>The same where it is known whether Ctrl-C is ignored.</summary>
    public static ProcessStartInfo Start(string program, IEnumerable<string> arguments, bool ignored) =>
        ignored ? new("env", ["--default-signal=INT", program, .. arguments]) : new(program, arguments);

    private static bool IgnoresInterrupts() => OperatingSystem.IsLinux()
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } line
        && (ulong.Parse(line[7..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << (Interrupt - 1))) != 0;
}
