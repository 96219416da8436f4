using Selm.Research.Figures;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    private static Figure WaterfallFigure(PaperTables paper) => new("tables-audit-waterfall", "Where the points of Table 1 come from",
    [
        .. families.Select(family => new Panel(new("stage"), new("LC win rate", "%") { Bounds = AxisRange.Percent }, [new WaterfallTrace("", Origin.Paper, Waterfall(paper, family))])
        {
            Title = Title(family),
            Height = 130,
        }),
    ])
    {
        Caption = $"AlpacaEval 2.0. SELM's own step is {Numerals.Format(100 * SelmMinusDpo(paper, Zephyr, 3) / TotalGain(paper, Zephyr), "0")} % of Zephyr's gain and {Numerals.Format(100 * SelmMinusDpo(paper, Llama, 3) / TotalGain(paper, Llama), "0")} % of Llama-3's. The standard error of each win rate is {Numerals.Format(StandardErrorLow, "0.0")} to {Numerals.Format(StandardErrorHigh, "0.0")} points.",
    };

    private static Figure DifferenceFigure(PaperTables paper)
    {
        var cases = families.SelectMany(family => iterations.Select(k => (Name: $"{(family == Zephyr ? "Zephyr" : "Llama-3")}, iteration {k}", Value: SelmMinusDpo(paper, family, k)))).ToArray();
        var half = critical * OfDifference(StandardError);
        var detectable = Detectable(OfDifference(StandardError));
        var values = cases.Select(item => item.Value).ToArray();
        return new("tables-audit-differences", "SELM minus iterative DPO, with the noise of the benchmark",
        [
            new(new("difference in LC win rate", "points") { Range = new(-6, 6) }, new("model") { Categories = [.. cases.Select(item => item.Name)] },
            [
                new ScatterTrace("SELM minus iterative DPO", Origin.Paper, values, [.. Enumerable.Range(0, cases.Length).Select(i => (double)i)])
                {
                    XErrors = new([.. values.Select(v => v - half)], [.. values.Select(v => v + half)]),
                },
            ])
            {
                Annotations = [new Region(-detectable, detectable, Vertical: true), new Rule(0, Vertical: true)],
                Height = 150,
            },
        ])
        {
            Caption = $"Differences of Table 1 with 95 % intervals for a standard error of {Numerals.Format(StandardError, "0.0")} points of each win rate, models uncorrelated over prompts. Grey: a true difference of up to {Numerals.Format(detectable, "0.0")} points is found with less than 80 % chance.",
            Legend = false,
        };
    }

    private static Figure IterationFigure(PaperTables paper)
    {
        LineTrace Line(string name, Func<int, PaperScore> score, bool band)
        {
            var rates = iterations.Select(k => score(k).LcWinRate).ToArray();
            return new(name, Origin.Paper, [0, 1, 2], rates)
            {
                Band = band ? new([.. rates.Select(v => v - StandardError)], [.. rates.Select(v => v + StandardError)]) : null,
            };
        }
        return new("tables-audit-iterations", "Iterations as Table 1 and as the model cards print them",
        [
            .. families.Select(family => new Panel(new("iteration") { Categories = ["1", "2", "3"] }, new("LC win rate", "%") { Bounds = AxisRange.Percent },
            [
                Line("SELM, Table 1 (± 1 standard error)", k => paper.Printed(family, Selm, k), band: true),
                Line("iterative DPO, Table 1", k => paper.Printed(family, Iterative, k), band: false),
                Line("SELM, model cards", k => paper.Card(family, Selm, k), band: false),
            ])
            {
                Title = Title(family),
            }),
        ])
        {
            Columns = 2,
            Caption = "Two reports of the same checkpoints lie as far apart as the two methods.",
        };
    }

    private static Figure LengthFigure(PaperTables paper)
    {
        Panel Of(string quantity, Func<PaperScore, double> rate)
        {
            ScatterTrace Group(string name, Func<PaperScore, bool> member)
            {
                var rows = paper.Table1.Where(member).ToArray();
                return new(name, Origin.Paper, [.. rows.Select(row => row.Length)], [.. rows.Select(rate)]);
            }
            return new(new("length of an answer", "characters"), new(quantity, "%") { Bounds = AxisRange.Percent },
            [
                Group("SELM", row => row.Method == Selm), Group("iterative DPO", row => row.Method == Iterative), Group("other models", row => row.Method is not (Selm or Iterative)),
            ]);
        }
        return new("tables-audit-length", "Table 1: win rates against the length of the answers",
            [Of("raw win rate", row => row.WinRate), Of("LC win rate", row => row.LcWinRate)])
        {
            Columns = 2,
            Caption = $"All {paper.Table1.Count} models. From its base model to its last iteration SELM gains {Text(Taken(paper, Zephyr))} points less with length controlled (Zephyr-7B; {Text(Taken(paper, Llama))} with Llama-3-8B-Instruct).",
        };
    }

    private static double Taken(PaperTables paper, string family) => paper.Printed(family, Selm, 3).WinRate - Base(paper, family).WinRate - TotalGain(paper, family);

    private static Figure OthersFigure(PaperTables paper)
    {
        var gains = Gains(paper);
        Panel Of(string title, Axis axis, Func<PaperScore, double> value, double half)
        {
            double[] values = [.. gains.Select(gain => Points(value(gain.Model) - value(gain.Base)))];
            return new(axis, new("model") { Categories = [.. gains.Select(gain => gain.Model.Model)] },
            [
                new ScatterTrace("gain over the base model", Origin.Paper, values, [.. Enumerable.Range(0, values.Length).Select(i => (double)i)])
                {
                    XErrors = new([.. values.Select(v => v - half)], [.. values.Select(v => v + half)]),
                },
            ])
            {
                Title = title,
                Annotations = [new Rule(0, Vertical: true)],
                Height = 130,
            };
        }
        return new("tables-audit-others", "Table 1: what every method adds to its base model",
        [
            Of("AlpacaEval 2.0", new("gain in LC win rate", "points"), score => score.LcWinRate, critical * OfDifference(StandardError)),
            Of("MT-Bench", new("gain in score", "points"), score => score.MtBench, MtBenchNoise),
        ])
        {
            Caption = $"95 % intervals: two win rates with a standard error of {Numerals.Format(StandardError, "0.0")} points each, uncorrelated; two MT-Bench scores ± {Numerals.Format(MtBenchNoise, "0.00")}. The bases differ from method to method.",
            Legend = false,
        };
    }

    private static Figure PairwiseFigure(PaperTables paper) => new("tables-audit-figure2", "Figure 2 as printed; framed cells do not add up to 100",
    [
        .. paper.Figure2.Select(table => new Panel(new("against") { Categories = table.Models }, new("model") { Categories = table.Models },
        [
            new HeatMapTrace("LC win rate of row against column (%), white at 50", Origin.Paper, table.WinRates)
            {
                Midpoint = 50,
                Framed = [.. NotAntisymmetric(table).SelectMany(cell => new[] { new HeatCell(cell.Row, cell.Column), new HeatCell(cell.Column, cell.Row) })],
            },
        ])
        {
            Title = Title(table.Family),
            Height = 150,
        }),
    ])
    {
        Caption = "AlpacaEval 2.0, length-controlled, 805 prompts: the standard error of one cell is up to 1.8 points.",
    };
}
