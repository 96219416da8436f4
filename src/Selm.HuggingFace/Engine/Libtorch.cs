using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Engine;

/// <summary>Where the native libraries that TorchSharp works with came from.</summary>
/// <param name="Provider">"package", or "SELM_LIBTORCH" where the user named another libtorch.</param>
/// <param name="Folder">The folder of libtorch's libraries, or null where TorchSharp's own search will find them.</param>
/// <param name="CuredCopy">The copy with the libstdc++ cure that was loaded instead of TorchSharp's library, or null.</param>
public sealed record LibtorchOrigin(string Provider, string? Folder, string? CuredCopy);

/// <summary>
/// Loads libtorch and TorchSharp's library before the first tensor: from the folder that SELM_LIBTORCH names, from beside
/// the program, or from the packages that the build restored. Builds do not copy libtorch (460 MB); they note where it is.
/// </summary>
public static partial class Libtorch
{
    /// <summary>The variable that names another libtorch, such as the folder torch inside a PyTorch wheel.</summary>
    public const string Variable = "SELM_LIBTORCH";
    private const string MadeFor = "2.10"; // TorchSharp 0.107
    private const string NoteFile = "libtorch.folders";
    private static readonly Lazy<LibtorchOrigin> Loaded = new(Load);
    private static readonly Dictionary<string, nint> Handles = new(StringComparer.Ordinal);
    private static int installed;

    /// <summary>Loads the libraries where that has not happened yet and says where they came from.</summary>
    /// <exception cref="DllNotFoundException">They are not there or do not fit; the message says which and what to do.</exception>
    public static LibtorchOrigin Origin => Loaded.Value;

    /// <summary>Width of the vectors that the kit's CPU kernels compute with [bits]; 0 where libtorch's operators compute instead.</summary>
    public static int VectorBits => !Gemm.IsFast ? 0 : Gemm.Wide ? 512 : 256;

    /// <summary>
    /// Threads of one computation on the CPU; at the start OMP_NUM_THREADS, or as many as there are cores. With the kit's kernels
    /// results have the same bits for any number; libtorch's own operators then run on one thread, because theirs do not.
    /// </summary>
    public static int Threads
    {
        get => Gemm.IsFast ? Workers.Threads : TorchSharp.torch.get_num_threads();
        set
        {
            if (Gemm.IsFast)
            {
                Workers.Threads = value;
            }
            else
            {
                TorchSharp.torch.set_num_threads(value);
            }
        }
    }

    /// <summary>The sentence that says why tensors cannot be used here, or null where they can.</summary>
    public static string? Missing
    {
        get
        {
            try
            {
                _ = Origin;
                return null;
            }
            catch (DllNotFoundException e)
            {
                return e.Message;
            }
        }
    }

    // TorchSharp's own search would take any libtorch on the system's path, so the right one is loaded as soon as TorchSharp
    // is, before its code runs; on Linux later look-ups by name find what is loaded, elsewhere they are answered here.
#pragma warning disable CA2255 // the search must be in place before the first tensor, whoever makes it
    /// <summary>Puts the search in place; programs whose own code may make the first tensor call it at their start.</summary>
    [ModuleInitializer]
    public static void Install()
    {
        if (Interlocked.Exchange(ref installed, 1) == 1)
        {
            return;
        }
        AppDomain.CurrentDomain.AssemblyLoad += static (_, load) => Prepare(load.LoadedAssembly);
        foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            Prepare(assembly);
        }
    }
#pragma warning restore CA2255

    /// <summary>A loaded library by TorchSharp's name for it, or 0.</summary>
    internal static nint Handle(string name)
    {
        _ = Origin;
        return Handles.GetValueOrDefault(name);
    }

    private static void Prepare(Assembly assembly)
    {
        if (assembly.GetName().Name == "TorchSharp")
        {
            AssemblyLoadContext.GetLoadContext(assembly)!.ResolvingUnmanagedDll += static (_, name) => Missing is null ? Handle(name) : 0;
            _ = Missing;
        }
    }

    private static LibtorchOrigin Load()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        var own = Folders();
        var bridge = Find(own, Name("LibTorchSharp"))
            ?? throw new DllNotFoundException($"{Name("LibTorchSharp")} is neither beside {OwnFolder} nor in the package folder that the build used; build the kit again (./selm build, or dotnet build).");
        string folder;
        if (string.IsNullOrEmpty(named))
        {
            folder = Find(own, Name("torch_cpu")) is { } found
                ? Path.GetDirectoryName(found)!
                : throw new DllNotFoundException($"libtorch for {RuntimeInformation.RuntimeIdentifier} is neither beside {OwnFolder} nor in the package folder that the build used; "
                    + $"build the kit again (./selm build, or dotnet build), or set {Variable} to a PyTorch folder.");
        }
        else
        {
            folder = Find([Path.Combine(named, "lib"), named], Name("torch_cpu")) is { } found
                ? Path.GetDirectoryName(found)!
                : throw new DllNotFoundException($"{Variable} is {named}, which holds no {Name("torch_cpu")}; name the folder torch inside a PyTorch wheel, or an unpacked libtorch.");
        }
        if (Gemm.IsFast && !OperatingSystem.IsWindows())
        {
            _ = SetEnv("OMP_NUM_THREADS", "1", overwrite: 1); // for libtorch alone: .NET and child processes keep the user's value
            _ = SetEnv("MKL_NUM_THREADS", "1", overwrite: 1);
        }
        if (!OperatingSystem.IsWindows())
        {
            // In bfloat16 libtorch keeps what it has made ready for each shape of a product, a thousand of them: gigabytes where every batch has another length.
            _ = SetEnv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16", overwrite: 0);
            _ = SetEnv("LRU_CACHE_CAPACITY", "16", overwrite: 0);
        }
        KeepMemory();
        foreach (var part in new[] { "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch" })
        {
            if (File.Exists(Path.Combine(folder, Name(part))))
            {
                Handles[part] = Open(Path.Combine(folder, Name(part)));
            }
        }
        return string.IsNullOrEmpty(named) ? new LibtorchOrigin("package", folder, OpenBridge(bridge)) : BesideAnother(bridge, folder);
    }

    private static LibtorchOrigin BesideAnother(string bridge, string folder)
    {
        DllNotFoundException NoFit(string what, Exception? e = null) => new(
            $"The libtorch in {folder} ({Variable}) does not fit TorchSharp, which was made for libtorch {MadeFor}: {what}; name a libtorch of that version or unset {Variable}.", e);
        string? cured;
        try
        {
            cured = OpenBridge(bridge);
        }
        catch (DllNotFoundException e) when (e.Message.Contains("undefined symbol", StringComparison.Ordinal))
        {
            throw NoFit(e.Message[e.Message.IndexOf("undefined symbol", StringComparison.Ordinal)..], e);
        }
        var unresolved = OperatingSystem.IsLinux() ? Unresolved(bridge) : [];
        return unresolved.Count == 0
            ? new LibtorchOrigin(Variable, folder, cured)
            : throw NoFit($"{unresolved.Count} symbols are missing, the first are {string.Join(", ", unresolved.Take(3))}");
    }

    // TorchSharp's library, or its cured copy where libstdc++ is older than GCC 13's.
    private static string? OpenBridge(string bridge)
    {
        try
        {
            Handles["LibTorchSharp"] = NativeLibrary.Load(bridge);
            return null;
        }
        catch (DllNotFoundException e) when (e.Message.Contains(StandardLibraryCure.Version, StringComparison.Ordinal))
        {
            var copy = Cured(bridge) ?? throw new DllNotFoundException(FirstLine(e), e);
            Handles["LibTorchSharp"] = Open(copy);
            return copy;
        }
        catch (DllNotFoundException e)
        {
            throw new DllNotFoundException(FirstLine(e), e);
        }
    }

    private static string? Cured(string bridge)
    {
        try
        {
            return StandardLibraryCure.Copy(bridge, CacheFolders());
        }
        catch (InputException e)
        {
            throw new DllNotFoundException($"TorchSharp's library needs a copy with a newer libstdc++'s version marked weak, and there is no room for it: {e.Message}", e);
        }
    }

    // The linker binds functions when they are first called, so what is missing would end the process much later.
    private static List<string> Unresolved(string bridge) =>
        [.. new ElfFile(File.ReadAllBytes(bridge)).UndefinedSymbols()
            .Where(name => name != "_ZSt21ios_base_library_initv" && !NativeLibrary.TryGetExport(Handles["LibTorchSharp"], name, out _))
            .Order(StringComparer.Ordinal)];

    private static nint Open(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new DllNotFoundException($"{path} could not be loaded: {FirstLine(e)}", e);
        }
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n').Last(line => line.Trim().Length > 0).Trim();

    private static string OwnFolder => Path.GetDirectoryName(typeof(Libtorch).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;

    // Beside the program, as NuGet lays natives out there, and where the build noted that it restored them.
    private static string[] Folders()
    {
        var platform = Path.Combine("runtimes", Platform, "native");
        string[] beside = [OwnFolder, Path.Combine(OwnFolder, platform), AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, platform)];
        var note = Path.Combine(OwnFolder, NoteFile);
        return File.Exists(note) ? [.. beside, .. File.ReadAllLines(note).Select(package => Path.Combine(package, platform))] : beside;
    }

    private static IEnumerable<string> CacheFolders()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile); // empty without a home
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache)
        {
            yield return Path.Combine(cache, "selm");
        }
        if (home.Length > 0)
        {
            yield return Path.Combine(home, ".cache", "selm");
        }
        yield return Path.Combine(Path.GetTempPath(), "selm-" + Environment.UserName);
    }

    // Activations come and go by the megabyte: glibc would map and clear fresh pages for each, which takes longer than the products.
    private static void KeepMemory()
    {
        const int trimThreshold = -1, topPad = -2, mmapThreshold = -3;
        if (OperatingSystem.IsLinux())
        {
            _ = MallOpt(mmapThreshold, 32 << 20); // the most that glibc accepts
            _ = MallOpt(trimThreshold, 1 << 30);
            _ = MallOpt(topPad, 64 << 20);
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    private static string? Find(IEnumerable<string> folders, string name) =>
        folders.Select(folder => Path.GetFullPath(Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    private static string Platform => OperatingSystem.IsWindows() ? "win-x64" : OperatingSystem.IsMacOS() ? "osx-arm64" : "linux-x64";

    private static string Name(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";
}
