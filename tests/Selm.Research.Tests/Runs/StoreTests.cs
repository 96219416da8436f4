using Selm.Tests;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Runs;

public class StoreTests
{
    [Fact]
    public void hashes_are_the_published_sha256()
    {
        using var folder = new TempFolder();
        const string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4's example
        Assert.Equal(abc, ContentHash.OfText("abc"));
        Assert.Equal(abc, ContentHash.OfFile(folder.Write("a", "abc")));
        Assert.Equal(ContentHash.OfText("\u0001\0\0\0\u0002\0\0\0"), ContentHash.OfIds([1, 2]));
    }

    [Fact]
    public void combined_hashes_keep_the_borders_of_their_parts_and_file_sets_ignore_order_and_folder()
    {
        using var folder = new TempFolder();
        Assert.NotEqual(ContentHash.Combine("ab", "c"), ContentHash.Combine("a", "bc"));
        Assert.NotEqual(ContentHash.Combine("a", ""), ContentHash.Combine("a"));
        var (one, two) = (folder.Write("1", "x"), folder.Write("2", "y"));
        Directory.CreateDirectory(folder.File("sub"));
        File.Copy(one, folder.File("sub", "1"));
        Assert.Equal(ContentHash.OfFiles([one, two]), ContentHash.OfFiles([two, folder.File("sub", "1")]));
    }

    [Fact]
    public void numbers_come_back_to_the_bit_after_reopening()
    {
        using var folder = new TempFolder();
        double[] values = [0.1, -1e-308, double.NaN, double.NegativeInfinity, -0.0];
        using (var store = new NumberStore(folder.File("n.bin")))
        {
            for (var i = 0; i < values.Length; i++)
            {
                store.Put($"key {i}", values[i]);
            }
            store.Put("key 0", 7);
        }
        using var again = new NumberStore(folder.File("n.bin"));
        Assert.Equal(values.Length, again.Count);
        Assert.True(again.TryGet("key 0", out var first));
        Assert.Equal(7, first);
        for (var i = 1; i < values.Length; i++)
        {
            Assert.True(again.TryGet($"key {i}", out var value));
            Assert.Equal(BitConverter.DoubleToInt64Bits(values[i]), BitConverter.DoubleToInt64Bits(value));
        }
        Assert.False(again.TryGet("key 9", out _));
    }

    [Fact]
    public void a_kill_at_any_byte_loses_only_what_was_not_written()
    {
        using var folder = new TempFolder();
        using (var store = new NumberStore(folder.File("whole")))
        {
            store.Put("a", 1);
            store.Put("b", 2);
        }
        var bytes = File.ReadAllBytes(folder.File("whole"));
        for (var length = 0; length <= bytes.Length; length++)
        {
            File.WriteAllBytes(folder.File("cut"), bytes[..length]);
            using (var cut = new NumberStore(folder.File("cut")))
            {
                Assert.Equal(Math.Max(0, length - 8) / 28, cut.Count);
                cut.Put("c", 3);
            }
            using var reopened = new NumberStore(folder.File("cut"));
            Assert.True(reopened.TryGet("c", out var value));
            Assert.Equal(3, value);
        }
    }

    [Fact]
    public void a_damaged_record_ends_the_store_there()
    {
        using var folder = new TempFolder();
        using (var store = new NumberStore(folder.File("n")))
        {
            store.Put("a", 1);
            store.Put("b", 2);
        }
        var bytes = File.ReadAllBytes(folder.File("n"));
        bytes[8 + 28 + 20] ^= 1; // inside b's number
        File.WriteAllBytes(folder.File("n"), bytes);
        using var again = new NumberStore(folder.File("n"));
        Assert.True(again.TryGet("a", out _));
        Assert.False(again.TryGet("b", out _));
    }

    [Fact]
    public void a_foreign_file_is_refused_and_left_as_it_is()
    {
        using var folder = new TempFolder();
        var path = folder.Write("n", "something else entirely");
        Assert.Contains(path, Assert.Throws<InputException>(() => new NumberStore(path)).Message, StringComparison.Ordinal);
        Assert.Equal("something else entirely", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("learning_rat", "learning_rate")]
    [InlineData("Beta", "beta")]
    [InlineData("max-length", "max_length")]
    [InlineData("aplha", "alpha")]
    public void the_nearest_name_is_what_was_meant(string wrong, string meant) =>
        Assert.Equal(meant, NearestName.Of(wrong, ["name", "alpha", "beta", "learning_rate", "max_length", "max_prompt_length"]));

    [Fact]
    public void provenance_knows_this_machine_and_the_commit_checked_out()
    {
        var now = Provenance.Now(7, TimeSpan.FromSeconds(1.5), new Dictionary<string, string> { ["a"] = "b" }, "1.13");
        Assert.Equal((7ul, 1.5, "1.13", "0.1.0"), (now.Seed, now.WallSeconds, now.Libtorch, now.Kit));
        Assert.NotEmpty(now.Cpu);
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File(".git", "refs", "heads"));
        Directory.CreateDirectory(folder.File("src"));
        File.WriteAllText(folder.File(".git", "HEAD"), "ref: refs/heads/main\n");
        File.WriteAllText(folder.File(".git", "packed-refs"), "# pack-refs\n0123 refs/heads/main\n");
        Assert.Equal("0123", Provenance.CheckedOut(folder.File("src")));
        File.WriteAllText(folder.File(".git", "refs", "heads", "main"), "4567\n");
        Assert.Equal("4567", Provenance.CheckedOut(folder.File("src")));
        var tree = Directory.CreateDirectory(folder.File(".git", "worktrees", "w")).FullName;
        File.WriteAllText(Path.Combine(tree, "HEAD"), "ref: refs/heads/main\n");
        File.WriteAllText(Path.Combine(tree, "commondir"), "../..\n");
        File.WriteAllText(folder.File("src", ".git"), $"gitdir: {tree}\n");
        Assert.Equal("4567", Provenance.CheckedOut(folder.File("src")));
    }
}
