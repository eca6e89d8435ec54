using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>Counts of many campaigns at once, for lists: one transaction for all of those that asked many nodes, which a chore counts each minute.</summary>
internal sealed class CampaignTallies(ITables tables, CampaignStore campaigns, AnswerStore answers)
{
    private const string Partition = "tallies";

    /// <summary>Nodes that are counted when somebody asks, since that costs one transaction.</summary>
    private const int Few = TableLimits.PageRows;

    private readonly ITable _tallies = tables[Schema.Campaigns];

    /// <summary>The chore.</summary>
    public async ValueTask CountAsync(CancellationToken ct)
    {
        foreach (var campaign in campaigns.Active.Items.Where(IsMany))
        {
            var tally = await answers.CountAsync(campaign.Id, ct);
            await _tallies.WriteAsync(Write.Replace(KeyOf(campaign.Id), new Columns { ["New"] = tally.New, ["Sent"] = tally.Sent, ["Done"] = tally.Done, ["Failed"] = tally.Failed, ["Expired"] = tally.Expired }), ct);
        }
    }

    /// <summary>Counts of these. Of one that is under way and asked more than a thousand nodes they are up to a minute old.</summary>
    public async ValueTask<IReadOnlyList<Tally>> OfAsync(IReadOnlyList<Campaign> page, CancellationToken ct)
    {
        var stored = new Dictionary<string, Tally>(StringComparer.Ordinal);
        if (page.Any(campaign => campaign.Final is null && IsMany(campaign)))
        {
            await foreach (var row in _tallies.ScanAsync(KeyRange.Partition(Partition), ct)) stored[KeyText.Read(row.Key.Row)] = Read(row.Columns);
        }

        var tallies = new List<Tally>();
        foreach (var campaign in page)
        {
            tallies.Add(campaign.Final ?? (IsMany(campaign) ? stored.GetValueOrDefault(campaign.Id) ?? new(campaign.Targeted, 0, 0, 0, 0) : await answers.CountAsync(campaign.Id, ct)));
        }

        return tallies;
    }

    /// <summary>Whether counting it when somebody asks would cost too much. How many nodes come later is not known.</summary>
    public static bool IsMany(Campaign campaign) => campaign.Targeted > Few || campaign.IncludesLater;

    private static Tally Read(Columns columns) =>
        new(columns.Number("New") ?? 0, columns.Number("Sent") ?? 0, columns.Number("Done") ?? 0, columns.Number("Failed") ?? 0, columns.Number("Expired") ?? 0);

    /// <summary>Where a campaign's counts lie, until it is put away with its final ones.</summary>
    public static Key KeyOf(string id) => new(Partition, KeyText.Of(id));
}
