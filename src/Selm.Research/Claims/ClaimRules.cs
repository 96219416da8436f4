using System.Globalization;
using System.Security.Cryptography;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Selm.Research.Claims;

/// <summary>The claims of data/claims.yaml and the SHA-256 of the file that every results file carries.</summary>
public sealed class ClaimRules
{
    private static readonly string[] scales = ["exact", "paper-numbers", "lab", "gpu", "paper-scale"];

    private sealed record Page
    {
        public required string Protocol { get; init; }

        public string Committed { get; init; } = "";

        public Dictionary<string, Dictionary<string, double>> Alphas { get; init; } = [];

        public required Dictionary<string, string> NotRun { get; init; }

        public required List<ClaimRule> Claims { get; init; }
    }

    private readonly Dictionary<string, ClaimRule> byId;

    private ClaimRules(IReadOnlyList<ClaimRule> all, Page page, string sha256)
        : this(all, page.NotRun, page.Committed, page.Alphas, sha256)
    {
    }

    private ClaimRules(
        IReadOnlyList<ClaimRule> all, IReadOnlyDictionary<string, string> whyNotRun, string committed, IReadOnlyDictionary<string, Dictionary<string, double>> alphas, string sha256)
    {
        (All, WhyNotRun, Committed, Alphas, Sha256) = (all, whyNotRun, committed, alphas, sha256);
        byId = All.ToDictionary(rule => rule.Id, StringComparer.Ordinal);
    }

    /// <summary>All claims, in the order of the file.</summary>
    public IReadOnlyList<ClaimRule> All { get; }

    /// <summary>Why a scale may not have been run, by scale.</summary>
    public IReadOnlyDictionary<string, string> WhyNotRun { get; }

    /// <summary>The commit that had the rules of <see cref="ClaimWritten.Before"/> before any seed that they judge was run; empty where it is not told.</summary>
    public string Committed { get; }

    /// <summary>By setting of the lab: the mean weight sigma(-margin) of DPO's gradient, and the lab's alpha of each of the paper's.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, double>> Alphas { get; }

    /// <summary>SHA-256 of the file's bytes, 64 hex digits.</summary>
    public string Sha256 { get; }

    /// <summary>The kit's own rules.</summary>
    /// <exception cref="InputException">data/claims.yaml is not found or broken.</exception>
    public static ClaimRules Read() => Read(KitFolder.Find(Path.Combine("data", "claims.yaml")));

    /// <summary>Reads rules.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is missing or broken; names file, line and claim.</exception>
    public static ClaimRules Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            YamlShape.Check(System.Text.Encoding.UTF8.GetString(bytes), path);
            var page = new DeserializerBuilder()
                .WithNamingConvention(UnderscoredNamingConvention.Instance)
                .WithCaseInsensitivePropertyMatching()
                .WithEnforceRequiredMembers()
                .WithTypeMapping<IReadOnlyList<string>, List<string>>()
                .Build()
                .Deserialize<Page>(new StreamReader(new MemoryStream(bytes)));
            Check(page, path);
            return new ClaimRules(page.Claims, page, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
        catch (InvalidOperationException e)
        {
            throw new InputException($"{path}: not valid YAML ({e.Message.TrimEnd('.')}); restore the file.", e);
        }
        catch (YamlException e)
        {
            throw new InputException($"{path} line {e.Start.Line}: {(e.InnerException ?? e).Message.TrimEnd('.')}; correct that line.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); check the path and its permissions.", e);
        }
    }

    /// <summary>The same rules for measurements at another scale than lab.</summary>
    /// <param name="scale">lab or gpu.</param>
    /// <param name="onlyPreview">Whether too little is trained to judge anything.</param>
    public ClaimRules At(string scale, bool onlyPreview) =>
        new([.. All.Select(rule => rule with { MeasuredAt = scale, OnlyPreview = onlyPreview })], WhyNotRun, Committed, Alphas, Sha256);

    /// <summary>The rule of a claim.</summary>
    /// <param name="id">Its name.</param>
    /// <exception cref="InputException">The file has no such claim.</exception>
    public ClaimRule this[string id] => byId.TryGetValue(id, out var rule)
        ? rule
        : throw new InputException($"data/claims.yaml has no claim '{id}'; did you mean '{NearestName.Of(id, byId.Keys)}'?");

    /// <summary>
    /// The final table: Holm's correction within every family, then rows for claims and scales at which nothing was run.
    /// </summary>
    /// <param name="judged">What the experiments of one run came to.</param>
    /// <returns>In the order of the file.</returns>
    public IReadOnlyList<ClaimRow> Table(IReadOnlyList<ClaimRow> judged)
    {
        var corrected = judged.GroupBy(row => row.Family).SelectMany(family => family.Key.Length == 0 ? [.. family] : Corrected([.. family])).ToLookup(row => row.Id);
        return [.. All.SelectMany(rule => rule.Scales.Select(scale =>
            (corrected[rule.Id].FirstOrDefault(row => row.Scale == scale) ?? rule.NotRun(scale, WhyNotRun.GetValueOrDefault(scale, "its experiment was not among those that were run")))
            with { Group = GroupOf(rule) }))];
    }

    private static string GroupOf(ClaimRule rule) =>
        rule.Edition == ClaimEdition.Summary ? ClaimsTable.OfSummary
        : rule.Rule == ClaimKind.Exact ? ClaimsTable.Mathematics
        : rule.Written == ClaimWritten.Before ? ClaimsTable.Predicted
        : ClaimsTable.AfterTheFact;

    private static IEnumerable<ClaimRow> Corrected(ClaimRow[] family)
    {
        var tested = family.Where(row => row.P is not null).ToArray();
        var adjusted = Statistics.Holm([.. tested.Select(row => row.P!.Value)]);
        return family.Except(tested).Concat(tested.Select((row, k) =>
        {
            var lost = row.Verdict is "holds here" or "opposite here" && adjusted[k] > 0.05;
            return row with
            {
                P = adjusted[k],
                Verdict = lost ? "cannot tell here" : row.Verdict,
                Needed = lost ? Needed(row, tested.Length) : row.Needed,
                Note = lost ? $"By itself \"{row.Verdict}\", not after Holm's correction for {tested.Length} claims. {row.Note}" : row.Note,
            };
        }));
    }

    // Its own effect was found, so that it is the one to plan for; Holm holds the smallest p-value to 0.05 / claims.
    private static string Needed(ClaimRow row, int claims) => row is { N: { } n, Measured: { } mean, Low: { } low, High: { } high }
        && PairedEstimate.From(new(mean, low, high), n).Needed(Math.Abs(mean) - row.D, 0.05 / claims) is var needed && double.IsFinite(needed)
        ? string.Create(CultureInfo.InvariantCulture, $"Finding the measured effect, were it the true one, at Holm's strictest level 0.05 / {claims} with 80 % power takes n = {needed:0}.")
        : "";

    private static void Check(Page? page, string path)
    {
        if (page is not { Claims: { } claims, NotRun: not null, Alphas: not null } || claims.FindIndex(rule => rule is not { Id.Length: > 0, Scales: not null }) is var empty and >= 0)
        {
            throw new InputException($"{path} is no list of claims: it is empty, or a claim has no id or scales; restore the file.");
        }
        foreach (var (id, count) in page.Claims.CountBy(rule => rule.Id))
        {
            if (count > 1)
            {
                throw new InputException($"{path}: the claim '{id}' is there {count} times; give each its own id.");
            }
        }
        foreach (var rule in page.Claims)
        {
            if (rule.Scales.FirstOrDefault(scale => !scales.Contains(scale)) is { } unknown)
            {
                throw new InputException($"{path}: claim '{rule.Id}' names the scale '{unknown}'; did you mean '{NearestName.Of(unknown, scales)}'?");
            }
            if (rule.Rule is ClaimKind.Equivalence && rule.D <= 0)
            {
                throw new InputException($"{path}: claim '{rule.Id}' is an equivalence without a margin; give d above 0.");
            }
        }
    }
}
