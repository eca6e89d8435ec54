using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>A query for a node to run, under the id that it answers with.</summary>
internal readonly record struct Offer(string Id, string Sql);

/// <summary>Decides what a node is asked. Which campaigns are over, and which the node has dealt with, is in memory: an idle read costs nothing.</summary>
internal sealed class Offers(CampaignStore campaigns, AnswerStore answers, Limits limits, TimeProvider clock)
{
    /// <summary>By campaign and node: until when there is nothing to offer.</summary>
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<NodeId, DateTimeOffset>> _settled = new(StringComparer.Ordinal);

    /// <summary>What the node is to run now. Each is SENT, durably, before this returns.</summary>
    public ValueTask<IReadOnlyList<Offer>> TakeAsync(KnownNode node, CancellationToken ct)
    {
        var active = campaigns.Active;
        return active.ByName.Count == 0 ? new([]) : TakeAsync(active, node, ct);
    }

    private async ValueTask<IReadOnlyList<Offer>> TakeAsync(Snapshot<Campaign> active, KnownNode node, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var offers = new List<Offer>();
        foreach (var campaign in active.Items)
        {
            if (now < campaign.NotBefore || campaign.IsOver(now) || !campaign.Targets.Include(campaign.Id, node.Id, node.Tags, node.Platform)) continue;
            var settled = _settled.GetOrAdd(campaign.Id, _ => new());
            if (settled.TryGetValue(node.Id, out var until) && now < until) continue;
            if (await OfferAsync(campaign, node.Id, settled, now, ct)) offers.Add(new(campaign.Id, campaign.Sql));
        }

        if (_settled.Count > active.ByName.Count) Forget(active);
        return offers;
    }

    /// <summary>Remembers that the node has answered.</summary>
    public void Settle(string campaign, NodeId node) => _settled.GetOrAdd(campaign, _ => new())[node] = DateTimeOffset.MaxValue;

    private async ValueTask<bool> OfferAsync(Campaign campaign, NodeId node, ConcurrentDictionary<NodeId, DateTimeOffset> settled, DateTimeOffset now, CancellationToken ct)
    {
        // Not asked (it enrolled or was tagged later, and that was not wanted), or done: never again.
        var found = await answers.FindAsync(campaign.Id, node, ct);
        if (found is null && campaign.IncludesLater) found = (new(node, AnswerState.New, SentAt: null, AnsweredAt: null, Error: null, Rows: "[]"u8.ToArray()), null);
        if (found is not var (answer, etag) || answer.State is not (AnswerState.New or AnswerState.Sent))
        {
            settled[node] = DateTimeOffset.MaxValue;
            return false;
        }

        // Sent by another instance, or by this one before a restart: it has time to answer.
        if (answer.State == AnswerState.Sent && answer.SentAt!.Value + answer.Lease(limits.AnswerLease) is var until && now < until)
        {
            settled[node] = until;
            return false;
        }

        var isGivenUp = answer.Offers >= limits.Offers;
        var next = isGivenUp ? answer.GiveUp(now) : answer with { State = AnswerState.Sent, SentAt = now, Offers = answer.Offers + 1 };
        try
        {
            await answers.WriteAsync(campaign.Id, next, etag, ct);
        }
        catch (ConflictException)
        {
            return false;
        }

        settled[node] = isGivenUp ? DateTimeOffset.MaxValue : now + next.Lease(limits.AnswerLease);
        return !isGivenUp;
    }

    private void Forget(Snapshot<Campaign> active)
    {
        foreach (var campaign in _settled.Keys.Where(campaign => !active.ByName.ContainsKey(campaign))) _settled.TryRemove(campaign, out _);
    }
}
