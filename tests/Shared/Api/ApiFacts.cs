namespace Selm.Tests.Api;

/// <summary>
/// What the list of members does not say about TorchSharp 0.107 and a compiler must know: type parameters and their
/// constraints, which members may be overridden, collection interfaces, underlying types of enumerations.
/// </summary>
internal static class ApiFacts
{
    private static readonly string[] ModuleArities = [.. Arities(1, 6).Prepend("T, TResult").Where(names => names != "T1, TResult")];

    /// <summary>The declarations behind each generic entry of the list: type parameters of each arity.</summary>
    public static readonly Dictionary<string, string[]> TypeParameters = new()
    {
        ["ExportedProgram<>"] = ["TResult"],
        ["Loss<>"] = Arities(2, 4),
        ["WeightedLoss<>"] = Arities(2, 4),
        ["Modules.DataLoader<>"] = ["T, S"],
        ["Modules.ModuleDict<>"] = ["T"],
        ["Modules.ModuleList<>"] = ["T"],
        ["Modules.ParamGroup<>"] = ["TOptions"],
        ["Modules.ParameterLessModule<>"] = Arities(1, 6),
        ["Modules.Sequential<>"] = ModuleArities,
        ["Utils.OrderedDict<>"] = ["TKey, TValue"],
        ["Utils.ReferenceEqualityComparer<>"] = ["T"],
        ["Utils.TensorAccessor<>"] = ["T"],
        ["torch.Storage<>"] = ["T"],
        ["torch.autograd.Function<>"] = ["T"],
        ["torch.autograd.MultiTensorFunction<>"] = ["T"],
        ["torch.autograd.SingleTensorFunction<>"] = ["T"],
        ["torch.jit.HookableScriptModule<>"] = ["TPreHook, TPostHook"],
        ["torch.jit.ScriptModule<>"] = ["TResult", "T, TResult", "T1, T2, TResult"],
        ["torch.nn.HookableModule<>"] = ["TPreHook, TPostHook"],
        ["torch.nn.IModule<>"] = ModuleArities,
        ["torch.nn.Module<>"] = ModuleArities,
        ["torch.utils.data.Dataset<>"] = ["T"],
    };

    private const string Module = "global::TorchSharp.torch.nn.Module";

    /// <summary>Constraints of the type parameters of generic types.</summary>
    public static readonly Dictionary<string, string> TypeConstraints = new()
    {
        ["Modules.ModuleDict<>"] = $"where T : {Module}",
        ["Modules.ModuleList<>"] = $"where T : {Module}",
        ["Modules.ParamGroup<>"] = "where TOptions : global::TorchSharp.Modules.OptimizerOptions",
        ["Utils.ReferenceEqualityComparer<>"] = "where T : class",
        ["Utils.TensorAccessor<>"] = "where T : unmanaged",
        ["torch.Storage<>"] = "where T : unmanaged",
        ["torch.autograd.Function<>"] = "where T : Function<T>, new()",
        ["torch.autograd.MultiTensorFunction<>"] = "where T : MultiTensorFunction<T>, new()",
        ["torch.autograd.SingleTensorFunction<>"] = "where T : SingleTensorFunction<T>, new()",
    };

    /// <summary>Collection interfaces, which the list leaves out.</summary>
    public static readonly Dictionary<string, string[]> Collections = new()
    {
        ["Modules.DataLoader<>"] = ["IEnumerable<S>"],
        ["Modules.ModuleDict<>"] = ["IDictionary<string, T>", "IList<(string, T)>"],
        ["Modules.ModuleList<>"] = ["IList<T>"],
        ["Modules.ParameterDict"] = ["IDictionary<string, Modules.Parameter>", "IList<(string, Modules.Parameter)>"],
        ["Modules.ParameterList"] = ["IList<Modules.Parameter>"],
        ["Utils.FisherYatesShuffler"] = ["IEnumerable<long>"],
        ["Utils.OrderedDict<>"] = ["IDictionary<TKey, TValue>", "IList<(TKey, TValue)>"],
        ["Utils.TensorAccessor<>"] = ["IEnumerable<T>"],
        ["torch.Size"] = ["IEnumerable<long>"],
        ["torch.Storage<>"] = ["IEnumerable<T>"],
    };

    /// <summary>Underlying types of enumerations that are not int.</summary>
    public static readonly Dictionary<string, string> EnumTypes = new()
    {
        ["HistogramBinSelector"] = "byte",
        ["torch.ScalarType"] = "sbyte",
        ["torch.nn.Reduction"] = "long",
    };

    /// <summary>Abstract members; a derived class that is not abstract must override them.</summary>
    public static readonly Dictionary<string, string[]> Abstract = new()
    {
        ["torch.nn.Module<>"] = ["forward"],
        ["torch.utils.data.Dataset<>"] = ["GetTensor", "Count"],
    };

    /// <summary>Members that may be overridden although no type in the list does so.</summary>
    public static readonly Dictionary<string, string[]> Virtual = new()
    {
        ["torch.nn.Module"] =
        [
            "Dispose", "RegisterComponents", "GetName", "apply", "buffers", "children", "eval", "get_buffer", "get_parameter",
            "has_buffer", "has_parameter", "load", "load_state_dict", "modules", "named_buffers", "named_children",
            "named_modules", "named_parameters", "parameters", "register_buffer", "register_module", "register_parameter",
            "state_dict", "train", "training", "zero_grad",
        ],
        ["torch.optim.Optimizer"] = ["Dispose", "ParamGroups", "add_param_group", "parameters", "step", "zero_grad"],
        ["torch.optim.lr_scheduler.LRScheduler"] = ["step", "get_lr", "get_closed_form_lr"],
    };

    /// <summary>The constraint of a generic method; empty where it has none.</summary>
    public static string MethodConstraints(string type, ApiMember method) => (type, method.Name) switch
    {
        ("DisposeScope", _) => string.Join(" ", method.TypeParameters.Select(name => $"where {name} : global::System.IDisposable")),
        ("ModuleExtensionMethods", _) or ("torch.nn", "ModuleDict" or "ModuleList") => $"where T : {Module}",
        ("Modules.OptimizerHelper", "_step") => "where T : global::TorchSharp.Modules.ParamGroup",
        ("torch.Tensor", _) => "where T : unmanaged",
        ("torch.nn.Module", "Create") => $"where T : {Module}, new()",
        ("TensorExtensionMethods", "ToTensor") when method.Parameters[0].Type.Suffix.Length == 0 => "where T : struct",
        _ => "",
    };

    // "T1, T2, TResult" for every number of arguments from first to last
    private static string[] Arities(int first, int last) =>
    [
        .. Enumerable.Range(first, last - first + 1)
            .Select(count => string.Join(", ", Enumerable.Range(1, count).Select(n => $"T{n}").Append("TResult"))),
    ];
}
