using System.Collections;
using TorchSharp.Modules;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Modules in order, registered as "0", "1", ... when the list itself is registered; complete it before that.</summary>
        public class ModuleList<T> : torch.nn.Module, IList<T>
            where T : torch.nn.Module
        {
            private readonly List<T> items = [];
            private bool registered;

            public ModuleList(params T[] modules)
                : base(nameof(ModuleList<>)) => items.AddRange(modules);

            protected override void RegisterComponents()
            {
                for (var k = 0; k < items.Count && !registered; k++)
                {
                    register_module(k.ToString(System.Globalization.CultureInfo.InvariantCulture), items[k]);
                }
                registered = true;
            }

            public T this[int index]
            {
                get => items[index];
                set => items[index] = value;
            }

            public int Count => items.Count;

            public bool IsReadOnly => false;

            public void Add(T item) => items.Add(item);

            public void append(params T[] parameters) => items.AddRange(parameters);

            public void extend(IEnumerable<T> modules) => items.AddRange(modules);

            public void Insert(int index, T item) => items.Insert(index, item);

            public bool Remove(T item) => items.Remove(item);

            public void RemoveAt(int index) => items.RemoveAt(index);

            public void Clear() => items.Clear();

            public bool Contains(T item) => items.Contains(item);

            public int IndexOf(T item) => items.IndexOf(item);

            public void CopyTo(T[] array, int arrayIndex) => items.CopyTo(array, arrayIndex);

            public IEnumerator<T> GetEnumerator() => items.GetEnumerator();

            IEnumerator IEnumerable.GetEnumerator() => items.GetEnumerator();
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

            public static ModuleList<T> ModuleList<T>(params T[] modules)
                where T : Module => new(modules);
        }
    }
}
