using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Selm.Cli.Tests;

/// <summary>
/// A Slurm of one node on the loopback, started and stopped in a folder of its own: munge with its own key and socket, one controller,
/// one node daemon, no accounts and no control groups. Times are cut so that a lost job is missed and started again within seconds.
/// </summary>
public sealed class SlurmFixture : IDisposable
{
    private static readonly string[] programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "scontrol"];

    private readonly TempFolder folder = new();

    public SlurmFixture()
    {
        Missing = Array.Find(programs, program => !Places.Any(place => File.Exists(Path.Combine(place, program))));
        if (Missing is null)
        {
            Start();
        }
    }

    /// <summary>A program of Slurm or munge that is not here, or null.</summary>
    internal string? Missing { get; }

    /// <summary>What makes selm and Slurm's commands speak to this Slurm.</summary>
    internal (string Name, string Value)[] Environment => [("SLURM_CONF", folder.File("slurm.conf")), ("PATH", string.Join(Path.PathSeparator, Places))];

    private static IEnumerable<string> Places => [.. (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), "/usr/sbin", "/usr/bin"];

    /// <summary>Ends the node as a power cut does: its daemon, the step's own daemon and the job at once. It is not started again.</summary>
    /// <param name="job">The process of the job.</param>
    internal void KillNode(int job)
    {
        var step = Parent(job);
        foreach (var pid in new[] { Pid("slurmd"), step, job })
        {
            Run("kill", "-9", $"{pid}");
        }
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{job}") || IsZombie(job), 10_000));
    }

    internal void StartNode() => Run("slurmd");

    /// <summary>Output of one of Slurm's commands.</summary>
    internal string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Places.Select(place => Path.Combine(place, program)).First(File.Exists), arguments) { RedirectStandardOutput = true };
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    public void Dispose()
    {
        if (Missing is null)
        {
            Run("scancel", "--me");
            SpinWait.SpinUntil(() => Run("squeue", "--noheader").Length == 0, 10_000);
            foreach (var daemon in new[] { "slurmd", "slurmctld", "munged" })
            {
                var pid = Pid(daemon);
                Run("kill", $"{pid}");
                SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}") || IsZombie(pid), 10_000);
            }
        }
        folder.Dispose();
    }

    private void Start()
    {
        Directory.CreateDirectory(folder.File("munge"));
        File.WriteAllBytes(folder.File("munge", "key"), RandomNumberGenerator.GetBytes(1024));
        Run("chmod", "700", folder.File("munge"));
        Run("chmod", "400", folder.File("munge", "key"));
        Directory.CreateDirectory(folder.File("state"));
        Directory.CreateDirectory(folder.File("spool"));
        folder.Write("slurm.conf", Configuration());
        Run("munged", "--force", $"--key-file={folder.File("munge", "key")}", $"--socket={folder.File("munge", "socket")}", $"--pid-file={folder.File("munged.pid")}",
            $"--log-file={folder.File("munge", "log")}", $"--seed-file={folder.File("munge", "seed")}", "--num-threads=2");
        Run("slurmctld", "-c", "-i");
        Run("slurmd");
        Assert.True(
            SpinWait.SpinUntil(() => Run("sinfo", "--noheader", "--format=%T").Trim() == "idle", 30_000),
            $"Slurm did not come up: {(File.Exists(folder.File("slurmctld.log")) ? File.ReadAllText(folder.File("slurmctld.log")) : "no log")}");
    }

    private string Configuration()
    {
        var (host, user) = (Dns.GetHostName().Split('.')[0], System.Environment.UserName);
        return $"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmUser={user}
            SlurmdUser={user}
            AuthType=auth/munge
            AuthInfo=socket={folder.File("munge", "socket")},cred_expire=5
            SlurmctldPort={FreePort()}
            SlurmdPort={FreePort()}
            StateSaveLocation={folder.File("state")}
            SlurmdSpoolDir={folder.File("spool")}
            SlurmctldPidFile={folder.File("slurmctld.pid")}
            SlurmdPidFile={folder.File("slurmd.pid")}
            SlurmctldLogFile={folder.File("slurmctld.log")}
            SlurmdLogFile={folder.File("slurmd.log")}
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
            SlurmdParameters=config_overrides
            ReturnToService=2
            KillWait=5
            BatchStartTimeout=1
            MessageTimeout=2
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            MpiDefault=none
            NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
            PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP

            """;
    }

    private int Pid(string daemon) => int.Parse(File.ReadAllText(folder.File($"{daemon}.pid")), CultureInfo.InvariantCulture);

    // The fourth word of /proc/PID/stat, after the name in brackets.
    private static int Parent(int pid) => int.Parse(Stat(pid)[1], CultureInfo.InvariantCulture);

    private static bool IsZombie(int pid) => Stat(pid)[0] == "Z";

    private static string[] Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return ["Z", "0"]; // gone
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
