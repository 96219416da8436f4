// EQUATIONS.md: from everything that the paper numbers to the source, the tests and the lessons that deal with it. A test
// compares the page with this list and follows every link.
using System.Globalization;
using System.Text;

namespace Selm.Research.Lessons;

/// <summary>Something that the paper numbers.</summary>
/// <param name="First">Its number in the first edition; empty where only later editions have it.</param>
/// <param name="Version3">Its number in version 3; empty where it is the same or there is none.</param>
/// <param name="What">What it is, in a few words.</param>
/// <param name="Sources">Files below src/Selm.Research, without ending.</param>
/// <param name="Tests">Files below tests/Selm.Research.Tests, without ending.</param>
/// <param name="Lessons">Numbers of lessons.</param>
public sealed record NumberedItem(
    string First, string Version3, string What, IReadOnlyList<string> Sources, IReadOnlyList<string> Tests, IReadOnlyList<int> Lessons);

/// <summary>Every equation, theorem, algorithm, table and figure of the paper, and where the kit has it.</summary>
public static class Equations
{
    private const string Sources = "src/Selm.Research", TestFolder = "tests/Selm.Research.Tests", Ladder = "Theory/LadderTests";
    private const string LabTables = "Claims/LabTablesTests", LabFigures = "Claims/LabFiguresTests", Exact = "Claims/ExactExperimentsTests";

    /// <summary>In the paper's order.</summary>
    public static IReadOnlyList<NumberedItem> All { get; } =
    [
        new("(1.1)", "", "optimism: fit the comparisons, promise a high maximum", ["Theory/PreferenceSteps", "Theory/Figure1World"], [Ladder, "Theory/Figure1WorldTests"], [4, 5]),
        new("(2.1)", "(3.1)", "Bradley-Terry model", ["Theory/BradleyTerry", "Theory/PreferenceSteps"], [Ladder], [2]),
        new("(2.2)", "(3.2)", "its negative log-likelihood", ["Theory/BradleyTerry", "Theory/PreferenceSteps", "Training/RewardTrainer"], [Ladder, "Training/RewardTrainerTests"], [2]),
        new("(2.3)", "(3.3)", "reward maximisation with a KL term, and its solution", ["Theory/TabularPolicy", "Theory/TiltSteps", "Theory/SimplexMinimizer"], [Ladder, "Theory/PolicyTests"], [3]),
        new("section 2, DPO", "section 3", "the DPO loss", ["Objectives/DpoLoss", "Theory/ExactObjectives"], ["Objectives/GoldenLossTests", "Objectives/GradientTests", Ladder], [3]),
        new("(3.1)", "(4.1)", "the bilevel objective", ["Theory/ExactObjectives", "Theory/ObjectiveSteps", "Objectives/OptimisticRewardLoss"], [Ladder, "Objectives/ExplicitRewardLossTests"], [5]),
        new("section 3.1", "section 4", "(1.1) over policies, the tilt, step size against direction", ["Theory/PreferenceSteps", "Theory/ObjectiveSteps", "Theory/GradientSteps"], [Ladder, Exact], [5, 6]),
        new("(3.2)", "(4.2)", "the SELM objective", ["Objectives/SelmLoss", "Theory/ExactObjectives", "Theory/ObjectiveSteps"], [Ladder, "Objectives/GoldenLossTests", "Objectives/LossPropertyTests"], [5]),
        new("(3.3)", "(4.3)", "its gradient", ["Theory/GradientSteps", "Theory/SizeSteps", "Theory/Runaway", "Training/PreferenceStep"], [Ladder, "Theory/AutogradTests", "Theory/RunawayTests", "Objectives/GradientTests"], [6]),
        new("section 3.3", "section 5", "implicit rewards of reference samples fall; indiscriminate favour of unseen responses", ["Theory/GradientSteps", "Training/StepMetrics", "Theory/UnseenResponses", "Claims/Indiscriminate"], [Ladder, "Theory/UnseenResponsesTests", Exact], [7, 8]),
        new("(3.4)", "(5.1)", "the policy of the lowest implicit reward under a KL term", ["Theory/Theorem31", "Theory/TheoremSteps", "Theory/SimplexMinimizer"], [Ladder, "Theory/TheoremTests", "Theory/PolicyTests"], [8]),
        new("Theorem 3.1", "Theorem 5.1", "minimising E_ref[log pi_theta] over theta is minimising it over samples of that policy", ["Theory/Theorem31", "Theory/TheoremSteps", "Theory/BonusStep", "Claims/Theorem31Check"], [Ladder, "Theory/TheoremTests", "Theory/BonusStepTests", Exact], [8]),
        new("", "Theorem 5.3", "regret of the theoretical version", ["Theory/ExplorationRun", "Theory/ExplorationStudy"], ["Theory/ExplorationTests"], [8, 16]),
        new("appendix A, (A.1)", "", "the value of the inner problem; from (3.1) to (3.2)", ["Theory/ObjectiveSteps"], [Ladder], [5]),
        new("appendix B", "", "proof of Theorem 3.1", ["Theory/TheoremSteps"], [Ladder, "Theory/TheoremTests"], [8]),
        new("Algorithm 1", "", "SELM as it is run", ["Algorithm1/PreferenceLoop", "Algorithm1/Siblings", "Algorithm1/RunStore", "Theory/AlgorithmSteps"], ["Algorithm1/SelmRunTests", "Algorithm1/PreferenceLoopTests", Ladder], [9]),
        new("", "Algorithm 2", "the theoretical version, reference fixed", ["Theory/AlgorithmSteps", "Theory/ExplorationRun"], [Ladder, "Theory/ExplorationTests"], [16]),
        new("Table 1", "", "AlpacaEval 2.0 and MT-Bench", ["Claims/Table1", "Claims/TablesAudit", "Evaluation/LengthControlledWinRate"], [LabTables, "Claims/TablesAuditTests", "Evaluation/LengthControlledWinRateTests"], [10, 11]),
        new("Table 2", "", "academic benchmarks", ["Claims/Table2", "Lab/LabBenchmarks"], [LabTables], [12]),
        new("Figure 1", "", "two rewards with equal fit, the optimistic one explores", ["Claims/Figure1", "Theory/Figure1World"], [Exact, "Theory/Figure1WorldTests"], [4]),
        new("Figure 2", "", "win rates between iterations", ["Claims/Figure2", "Claims/TablesAudit"], [LabTables, "Claims/TablesAuditTests"], [10, 11]),
        new("Figure 3", "", "alpha, and the distribution of rewards", ["Claims/Figure3", "Theory/AlgorithmSteps"], [LabFigures, Ladder], [13]),
        new("Figure 4", "", "implicit rewards of SELM above DPO's", ["Claims/Figure4", "Claims/Figure4Exact", "Theory/ImplicitRewardGap"], [LabFigures, Exact, "Lab/LabCurveTests"], [14]),
        new("", "Figure 5", "the figure that later editions add", ["Claims/Figure5V3", "Lab/LabCellMeasure"], [LabFigures, "Lab/LabCellTests"], [14]),
        new("Figure 5", "Figure 6", "the baseline grid", ["Claims/Figure5Grid", "Lab/LabBaselines"], [LabFigures, "Lab/LabCellTests"], [15]),
        new("section 5", "section 6", "set-up: portions, alpha", ["Theory/AlgorithmSteps", "Runs/Recipe"], [Ladder, "Runs/RecipeTests"], [9, 13]),
    ];

    /// <summary>The page.</summary>
    /// <param name="root">The top folder of the kit, where lessons are looked for: one that is not there yet is a number without a link.</param>
    public static string Page(string root)
    {
        var page = new StringBuilder(
            """
            # Where the paper is in the kit

            Everything that the paper (arXiv 2405.19332) numbers. Numbers are those of the first edition; version 3 is named where it
            differs (the equations of its section 3 as its section numbers suggest; we had no copy of that text). Steps of the derivation are equalities with both sides as numbers: lesson 05 ends with all of them.
            This page is written from src/Selm.Research/Lessons/Equations.cs, and a test follows its links.

            | paper | version 3 | what | source | tests | lesson |
            |---|---|---|---|---|---|

            """);
        foreach (var item in All)
        {
            var sources = Links(item.Sources, file => $"{Sources}/{file}.cs");
            var tests = Links(item.Tests, file => $"{TestFolder}/{file}.cs");
            var lessons = string.Join(", ", item.Lessons.Select(number => Lesson(root, number)));
            page.Append(CultureInfo.InvariantCulture, $"| {item.First} | {item.Version3} | {item.What} | {sources} | {tests} | {lessons} |\n");
        }
        return page.Replace("\r", "").ToString();
    }

    private static string Links(IReadOnlyList<string> files, Func<string, string> path) =>
        string.Join(", ", files.Select(file => $"[{file[(file.IndexOf('/', StringComparison.Ordinal) + 1)..]}]({path(file)})"));

    private static string Lesson(string root, int number)
    {
        var (name, folder) = (number.ToString("00", CultureInfo.InvariantCulture), Path.Combine(root, "notebooks"));
        var file = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, $"{name}-*.ipynb").Order(StringComparer.Ordinal).FirstOrDefault() : null;
        return file is null ? name : $"[{name}](notebooks/{Path.GetFileName(file)})";
    }
}
