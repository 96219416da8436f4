// EQUATIONS.md: from everything that the paper numbers to the source, the tests and the cells of lessons that deal with it. A test
// compares the page with this list and follows every link.
using System.Globalization;
using System.Text;

namespace Selm.Research.Lessons;

/// <summary>A section, equation, theorem, algorithm, table or figure of the paper.</summary>
/// <param name="First">Its number in the first edition; empty where only later editions have it.</param>
/// <param name="Version3">Its number in version 3; empty where it is the same or there is none.</param>
/// <param name="What">What it is, in a few words.</param>
/// <param name="Sources">Files below src/Selm.Research, without ending.</param>
/// <param name="Tests">Files below tests/Selm.Research.Tests, without ending.</param>
/// <param name="Cells">Cells of lessons by their id, which begins with the lesson's number: 05-20.</param>
public sealed record NumberedItem(
    string First, string Version3, string What, IReadOnlyList<string> Sources, IReadOnlyList<string> Tests, IReadOnlyList<string> Cells);

/// <summary>Every section, equation, theorem, algorithm, table and figure of the paper, and where the kit has it.</summary>
public static class Equations
{
    private const string Sources = "src/Selm.Research", TestFolder = "tests/Selm.Research.Tests", Ladder = "Theory/LadderTests";
    private const string LabTables = "Claims/LabTablesTests", LabFigures = "Claims/LabFiguresTests", Exact = "Claims/ExactExperimentsTests";

    /// <summary>In the paper's order.</summary>
    public static IReadOnlyList<NumberedItem> All { get; } =
    [
        new("section 1", "", "why passive exploration is not enough, and optimism as the remedy", ["Theory/Figure1World", "Theory/ExplorationWorld"], ["Theory/Figure1WorldTests", "Theory/ExplorationTests"], ["04-04", "04-09"]),
        new("(1.1)", "", "optimism: fit the comparisons, promise a high maximum", ["Theory/PreferenceSteps", "Theory/Figure1World"], [Ladder, "Theory/Figure1WorldTests"], ["04-09", "04-10", "05-06", "05-09"]),
        new("Figure 1", "", "two rewards with equal fit, the optimistic one explores", ["Claims/Figure1", "Theory/Figure1World"], [Exact, "Theory/Figure1WorldTests"], ["04-09", "04-11", "04-13"]),
        new("section 2.1", "section 3", "language models as policies over responses", ["Lab/LabLanguage", "Lessons/LessonModels"], ["Lab/LabDataTests"], ["01-04", "01-07"]),
        new("section 2.2", "section 3", "reward models, RLHF and direct alignment", ["Theory/BradleyTerry", "Theory/TabularPolicy"], [Ladder, "Theory/PolicyTests"], ["02-04", "02-06", "03-06"]),
        new("(2.1)", "(3.1)", "Bradley-Terry model", ["Theory/BradleyTerry", "Theory/PreferenceSteps"], [Ladder], ["02-04", "02-05"]),
        new("(2.2)", "(3.2)", "its negative log-likelihood", ["Theory/BradleyTerry", "Theory/PreferenceSteps", "Training/RewardTrainer"], [Ladder, "Training/RewardTrainerTests"], ["02-06", "02-11"]),
        new("(2.3)", "(3.3)", "reward maximisation with a KL term, and its solution", ["Theory/TabularPolicy", "Theory/TiltSteps", "Theory/SimplexMinimizer"], [Ladder, "Theory/PolicyTests"], ["03-06", "03-07", "03-11"]),
        new("section 2.2, DPO", "section 3", "the DPO loss", ["Objectives/DpoLoss", "Theory/ExactObjectives"], ["Objectives/GoldenLossTests", "Objectives/GradientTests", Ladder], ["03-13", "03-14", "03-16"]),
        new("section 3.1", "section 4", "(1.1) over policies, the tilt, step size against direction", ["Theory/PreferenceSteps", "Theory/ObjectiveSteps", "Theory/GradientSteps"], [Ladder, Exact], ["05-08", "05-12", "05-13", "06-34", "06-35"]),
        new("(3.1)", "(4.1)", "the bilevel objective", ["Theory/ExactObjectives", "Theory/ObjectiveSteps", "Objectives/OptimisticRewardLoss"], [Ladder, "Objectives/ExplicitRewardLossTests"], ["05-10", "05-11"]),
        new("(3.2)", "(4.2)", "the SELM objective", ["Objectives/SelmLoss", "Theory/ExactObjectives", "Theory/ObjectiveSteps"], [Ladder, "Objectives/GoldenLossTests", "Objectives/LossPropertyTests"], ["05-20", "05-21", "05-42"]),
        new("(3.3)", "(4.3)", "its gradient", ["Theory/GradientSteps", "Theory/SizeSteps", "Theory/Runaway", "Training/PreferenceStep"], [Ladder, "Theory/AutogradTests", "Theory/RunawayTests", "Objectives/GradientTests"], ["06-06", "06-08", "06-11", "06-42"]),
        new("section 3.2", "section 4", "the algorithm in words: three portions, a ranker's feedback", ["Algorithm1/PreferenceLoop", "Theory/AlgorithmSteps"], [Ladder, "Algorithm1/PreferenceLoopTests"], ["09-04", "09-13"]),
        new("Algorithm 1", "", "SELM as it is run", ["Algorithm1/PreferenceLoop", "Algorithm1/Siblings", "Algorithm1/RunStore", "Theory/AlgorithmSteps"], ["Algorithm1/SelmRunTests", "Algorithm1/PreferenceLoopTests", Ladder], ["09-04", "09-05", "09-09", "11-36"]),
        new("section 3.3", "section 5", "implicit rewards of reference samples fall; indiscriminate favour of unseen responses", ["Theory/GradientSteps", "Training/StepMetrics", "Theory/UnseenResponses", "Claims/Indiscriminate"], [Ladder, "Theory/UnseenResponsesTests", Exact], ["07-04", "07-06", "07-42", "08-25", "08-28", "08-29"]),
        new("(3.4)", "(5.1)", "the policy of the lowest implicit reward under a KL term", ["Theory/Theorem31", "Theory/TheoremSteps", "Theory/SimplexMinimizer"], [Ladder, "Theory/TheoremTests", "Theory/PolicyTests"], ["08-04", "08-07", "08-08"]),
        new("Theorem 3.1", "Theorem 5.1", "minimising E_ref[log pi_theta] over theta is minimising it over samples of that policy", ["Theory/Theorem31", "Theory/TheoremSteps", "Theory/BonusStep", "Claims/Theorem31Check"], [Ladder, "Theory/TheoremTests", "Theory/BonusStepTests", Exact], ["08-04", "08-10", "08-11", "08-12", "08-23"]),
        new("", "Theorem 5.3", "regret of the theoretical version", ["Theory/ExplorationRun", "Theory/ExplorationStudy"], ["Theory/ExplorationTests"], ["08-20", "16-14"]),
        new("section 4", "section 2", "related work: data, online preference optimisation, active exploration", ["Algorithm1/Siblings", "Theory/ExplorationMethod", "Objectives/XpoLoss"], ["Algorithm1/PreferenceLoopTests", "Theory/ExplorationTests"], ["16-04", "16-05", "16-11"]),
        new("section 5.1", "section 6", "set-up: portions, ranker, base models", ["Theory/AlgorithmSteps", "Runs/Recipe"], [Ladder, "Runs/RecipeTests"], ["09-13", "11-04", "17-08", "17-09"]),
        new("section 5.2", "section 6", "results on chat and academic benchmarks; the objective in other frameworks", ["Claims/TablesAudit", "Claims/Table1", "Claims/Table2"], ["Claims/TablesAuditTests", LabTables], ["10-20", "10-22", "10-30", "12-18", "16-19"]),
        new("Table 1", "", "AlpacaEval 2.0 and MT-Bench", ["Claims/Table1", "Claims/TablesAudit", "Evaluation/LengthControlledWinRate"], [LabTables, "Claims/TablesAuditTests", "Evaluation/LengthControlledWinRateTests"], ["10-21", "11-04", "11-21"]),
        new("Figure 2", "", "win rates between iterations", ["Claims/Figure2", "Claims/TablesAudit"], [LabTables, "Claims/TablesAuditTests"], ["10-28", "11-16", "11-17", "11-28"]),
        new("Table 2", "", "academic benchmarks", ["Claims/Table2", "Lab/LabBenchmarks"], [LabTables], ["10-51", "12-16", "12-19"]),
        new("section 5.3", "section 6", "ablation: alpha, distributions of rewards, implicit rewards", ["Claims/Figure3", "Claims/Figure4", "Claims/LabAlpha"], [LabFigures], ["13-04", "13-16", "13-902", "14-04"]),
        new("Figure 3", "", "alpha, and the distribution of rewards", ["Claims/Figure3", "Theory/AlgorithmSteps"], [LabFigures, Ladder], ["13-11", "13-14", "13-18", "13-19"]),
        new("Figure 4", "", "implicit rewards of SELM above DPO's", ["Claims/Figure4", "Claims/Figure4Exact", "Theory/ImplicitRewardGap"], [LabFigures, Exact, "Lab/LabCurveTests"], ["14-04", "14-07", "14-20"]),
        new("", "Figure 5", "the figure that later editions add", ["Claims/Figure5V3", "Lab/LabCellMeasure"], [LabFigures, "Lab/LabCellTests"], ["14-23", "14-25"]),
        new("section 6", "section 7", "what is concluded, and what is left for later", ["Claims/Map", "Theory/ExplorationStudy"], [Exact, "Theory/ExplorationTests"], ["16-19", "16-18"]),
        new("appendix A, (A.1)", "", "the value of the inner problem; from (3.1) to (3.2)", ["Theory/ObjectiveSteps"], [Ladder], ["05-16", "05-17", "05-18", "05-19"]),
        new("appendix A, (3.3)", "", "the gradient of the optimism term, derived", ["Theory/GradientSteps"], [Ladder, "Theory/AutogradTests"], ["06-08", "06-11"]),
        new("appendix B", "", "proof of Theorem 3.1", ["Theory/TheoremSteps"], [Ladder, "Theory/TheoremTests"], ["08-06", "08-24", "08-14"]),
        new("appendix C", "", "the search for settings, and the choice of alpha", ["Claims/Figure5Grid", "Lab/LabBaselines", "Claims/LabAlpha", "Runs/Recipe"], [LabFigures, "Lab/LabCellTests", "Runs/RecipeTests"], ["13-41", "13-904", "15-04", "15-14"]),
        new("Figure 5", "Figure 6", "the baseline grid", ["Claims/Figure5Grid", "Lab/LabBaselines"], [LabFigures, "Lab/LabCellTests"], ["15-01", "15-08", "15-17"]),
        new("", "Algorithm 2", "the theoretical version, reference fixed", ["Theory/AlgorithmSteps", "Theory/ExplorationRun"], [Ladder, "Theory/ExplorationTests"], ["16-14", "16-41"]),
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
            Cells of lessons are named by their ids ("id" in the notebook's file; the first two digits are the lesson).
            This page is written from src/Selm.Research/Lessons/Equations.cs, and a test follows its links.

            | paper | version 3 | what | source | tests | lesson and cells |
            |---|---|---|---|---|---|

            """);
        foreach (var item in All)
        {
            var sources = Links(item.Sources, file => $"{Sources}/{file}.cs");
            var tests = Links(item.Tests, file => $"{TestFolder}/{file}.cs");
            var lessons = string.Join("; ", item.Cells.GroupBy(cell => cell[..2]).Select(lesson => $"{Lesson(root, lesson.Key)}: {string.Join(", ", lesson)}"));
            page.Append(CultureInfo.InvariantCulture, $"| {item.First} | {item.Version3} | {item.What} | {sources} | {tests} | {lessons} |\n");
        }
        return page.Replace("\r", "").ToString();
    }

    private static string Links(IReadOnlyList<string> files, Func<string, string> path) =>
        string.Join(", ", files.Select(file => $"[{file[(file.IndexOf('/', StringComparison.Ordinal) + 1)..]}]({path(file)})"));

    private static string Lesson(string root, string number)
    {
        var folder = Path.Combine(root, "notebooks");
        var file = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, $"{number}-*.ipynb").Order(StringComparer.Ordinal).FirstOrDefault() : null;
        return file is null ? number : $"[{number}](notebooks/{Path.GetFileName(file)})";
    }
}
