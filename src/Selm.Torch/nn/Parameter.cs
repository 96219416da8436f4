using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>A tensor that a module learns. It takes over the data's storage and dispose scope; the data object is spent.</summary>
        public class Parameter : torch.Tensor
        {
            public Parameter(torch.Tensor data, bool requires_grad = true)
                : base((torch.Tensor)data.requires_grad_(requires_grad))
            {
            }
        }
    }

    namespace Utils
    {
        /// <summary>The name under which a field's module, parameter or buffer is registered, where it differs from the field's.</summary>
        public class ComponentNameAttribute : Attribute
        {
            public string Name { get; set; } = "";
        }
    }

    public static class FieldInfoExtensionMethods
    {
        public static string ComponentName(this FieldInfo field) => field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}
