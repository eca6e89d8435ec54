using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Something that happened to a node.</summary>
/// <param name="Kind"><c>created</c>, <c>enrolled</c>, <c>pending</c>, <c>changed</c>, <c>results</c> (one entry a query, at its newest line), <c>question</c> or <c>alert</c>.</param>
/// <param name="Title">In words.</param>
/// <param name="By">Who did it, where a person did.</param>
/// <param name="Link">Where more of it is, under <c>/api</c>.</param>
/// <param name="Count">Of results: rows.</param>
internal sealed record NodeEvent(DateTimeOffset At, string Kind, string Title, string? By = null, string? Link = null, long? Count = null, JsonNode? Detail = null);

/// <summary>One timeline of what is told in many places.</summary>
internal sealed class NodeTimeline(HistoryStore history, BatchStore batches, CampaignStore campaigns, AnswerStore answers, AlertStore alerts)
{
    private const int MostBatches = 200;
    private const int MostOfEach = 200;
    private const int MostQuestions = 12;

    /// <summary>Newest first; of each kind the newest two hundred, of questions twelve, of results those of the newest two hundred batches.</summary>
    public async ValueTask<IReadOnlyList<NodeEvent>> ReadAsync(Node node, DateTimeOffset from, CancellationToken ct)
    {
        var events = new List<NodeEvent>();
        if (node.EnrolledAt is not { } enrolled) events.Add(new(node.CreatedAt, "created", "Made beforehand, and never came"));
        else events.Add(new(enrolled, "enrolled", "Enrolled for the first time"));
        foreach (var version in (await history.PageAsync(NodeChanges.Kind, node.Id.ToString(), MostOfEach, null, ct)).Items)
        {
            events.Add(version.By.Length == 0
                ? new(version.At, version.Action, version.Action == "pending" ? "Asked to be let in again" : "Enrolled again", Detail: version.Item)
                : new(version.At, "changed", "Tags, name or state were changed", version.By, Detail: version.Item));
        }

        events.AddRange(await ResultsAsync(node.Id, from, ct));
        events.AddRange(await QuestionsAsync(node, from, ct));
        var raised = await alerts.PageAsync(MostOfEach, null, alert => alert.Node == node.Id, ct, from);
        events.AddRange(raised.Items.Select(alert => new NodeEvent(alert.RaisedAt, "alert", alert.RuleName, Link: "/api/alerts/" + alert.Id)));
        return [.. events.Where(one => one.At >= from).OrderByDescending(one => one.At)];
    }

    private async ValueTask<IEnumerable<NodeEvent>> ResultsAsync(NodeId node, DateTimeOffset from, CancellationToken ct)
    {
        var counts = new Dictionary<string, (long Count, DateTimeOffset Newest)>(StringComparer.Ordinal);
        var read = 0;
        await foreach (var (key, batch) in batches.NewestFirstAsync(Schema.ResultsPrefix, node, null, (_, _, newest) => !(newest < from), null, ct))
        {
            if (key.Time < from || ++read > MostBatches) break;
            if (batch is null) continue;
            foreach (var row in LineReader.Read(batch.Lines, batch.Key.Time).Where(row => row is { Fault: null, IsEmpty: false } && row.Time >= from))
            {
                var (count, newest) = counts.GetValueOrDefault(row.Name);
                counts[row.Name] = (count + 1, row.Time > newest ? row.Time : newest);
            }
        }

        return counts.Select(query => new NodeEvent(
            query.Value.Newest, "results", query.Key, Link: $"/api/nodes/{node}/results?query={Uri.EscapeDataString(query.Key)}", Count: query.Value.Count));
    }

    /// <summary>Each costs a read, so only those are looked for that were meant for what the node is now.</summary>
    private async ValueTask<IEnumerable<NodeEvent>> QuestionsAsync(Node node, DateTimeOffset from, CancellationToken ct)
    {
        var events = new List<NodeEvent>();
        var meant = (await campaigns.ListAsync(ct)).Where(campaign => campaign.CreatedAt >= from && campaign.Targets.Include(campaign.Id, node.Id, node.Tags, node.Platform));
        foreach (var campaign in meant.Take(MostQuestions))
        {
            if (await answers.FindAsync(campaign.Id, node.Id, ct) is not var (answer, _)) continue;
            events.Add(new(
                answer.AnsweredAt ?? answer.SentAt ?? campaign.CreatedAt, "question", campaign.Description.Length > 0 ? campaign.Description : campaign.Sql, campaign.CreatedBy, "/api/campaigns/" + campaign.Id,
                Detail: new JsonObject { ["sql"] = campaign.Sql, ["status"] = CampaignAnswersApi.NameOf(answer.State) }));
        }

        return events;
    }
}
