using System.Reflection;
using System.Runtime.Loader;
using Selm.Tests.Api;

namespace Selm.Torch.Tests.Api;

/// <summary>Selm.Torch has no member of its own: everything in it is TorchSharp's, to the letter.</summary>
public class ApiTests
{
    [Fact]
    public void every_public_member_of_TorchSharp_has_the_same_signature()
    {
        var offenders = ApiCheck.Offenders(Assembly.Load("Selm.Torch"), ApiList.TorchSharp);
        Assert.True(offenders.Count == 0, string.Join("\n", offenders));
    }

    [Fact]
    public void every_line_of_the_list_can_be_read()
    {
        var types = ApiList.TorchSharp.Types;
        Assert.True(types.Count > 400 && types.Sum(type => type.Value.Count) > 5000);
        Assert.All(types, type => Assert.Contains(type.Value, line => ApiMember.ParseDeclaration(line) is not null));
    }

    [Fact]
    public void a_stub_of_the_list_compiles_and_prints_back_as_the_list()
    {
        var stub = RoslynCompiler.Compile("TorchSharp", [("stub.cs", StubSource.Write(ApiList.TorchSharp))], []);
        Assert.True(stub.Errors.Count == 0, string.Join("\n", stub.Errors));

        // Finalizers are left out of the stub, and so is a field of a type that is private.
        var listed = ApiList.TorchSharp.Normalised().Where(line =>
            line.Member is not "protected void Finalize()" and not "protected Data.DataIterator.HType handle");
        var printed = ApiList.Parse(ApiPrinter.Print(Load(stub.Assembly))).Normalised();
        Assert.Empty(printed.Except(listed));
        Assert.Empty(listed.Except(printed));
        Assert.Empty(ApiCheck.Offenders(Load(stub.Assembly), ApiList.TorchSharp));
    }

    [Fact]
    public void members_as_in_the_list_are_accepted()
    {
        Assert.Empty(Offenders("""
            public enum DeviceType { CPU = 0, CUDA = 1 }
            public sealed class Scalar : IDisposable
            {
                internal Scalar() { }
                public static implicit operator Scalar(double value) => throw null!;
                public void Dispose() { }
                internal void not_seen() { }
            }
            public static class torch
            {
                public enum ScalarType : sbyte { Float32 = 6 }
                public sealed class Device
                {
                    public Device(string deviceType, int index = -1) { }
                    public int index { get; private set; }
                }
                public class Tensor : IDisposable
                {
                    internal Tensor() { }
                    protected virtual void Dispose(bool disposing) { }
                    public void Dispose() { }
                    public T item<T>() where T : unmanaged => throw null!;
                    public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => throw null!;
                    public Tensor this[params Tensor[] indices] { get => throw null!; set { } }
                    public static Tensor operator +(Tensor left, Tensor right) => throw null!;
                }
                public static (Tensor values, Tensor indexes) cummax(Tensor input, long dim) => throw null!;
                internal sealed record NotSeen(int Number);
            }
            """));
    }

    [Theory]
    [InlineData("public static Tensor abs(Tensor tensor) => throw null!;", "torch.Tensor abs(torch.Tensor tensor)")]
    [InlineData("public static Tensor abs(Tensor input, bool fast = false) => throw null!;", "bool fast = false")]
    [InlineData("public static long abs(Tensor input) => throw null!;", "static long abs")]
    [InlineData("public static Tensor? absolutely(Tensor input) => throw null!;", "no such name in torch")]
    [InlineData("public static (Tensor, Tensor) cummax(long dim, Tensor input) => throw null!;", "cummax(long dim, torch.Tensor input)")]
    [InlineData("public static (Tensor, Tensor) cummax(Tensor input, int dim) => throw null!;", "int dim")]
    [InlineData("public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 1) => throw null!;", "long dim = 1")]
    [InlineData("public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim) => throw null!;", "long dim)")]
    [InlineData("public record Extra(int Number);", "the list has no type torch.Extra")]
    public void a_member_of_torch_that_differs_is_reported(string member, string expected)
    {
        var offenders = Offenders($$"""
            public static class torch
            {
                public class Tensor : IDisposable { internal Tensor() { } public void Dispose() { } }
                {{member}}
            }
            """);
        Assert.Contains(offenders, text => text.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("public enum DeviceType { CPU = 1 }", "DeviceType :: CPU = 1")]
    [InlineData("public class Scalar { internal Scalar() { } }", "Scalar :: class\n    the list has class : System.IDisposable")]
    [InlineData("public class DisposeScopeManager : List<int> { }", "DisposeScopeManager :: class : List<int>")]
    [InlineData("public abstract class DisposeScopeManager { public DisposeScopeManager() { } }", "DisposeScopeManager :: abstract class")]
    [InlineData("public class DisposeScopeManager { protected int secret; }", "DisposeScopeManager :: protected int secret")]
    [InlineData("public static class torch { public class Device { public Device(string description) { } public int index() => 0; } }", "torch.Device :: int index()")]
    [InlineData("public static class torch { public class Device { public Device(string description) { } public static int index => 0; } }", "torch.Device :: static int index { get; }")]
    [InlineData("public static class torch { public class Device { public Device(string description) { } public int index { get; set; } } }", "torch.Device :: int index { get; set; }")]
    [InlineData("public static class torch { public class Device { public Device(string description) { } public event Action? moved { add { } remove { } } } }", "event moved")]
    public void a_type_that_differs_is_reported(string source, string expected)
    {
        Assert.Contains(Offenders(source), text => text.Contains(expected, StringComparison.Ordinal));
    }

    private static IReadOnlyList<string> Offenders(string source)
    {
        const string Usings = "global using System; global using System.Collections.Generic; namespace TorchSharp;\n";
        var sample = RoslynCompiler.Compile("Sample", [("sample.cs", Usings + source)], []);
        Assert.True(sample.Errors.Count == 0, string.Join("\n", sample.Errors));
        return ApiCheck.Offenders(Load(sample.Assembly), ApiList.TorchSharp);
    }

    private static Assembly Load(byte[] image) =>
        new AssemblyLoadContext("api", isCollectible: true).LoadFromStream(new MemoryStream(image));
}
