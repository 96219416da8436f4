using System.Globalization;
using System.Net;
using System.Text;
using Selm.Research.Runs;

namespace Selm.Research.Theory;

/// <summary>How a <see cref="Step"/> shows itself: both sides, residual and reason; a residual beyond rounding in bold.</summary>
public sealed class StepFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<Step>("text/html", step => TheoryHtml.Ladder([step])),
        new DisplayFormatter<Step>("text/plain", step => step.ToString()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

/// <summary>How a <see cref="Ladder"/> shows itself: a row per step.</summary>
public sealed class LadderFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<Ladder>("text/html", ladder => TheoryHtml.Ladder(ladder.Steps)),
        new DisplayFormatter<Ladder>("text/plain", ladder => ladder.ToString()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

/// <summary>How a <see cref="TabularPolicy"/> shows itself: probabilities, a row per prompt; the greedy response in bold.</summary>
public sealed class PolicyFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<TabularPolicy>("text/html", TheoryHtml.Policy),
        new DisplayFormatter<TabularPolicy>("text/plain", policy => $"policy over {policy.Responses} responses to each of {policy.Prompts} prompts"),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

internal static class TheoryHtml
{
    private const int Shown = 12; // responses and numbers of a side

    public static string Ladder(IReadOnlyList<Step> steps)
    {
        var html = new StringBuilder("<table><tr><th>equation</th><th>formula</th><th>left</th><th>right</th><th>residual</th><th>because</th></tr>\n");
        foreach (var step in steps)
        {
            var residual = step.Residual.ToString("0.0e+00", CultureInfo.InvariantCulture);
            html.Append("<tr>");
            foreach (var cell in new[] { step.Equation, step.Formula, Side(step.Left), Side(step.Right) })
            {
                html.Append(CultureInfo.InvariantCulture, $"<td>{WebUtility.HtmlEncode(cell)}</td>");
            }
            html.Append(CultureInfo.InvariantCulture, $"<td>{(step.Holds ? residual : $"<b>{residual}</b>")}</td>");
            html.Append(CultureInfo.InvariantCulture, $"<td>{WebUtility.HtmlEncode(Reason(step))}</td></tr>\n");
        }
        return html.Append("</table>").ToString();
    }

    public static string Policy(TabularPolicy policy)
    {
        var columns = Enumerable.Range(0, Math.Min(policy.Responses, Shown)).ToArray();
        var html = new StringBuilder("<table><tr><th>pi(y|x)</th>");
        html.AppendJoin("", columns.Select(y => $"<th>y{y}</th>")).Append(policy.Responses > Shown ? "<th>...</th></tr>\n" : "</tr>\n");
        for (var x = 0; x < policy.Prompts; x++)
        {
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>x{x}</td>");
            foreach (var y in columns)
            {
                var prob = policy.Prob(x, y).ToString("0.000", CultureInfo.InvariantCulture);
                html.Append(CultureInfo.InvariantCulture, $"<td>{(y == policy.Greedy(x) ? $"<b>{prob}</b>" : prob)}</td>");
            }
            html.Append("</tr>\n");
        }
        return html.Append("</table>").ToString();
    }

    private static string Reason(Step step) =>
        step.Repair.Length > 0 ? $"{step.Because} ({step.Repair})" : step.Remark > 0 ? $"{step.Because} (remark {step.Remark} of the kit)" : step.Because;

    private static string Side(double[] numbers) =>
        string.Join(", ", numbers.Take(Shown).Select(number => number.ToString("0.####", CultureInfo.InvariantCulture))) + (numbers.Length > Shown ? ", ..." : "");
}
