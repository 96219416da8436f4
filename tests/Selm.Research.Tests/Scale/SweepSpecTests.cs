using Selm.Research.Lab;
using Selm.Research.Scale;
using Selm.Tests;

namespace Selm.Research.Tests.Scale;

/// <summary>What a sweep's file may say.</summary>
public class SweepSpecTests
{
    [Fact]
    public void a_grid_is_every_combination_of_its_values_and_the_last_key_runs_fastest()
    {
        var sweep = Read("name: s\nrecipe: lab-quick\ngrid: {loss.alpha: [0, 1e-3], seed: [1, 2]}\ncores: 2\nmemory: 2G\nslurm: {partition: gpu, time: 2:00:00, gpus: 1, extra: [--constraint=a100]}\n");

        Assert.Equal(["alpha-0_seed-1", "alpha-0_seed-2", "alpha-1e-3_seed-1", "alpha-1e-3_seed-2"], sweep.Cells.Select(cell => cell.Name));
        Assert.Equal([(0, 1UL), (0, 2UL), (0.001, 1UL), (0.001, 2UL)], sweep.Cells.Select(cell => (cell.Recipe!.Loss.Alpha!.Value, cell.Recipe.Seed)));
        Assert.All(sweep.Cells, cell => Assert.Equal(0.3, cell.Recipe!.Loss.Beta)); // the recipe's own
        Assert.Equal("s-alpha-0_seed-1", sweep.Cells[0].Recipe!.Name);
        Assert.Equal((2, 2L << 30), (sweep.Cores, sweep.Memory));
        Assert.Equal(("gpu", "2:00:00", "1", "--constraint=a100"), (sweep.Slurm.Partition, sweep.Slurm.Time, sweep.Slurm.Gpus, Assert.Single(sweep.Slurm.Extra)));
    }

    [Fact]
    public void cells_are_named_by_content_not_by_spelling_and_those_that_come_to_the_same_run_once()
    {
        var one = Read("name: s\nlab: {method: selm}\ngrid: {alpha: [0.001]}\n").Cells.Single();
        var other = Read("name: t\nlab: {}\ngrid: {alpha: [1e-3], beta: [0.3]}\n").Cells.Single();
        Assert.Equal(one.Hash, other.Hash);
        Assert.Equal(new LabCellSpec { Alpha = 0.001 }.Hash, one.Hash); // as every other command names it
        Assert.Equal(3, Read("name: s\nlab: {}\ngrid: {method: [selm, offline-dpo], alpha: [0.1, 0.2]}\n").Cells.Count); // offline DPO has no alpha
    }

    [Fact]
    public void a_list_of_recipes_or_of_lab_cells_is_laid_under_the_same_grid()
    {
        Assert.Equal(
            ["method-selm_alpha-0.1_seed-1", "method-sppo_seed-1"],
            Read("name: s\nlab:\n  - {method: selm, alpha: 0.1}\n  - {method: sppo}\ngrid: {seed: [1]}\n").Cells.Select(cell => cell.Name));
        Assert.Equal(["lab-quick_seed-7", "zephyr-selm_seed-7"], Read("name: s\nrecipe: [lab-quick, zephyr-selm]\ngrid: {seed: [7]}\n").Cells.Select(cell => cell.Name));
    }

    [Theory]
    [InlineData("name: s\nrecipe: lab-quick\ngird: {}\n", "S line 3: unknown key 'gird'; did you mean 'grid'?")]
    [InlineData("name: s\nrecipe: lab-quick\ngrid:\n  alhpa: [1]\n", "S line 4: unknown key 'alhpa'; did you mean 'loss.alpha'?")]
    [InlineData("name: s\nrecipe: lab-quick\ngrid:\n  alpha: [1]\n", "S line 4: unknown key 'alpha'; did you mean 'loss.alpha'?")]
    [InlineData("name: s\nrecipe: lab-quick\ngrid:\n  loss.alpha: [1, x]\n", "S line 4: loss.alpha must be a finite number but is 'x'.")]
    [InlineData("name: s\nlab: {alhpa: 1}\n", "S line 2: unknown key 'alhpa'; did you mean 'alpha'?")]
    [InlineData("name: s\nlab: {}\nslurm: {partitoin: x}\n", "S line 3: unknown key 'partitoin'; did you mean 'partition'?")]
    [InlineData("name: s\nrecipe: lab-quick\nlab: {}\n", "S line 3: recipe and lab exclude each other; give one of them.")]
    [InlineData("name: s\nrecipe: lab-quick\ngrid:\n  loss: [{kind: dpo}]\n  loss.alpha: [1]\n", "S line 5: loss.alpha and loss of the grid exclude each other, since one lies in the other; give one of them.")]
    [InlineData("name: s\nlab: {alpha: 1}\ngrid: {alpha: [1]}\n", "S line 2: alpha is given in lab and in grid; give it in one of them.")]
    [InlineData("name: s\nlab: {}\ngrid: {alpha: 1}\n", "S line 3: alpha of the grid must be a list of values, such as [1, 2].")]
    [InlineData("name: s\ngrid: {alpha: [1]}\n", "S names no runs; give recipe: FILE or lab: {method: selm}, and a grid.")]
    [InlineData("name: s\nlab: {}\ngrid: {beta: [-1]}\n", "S, cell beta--1: The field beta of a lab cell must be a number > 0; change it.")]
    [InlineData("lab: {}\n", "S: name must be there, and of letters, digits, '-', '_' and '.'; it names the sweep's folder and jobs.")]
    [InlineData("name: s\nlab: {}\nmemory: much\n", "S line 3: memory must be a size such as 500M or 8G but is 'much'.")]
    public void a_sweep_that_makes_no_sense_is_answered_in_one_sentence(string text, string sentence)
    {
        using var folder = new TempFolder();
        var spec = folder.File("s.yaml");
        File.WriteAllText(spec, text);

        Assert.Equal($"{spec}{sentence[1..]}", Assert.Throws<InputException>(() => SweepSpec.Read(spec)).Message);
    }

    private static SweepSpec Read(string text)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("s.yaml"), text);
        return SweepSpec.Read(folder.File("s.yaml"));
    }
}
