using System.Text.Json;
using Selm.Research.Runs;

namespace Selm.Cli.Tests;

public class RunCommandsTests
{
    [Fact]
    public void status_of_a_running_run_shows_its_pid_its_stages_and_its_numbers()
    {
        using var folder = new TempFolder();
        using var run = MadeUpRun(folder.File("run"));

        var status = SelmProcess.Run("status", folder.File("run"));

        Assert.Equal((0, ""), (status.Code, status.Error));
        Assert.Equal($"""
            {folder.File("run")}: tiny (selm), running (pid {Environment.ProcessId})
            done: iteration-1.generate
            step 20 (iteration 1)
                              first  mean of last 10    last
            loss             0.7033           0.7109  0.7132
            chosen_reward         1             15.5      20
            rejected_reward     0.5              0.5     0.5
            margin              0.5               15    19.5
            eval loss           0.7              0.7     0.7

            """, status.Out);
    }

    [Fact]
    public void status_as_json_carries_the_recipe_and_the_last_row()
    {
        using var folder = new TempFolder();
        MadeUpRun(folder.File("run")).Dispose();

        var json = JsonDocument.Parse(SelmProcess.Run("status", folder.File("run"), "--json").Out).RootElement;

        Assert.Equal("stopped", json.GetProperty("state").GetString());
        Assert.Equal("tiny", json.GetProperty("recipe").GetProperty("name").GetString());
        Assert.Equal(20, json.GetProperty("last_metrics").GetProperty("step").GetInt32());
        Assert.Equal("iteration-1.generate", json.GetProperty("stages")[0].GetProperty("name").GetString());
    }

    [Fact]
    public void show_prints_the_last_pairs_with_scores_and_the_role_of_y()
    {
        using var folder = new TempFolder();
        MadeUpRun(folder.File("run")).Dispose();

        var show = SelmProcess.Run("show", folder.File("run"), "--n", "1");

        Assert.Equal((0, ""), (show.Code, show.Error));
        Assert.DoesNotContain("What is 1 + 1?", show.Out, StringComparison.Ordinal);
        Assert.EndsWith("""

              prompt    What is 2 + 2?
              chosen    Four. [score 3, rank 1]
              rejected  Five. [score 1.5, rank 3]
              y         About four. [score 2, rank 2, middle]

            """.Replace(". [", ".  [", StringComparison.Ordinal), show.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void a_folder_without_a_run_is_named()
    {
        using var folder = new TempFolder();

        SelmProcess.Run("status", folder.Root)
            .Refused($"{folder.Root} holds no run (there is no run.json); give the folder that selm run or selm train wrote to.");
    }

    [Fact]
    public void a_damaged_run_is_named()
    {
        using var folder = new TempFolder();
        folder.Write("run.json", "{");

        SelmProcess.Run("show", folder.Root).Refused($"{folder.File("run.json")} is damaged; start the run again in a new folder.");
    }

    private static RunFolder MadeUpRun(string path)
    {
        var run = RunFolder.Open(path, new Recipe { Name = "tiny" }.ToJson(), new Dictionary<string, string>(), new Dictionary<string, string>());
        for (var step = 1; step <= 20; step++)
        {
            run.Metrics.Append(step, new { Phase = "train", Iteration = 1, Loss = 0.7028 + (0.00052 * step), ChosenReward = step, RejectedReward = 0.5 });
        }
        run.Metrics.Append(20, new { Phase = "eval", Iteration = 1, Loss = 0.7 });
        Jsonl.Write(run.PathOf("iteration-1", "preferences.jsonl"), new object[]
        {
            Pair("What is 1 + 1?", "Two.", "Three.", "Two."),
            Pair("What is 2 + 2?", "Four.", "Five.", "About\nfour."),
        });
        run.MarkDone("iteration-1.generate", "iteration-1/preferences.jsonl");
        return run;
    }

    private static object Pair(string prompt, string chosen, string rejected, string y) => new
    {
        Prompt = prompt,
        Chosen = Chat(prompt, chosen),
        Rejected = Chat(prompt, rejected),
        ReferenceResponse = y,
        ReferenceRole = "middle",
        Scores = new { Chosen = 3, Rejected = 1.5, Reference = 2 },
        Ranks = new { Chosen = 1, Rejected = 3, Reference = 2 },
    };

    private static object[] Chat(string prompt, string answer) =>
        [new { Role = "user", Content = prompt }, new { Role = "assistant", Content = answer }];
}
