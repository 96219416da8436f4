using Selm.HuggingFace.Files;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Files;

public class AtomicFileTests
{
    [Fact]
    public void a_written_file_is_there_and_nothing_else()
    {
        using var folder = new TempFolder();
        AtomicFile.WriteText(folder.File("deep", "a.txt"), "grün\n");
        Assert.Equal("grün\n", File.ReadAllText(folder.File("deep", "a.txt")));
        Assert.Equal(["a.txt"], Directory.GetFiles(folder.File("deep")).Select(Path.GetFileName));
    }

    [Fact]
    public void a_failing_writer_leaves_the_old_file_and_no_temporary_one()
    {
        using var folder = new TempFolder();
        var path = folder.Write("a.txt", "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException("stop");
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["a.txt"], folder.Names());
    }

    [SkippableFact]
    public void a_full_disk_is_told_with_the_path_and_leaves_nothing()
    {
        Skip.IfNot(File.Exists("/dev/full"), "no /dev/full on this system");
        using var folder = new TempFolder();
        var path = folder.File("a.bin");
        // The real error of a full device, raised while our file is half-written.
        var error = Assert.Throws<InputException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[100_000]);
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
            full.Write("x"u8);
            full.Flush();
        }));
        Assert.Equal($"{path} cannot be written: the disk is full; free some space or choose another disk, nothing was changed.", error.Message);
        Assert.Empty(folder.Names());
    }

    [SkippableFact]
    public void writing_to_a_full_device_is_one_sentence_too()
    {
        Skip.IfNot(File.Exists("/dev/full"), "no /dev/full on this system");
        const string sentence = "/dev/full cannot be written: the disk is full; free some space or choose another disk, nothing was changed.";
        Assert.Equal(sentence, Assert.Throws<InputException>(() => AtomicFile.WriteText("/dev/full", "x")).Message);
    }

    [Fact]
    public void a_folder_below_a_file_is_refused_with_the_path()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt", "old");
        var path = folder.File("a.txt", "b.txt");
        var error = Assert.Throws<InputException>(() => AtomicFile.WriteText(path, "x"));
        Assert.StartsWith(path + " cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => AtomicFile.WriteText(folder.Root, "x"));
        Assert.Equal(["a.txt"], folder.Names());
    }

    [SkippableFact]
    public void a_device_is_written_to_and_not_replaced()
    {
        Skip.IfNot(File.Exists("/dev/null"), "no /dev/null on this system");
        AtomicFile.WriteText("/dev/null", "gone");
        Assert.Equal(0, new FileInfo("/dev/null").Length);
    }

    [Fact]
    public void temporary_files_of_dead_processes_are_deleted_and_others_stay()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt.tmp-123-0123456789abcdef-1", "stale");
        folder.Write("notes.tmp-backup", "mine");
        AtomicFile.Write(folder.File("b.txt"), _ => Assert.Equal(1, AtomicFile.DeleteStaleTemps(folder.Root)));
        Assert.Equal(["b.txt", "notes.tmp-backup"], folder.Names());
    }

    [Fact]
    public void writing_a_file_again_deletes_what_killed_writers_of_it_left_and_nothing_else()
    {
        using var folder = new TempFolder();
        folder.Write($"a.txt.tmp-{int.MaxValue}-0123456789abc-1", "of a process that is gone");
        folder.Write($"b.txt.tmp-{int.MaxValue}-0123456789abc-1", "of another file");
        folder.Write($"a.txt.tmp-{Environment.ProcessId}-0123456789abc-1", "of a process that lives");
        folder.Write("a.txt.tmp-mine", "no temporary file");
        using (File.Open(folder.Write($"a.txt.tmp-{int.MaxValue}-0123456789abc-2", "held, as from another machine"), FileMode.Open, FileAccess.Write, FileShare.Read))
        {
            AtomicFile.WriteText(folder.File("a.txt"), "new");
        }
        string[] kept = ["a.txt", $"a.txt.tmp-{int.MaxValue}-0123456789abc-2", $"a.txt.tmp-{Environment.ProcessId}-0123456789abc-1", "a.txt.tmp-mine", $"b.txt.tmp-{int.MaxValue}-0123456789abc-1"];
        Assert.Equal(kept.Order(StringComparer.Ordinal), folder.Names().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void json_is_indented_snake_case_and_keeps_every_bit_of_a_number()
    {
        using var folder = new TempFolder();
        AtomicFile.WriteJson(folder.File("a.json"), new { LearningRate = 0.1 + 0.2, Missing = double.NaN });
        Assert.Equal("{\n  \"learning_rate\": 0.30000000000000004,\n  \"missing\": \"NaN\"\n}\n", File.ReadAllText(folder.File("a.json")));
    }
}
