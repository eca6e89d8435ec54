using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>Campaigns. Those that are not over are in memory; all are in <see cref="Schema.Campaigns"/>.</summary>
internal sealed class CampaignStore
{
    private const string Past = "past";

    private readonly ITable _history;
    private readonly ControlTable<Campaign> _active;
    private readonly AnswerStore _answers;
    private readonly NodeStore _nodes;

    public CampaignStore(ITables tables, ChangeFeed changes, AnswerStore answers, NodeStore nodes)
    {
        (_answers, _nodes) = (answers, nodes);
        _history = tables[Schema.Campaigns];
        _active = new(tables, changes, Schema.Campaigns, Read, Write);
    }

    /// <summary>Campaigns that are not put away yet.</summary>
    public Snapshot<Campaign> Active => _active.Current;

    /// <summary>Starts a campaign: first a NEW answer for each node that it asks, then the campaign itself.</summary>
    /// <remarks>If the process dies in between, nobody was asked, and the answers without a campaign are never seen.</remarks>
    public async ValueTask<Campaign> StartAsync(Campaign campaign, CancellationToken ct)
    {
        var asked = new List<NodeId>();
        await foreach (var node in _nodes.AllAsync(ct))
        {
            if (node.Active && node.EnrolledAt is not null && campaign.Targets.Include(campaign.Id, node.Id, node.Tags, node.Platform)) asked.Add(node.Id);
        }

        await _answers.PrepareAsync(campaign.Id, asked, ct);
        campaign = campaign with { Targeted = asked.Count };
        await _active.PutAsync(campaign.Id, campaign, etag: null, ct, isNew: true);
        return campaign;
    }

    public async ValueTask<Campaign?> FindAsync(string id, CancellationToken ct) =>
        _active.Find(id)?.Item
        ?? (await _history.FindAsync(new(Past, KeyText.Of(id)), ct) is { } row ? Read(row.Columns) : null);

    /// <summary>Ends a campaign: nobody is asked any more, and what was not answered is expired.</summary>
    public async ValueTask<Campaign> CancelAsync(Campaign campaign, DateTimeOffset now, CancellationToken ct)
    {
        if (campaign.IsOver(now)) return campaign;
        campaign = campaign with { CancelledAt = now };
        await _active.PutAsync(campaign.Id, campaign, etag: null, ct);
        await PutAwayAsync(campaign, ct);
        return campaign;
    }

    /// <summary>Expires what was not answered, and takes a campaign that is over out of memory. Safe to repeat.</summary>
    public async ValueTask PutAwayAsync(Campaign campaign, CancellationToken ct)
    {
        await _answers.ExpireAsync(campaign.Id, ct);
        campaign = campaign with { Final = await _answers.CountAsync(campaign.Id, ct) };
        await _history.WriteAsync(Storage.Write.Replace(new(Past, KeyText.Of(campaign.Id)), Write(campaign)), ct);
        await _active.RemoveAsync(campaign.Id, etag: null, ct);
        if (CampaignTallies.IsMany(campaign)) await _history.WriteAsync(Storage.Write.Delete(CampaignTallies.KeyOf(campaign.Id)), ct);
    }

    /// <summary>Forgets a campaign that was put away, with its answers.</summary>
    public async ValueTask RemoveAsync(string id, CancellationToken ct)
    {
        await _answers.RemoveAsync(id, ct);
        await _history.WriteAsync(Storage.Write.Delete(new(Past, KeyText.Of(id))), ct);
    }

    /// <summary>All campaigns, newest first.</summary>
    public async ValueTask<IReadOnlyList<Campaign>> ListAsync(CancellationToken ct)
    {
        var campaigns = _active.Current.Items.ToDictionary(campaign => campaign.Id, StringComparer.Ordinal);
        await foreach (var row in _history.ScanAsync(KeyRange.Partition(Past), ct))
        {
            var campaign = Read(row.Columns);
            campaigns.TryAdd(campaign.Id, campaign);
        }

        return [.. campaigns.Values.OrderByDescending(campaign => campaign.CreatedAt).ThenBy(campaign => campaign.Id, StringComparer.Ordinal)];
    }

    private static Campaign Read(Columns columns) => JsonSerializer.Deserialize(Compression.Unpack(columns.AllBytes("Json")), CampaignJson.Default.Stored)!.ToCampaign();

    private static Columns Write(Campaign campaign) =>
        new Columns().WithBytes("Json", Compression.Pack(JsonSerializer.SerializeToUtf8Bytes(Stored.Of(campaign), CampaignJson.Default.Stored)));

    /// <summary>A campaign with its nodes as text.</summary>
    internal sealed record Stored(Campaign Campaign, IReadOnlyList<string> Nodes)
    {
        public static Stored Of(Campaign campaign) => new(campaign with { Targets = campaign.Targets with { Nodes = [] } }, campaign.Targets.NodeTexts);

        public Campaign ToCampaign() => Campaign with { Targets = Campaign.Targets.WithNodes(Nodes) };
    }
}

[JsonSerializable(typeof(CampaignStore.Stored))]
internal sealed partial class CampaignJson : JsonSerializerContext;
