using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// A layer or a model: named parameters, buffers and submodules. Fields become components by their own names when
        /// <see cref="RegisterComponents"/> runs, so a field is named as its key in a checkpoint (q_proj, self_attn);
        /// a property would be registered under the name of its hidden field.
        /// </summary>
        public partial class Module : IDisposable
        {
            private readonly List<(string Name, Parameter Value)> ownParameters = [];
            private readonly List<(string Name, Tensor Value, bool Persistent)> ownBuffers = [];
            private readonly List<(string Name, Module Value)> ownModules = [];
            private bool componentsRegistered;

            /// <summary>The name given at construction.</summary>
            protected string name;

            protected Module(string name) => this.name = name;

            public virtual string GetName() => name;

            /// <summary>Whether the module is in training mode (dropout acts) rather than in evaluation mode.</summary>
            public virtual bool training { get; private set; } = true;

            public virtual void train(bool train = true)
            {
                training = train;
                foreach (var (_, child) in named_children())
                {
                    child.train(train);
                }
            }

            public virtual void eval() => train(false);

            /// <summary>
            /// Registers the fields that hold modules, parameters and tensors (as buffers), those of the most derived type first.
            /// A constructor calls it when all its fields are set.
            /// </summary>
            /// <exception cref="InvalidOperationException">A name is taken already by another component.</exception>
            protected virtual void RegisterComponents()
            {
                if (componentsRegistered)
                {
                    return;
                }
                foreach (var field in Fields(GetType()))
                {
                    var component = field.ComponentName();
                    if (HasOwn(component))
                    {
                        continue;
                    }
                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(component, module);
                            break;
                        case Parameter parameter:
                            register_parameter(component, parameter);
                            break;
                        case Tensor buffer:
                            register_buffer(component, buffer);
                            break;
                    }
                }
                componentsRegistered = true;
            }

            public void add_module(string name, Module module) => register_module(name, module);

            /// <exception cref="ArgumentException">The name is empty or holds a dot.</exception>
            /// <exception cref="InvalidOperationException">The name is taken already.</exception>
            public virtual void register_module(string name, Module? submodule)
            {
                if (submodule is null)
                {
                    ownModules.RemoveAll(own => own.Name == name);
                    return;
                }
                if (name.Length == 0 || name.Contains('.', StringComparison.Ordinal))
                {
                    throw new ArgumentException($"'{name}' is no name for a submodule: it must not be empty or hold a dot", nameof(name));
                }
                if (ownModules.Exists(own => own.Name == name))
                {
                    throw new InvalidOperationException($"submodule {name} is registered already");
                }
                submodule.RegisterComponents();
                ownModules.Add((name, submodule));
            }

            /// <exception cref="InvalidOperationException">The name is taken already.</exception>
            public virtual void register_parameter(string name, Parameter param)
            {
                ArgumentNullException.ThrowIfNull(param);
                if (ownParameters.Exists(own => own.Name == name))
                {
                    throw new InvalidOperationException($"parameter {name} is registered already");
                }
                ownParameters.Add((name, param));
            }

            /// <exception cref="InvalidOperationException">The name is taken already.</exception>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                ArgumentNullException.ThrowIfNull(tensor);
                if (ownBuffers.Exists(own => own.Name == name))
                {
                    throw new InvalidOperationException($"buffer {name} is registered already");
                }
                ownBuffers.Add((name, tensor, persistent));
            }

            /// <summary>Registers the parameter, replaces the one of that name, or forgets it where the value is null.</summary>
            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                ownParameters.RemoveAll(own => own.Name == name);
                if (value is not null)
                {
                    ownParameters.Add((name, value));
                }
            }

            /// <summary>Parameters with their dotted names; one that appears twice (tied weights) comes once.</summary>
            public virtual IEnumerable<(string, Parameter)> named_parameters(bool recurse = true) =>
                Named("", recurse, module => module.ownParameters).DistinctBy(found => found.Item2, Identity<Parameter>());

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(found => found.Item2);

            public virtual IEnumerable<(string, Tensor)> named_buffers(bool recurse = true, bool include_nonpersistent = true) =>
                Named("", recurse, module => module.ownBuffers.Where(own => own.Persistent || include_nonpersistent).Select(own => (own.Name, own.Value)))
                    .DistinctBy(found => found.Item2, Identity<Tensor>());

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(found => found.Item2);

            public virtual IEnumerable<(string, Module)> named_children() => ownModules;

            public virtual IEnumerable<Module> children() => named_children().Select(found => found.Item2);

            /// <summary>Submodules at all depths with their dotted names, without this module itself; children come before grandchildren.</summary>
            public virtual IEnumerable<(string, Module)> named_modules() =>
                ownModules.Concat(ownModules.SelectMany(own => own.Value.named_modules().Select(found => ($"{own.Name}.{found.Item1}", found.Item2))));

            public virtual IEnumerable<Module> modules() => named_modules().Select(found => found.Item2);

            public virtual Module apply(Action<Module> fn)
            {
                foreach (var child in children())
                {
                    child.apply(fn);
                }
                fn(this);
                return this;
            }

            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            /// <summary>The parameter of a dotted name, or null.</summary>
            public virtual Parameter? get_parameter(string target) => Named("", true, module => module.ownParameters).FirstOrDefault(found => found.Item1 == target).Item2;

            /// <summary>The buffer of a dotted name, or null.</summary>
            public virtual Tensor? get_buffer(string target) =>
                Named("", true, module => module.ownBuffers.Select(own => (own.Name, own.Value))).FirstOrDefault(found => found.Item1 == target).Item2;

            private IEnumerable<(string, T)> Named<T>(string prefix, bool recurse, Func<Module, IEnumerable<(string, T)>> own)
            {
                foreach (var (component, value) in own(this))
                {
                    yield return (prefix + component, value);
                }
                foreach (var (component, module) in recurse ? ownModules : [])
                {
                    foreach (var found in module.Named($"{prefix}{component}.", true, own))
                    {
                        yield return found;
                    }
                }
            }

            private bool HasOwn(string component) =>
                ownModules.Exists(own => own.Name == component) || ownParameters.Exists(own => own.Name == component) || ownBuffers.Exists(own => own.Name == component);

            // Tensors compare element by element; here one means the same object.
            private static IEqualityComparer<T> Identity<T>()
                where T : class => EqualityComparer<T>.Create(ReferenceEquals, System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode);

            private static IEnumerable<FieldInfo> Fields(Type type)
            {
                var seen = new HashSet<string>();
                for (var current = type; current is not null && current != typeof(Module); current = current.BaseType)
                {
                    foreach (var field in current.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance))
                    {
                        if (seen.Add(field.Name))
                        {
                            yield return field;
                        }
                    }
                }
            }
        }
    }
}
