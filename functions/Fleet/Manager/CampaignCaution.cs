using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <summary>What a campaign needs a reason for: <c>Fleet__Queries__NAME</c>.</summary>
/// <param name="CautionNodes">More nodes than this; 0 for any.</param>
/// <param name="SensitiveTables">Tables that show what people did; <c>%</c> stands for anything.</param>
internal sealed record CautionSettings(int CautionNodes, IReadOnlyList<string> SensitiveTables)
{
    /// <summary>Browser and shell history, files and their contents, the keyboard's and the screen's owners.</summary>
    public static IReadOnlyList<string> DefaultTables { get; } =
    [
        "%_history", "chrome_extension%", "firefox_addons", "safari_extensions", "opera_extensions", "carves", "file", "hash", "yara", "mdfind", "extended_attributes", "keychain_items", "user_ssh_keys",
        "ssh_configs", "screenlock", "account_policy_data", "wifi_networks", "location_services", "plist", "augeas", "curl",
    ];
}

/// <summary>What is to be thought of before a campaign starts.</summary>
/// <param name="Kind"><c>many-nodes</c> or <c>sensitive-table</c>.</param>
internal sealed record CautionBody(string Kind, string Message);

/// <summary>Whether a campaign may start without a reason.</summary>
internal sealed class CampaignCaution(CautionSettings settings, OsquerySql sql)
{
    public bool IsSensitive(string table) => settings.SensitiveTables.Any(pattern => Glob.Matches(pattern, '%', table));

    /// <summary>The answer to who gives no reason where one is needed; null where none is, or it is given.</summary>
    public IResult? Refusal(string statement, int nodes, string? reason)
    {
        if (!string.IsNullOrWhiteSpace(reason) || Of(statement, nodes) is not { Count: > 0 } cautions) return null;
        return new Problem(
            422, "reason-needed", "A reason is needed", string.Join(" ", cautions.Select(one => one.Message)) + " Send it as 'reason'.", [.. cautions.Select(one => new FieldError("reason", one.Message))]).ToResult();
    }

    /// <param name="statement">What is asked.</param>
    /// <param name="nodes">Of how many.</param>
    public IReadOnlyList<CautionBody> Of(string statement, int nodes)
    {
        var cautions = new List<CautionBody>();
        if (settings.CautionNodes > 0 && nodes > settings.CautionNodes) cautions.Add(new("many-nodes", $"{nodes} nodes would be asked; more than {settings.CautionNodes} need a reason."));
        cautions.AddRange(sql.Current.Check(statement).Tables.Where(IsSensitive).Select(table => new CautionBody("sensitive-table", $"The table {table} shows what people do, and needs a reason.")));
        return cautions;
    }
}

/// <summary>Whom targets mean, without asking anybody.</summary>
internal sealed class TargetCount(NodeQuery query)
{
    /// <param name="campaign">The id that a sample is taken by; for a preview any.</param>
    /// <param name="targets">Whom it would ask.</param>
    /// <param name="ct">Stops the read.</param>
    public async ValueTask<(int Targeted, int Online)> OfAsync(string campaign, Targets targets, CancellationToken ct)
    {
        var asked = (await query.FindAsync(new(), ct))
            .Where(one => one.Node is { Active: true, EnrolledAt: not null } && targets.Include(campaign, one.Node.Id, one.Node.Tags, one.Node.Platform)).ToList();
        return (asked.Count, asked.Count(one => query.StatusOf(one.Node, one.Seen) == NodeStatus.Online));
    }
}
