using Selm.HuggingFace.Models;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Models;

public class KvCacheTests
{
    [Fact]
    public void a_cache_has_rows_whose_padding_fits()
    {
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        void Refused(string argument, int capacity, params int[] padding) =>
            Assert.Equal(argument, Assert.Throws<ArgumentOutOfRangeException>(() => new KvCache(model, padding, capacity)).ParamName);

        Refused("leftPadding", 8);
        Refused("leftPadding", 8, 0, -1);
        Refused("capacity", 8, 0, 9);
        Refused("capacity", 0, 0);
        using var cache = new KvCache(model, [0, 8], 8);
        Assert.True(cache.Capacity >= 8);
    }
}
