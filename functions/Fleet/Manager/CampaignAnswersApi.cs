using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <param name="Status"><c>new</c>, <c>sent</c>, <c>done</c>, <c>failed</c> or <c>expired</c>.</param>
/// <param name="WallMs">How long it ran there, in milliseconds, where the agent measured it.</param>
/// <param name="DeviceLink">Where the machine's user reads what it was asked; null where that is switched off.</param>
internal sealed record AnswerBody(
    string NodeId, string Status, string? Error, JsonArray Rows, DateTimeOffset? SentAt, DateTimeOffset? AnsweredAt, long? WallMs, string? DeviceLink);

/// <summary>How far one node came with a campaign.</summary>
/// <param name="Status"><c>new</c>, <c>sent</c>, <c>done</c>, <c>failed</c> or <c>expired</c>.</param>
/// <param name="WallMs">How long it ran there, in milliseconds, where the agent measured it.</param>
internal sealed record CampaignNodeBody(string NodeId, string Status, string? Error, DateTimeOffset? SentAt, DateTimeOffset? AnsweredAt, long? WallMs);

/// <summary>What a campaign brought.</summary>
internal static class CampaignAnswersApi
{
    private static readonly string[] s_columns = ["nodeId", "status", "error", "answeredAt"];

    public static void MapCampaignAnswers(this IEndpointRouteBuilder api)
    {
        api.MapGet("/campaigns/{id}/answers", ListAsync).For(Role.Viewer).Docs<ListOf<AnswerBody>>("List a campaign's answers");
        api.MapGet("/campaigns/{id}/nodes", StatesAsync).For(Role.Viewer).Docs<ListOf<CampaignNodeBody>>("List how far each node came, without rows; pages may be short and still lead on", id: "listCampaignNodes");
        api.MapGet("/campaigns/{id}/answers/{nodeId}", FindAsync).For(Role.Viewer).Docs<AnswerBody>("Read one node's answer", id: "getCampaignAnswer");
        api.MapGet("/campaigns/{id}/export", ExportAsync).For(Role.Viewer).IsExport().Stream().DocsFile("Export a campaign's rows", Export.Ndjson, Export.Csv);
        api.MapGet("/campaigns/{id}/stream", StreamAsync).For(Role.Viewer).Stream().DocsFile("Watch a campaign: server-sent events 'counts' and 'answer'", "text/event-stream");
    }

    private static async Task<IResult> ListAsync(
        string id, CampaignStore campaigns, AnswerStore answers, DeviceLinks links, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        if (await campaigns.FindAsync(id, ct) is null) return CampaignsApi.Missing(id);
        var page = await answers.PageAsync(id, Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(answer => Body(answer, links)));
    }

    private static async Task<IResult> StatesAsync(
        string id, CampaignStore campaigns, AnswerStore answers, Limits limits, CancellationToken ct, string? status = null, int? take = null, string? after = null)
    {
        if (await campaigns.FindAsync(id, ct) is null) return CampaignsApi.Missing(id);
        var state = default(AnswerState);
        if (status is not null && !(Enum.TryParse(status, ignoreCase: true, out state) && Enum.IsDefined(state) && !char.IsAsciiDigit(status[0]))) return Problem.Invalid("status", "This is new, sent, done, failed or expired.");
        var page = await answers.StatesAsync(id, status is null ? null : state, Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(answer => new CampaignNodeBody(answer.Node.ToString(), answer.State.ToString().ToLowerInvariant(), answer.Error, answer.SentAt, answer.AnsweredAt, answer.WallMs)));
    }

    private static async Task<IResult> FindAsync(string id, string nodeId, AnswerStore answers, DeviceLinks links, CancellationToken ct) =>
        NodeId.TryParse(nodeId, out var node) && await answers.FindWholeAsync(id, node, ct) is { } answer
            ? TypedResults.Ok(Body(answer, links))
            : Problem.NotFound($"answer of node '{nodeId}' to campaign '{id}'");

    private static async Task<IResult> ExportAsync(string id, CampaignStore campaigns, AnswerStore answers, HttpContext http, CancellationToken ct, string? format = null, bool? trailer = null)
    {
        if (await campaigns.FindAsync(id, ct) is null) return CampaignsApi.Missing(id);
        http.Audit().Target = "campaigns/" + id;
        var isCsv = format == "csv";
        return new Export<(Answer Answer, JsonObject? Row)>($"campaign-{id}", format, RowsAsync(answers, id, ct), one => Json(one.Answer, one.Row, isCsv), isCsv ? s_columns : null);
    }

    /// <summary>A stream ends when its campaign does, or after some minutes: browsers come back by themselves, and say what they have.</summary>
    private static async Task<IResult> StreamAsync(string id, CampaignStore campaigns, CampaignWatch watch, HttpContext http, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is null) return CampaignsApi.Missing(id);
        return TypedResults.ServerSentEvents(watch.WatchAsync(id, http.Request.Headers["Last-Event-ID"], ct));
    }

    /// <summary>A row for each row of each answer; for an answer without rows one that says so.</summary>
    private static async IAsyncEnumerable<(Answer, JsonObject?)> RowsAsync(AnswerStore answers, string id, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await answers.PageAsync(id, 200, after, ct);
            foreach (var answer in page.Items)
            {
                var rows = Rows.Array(answer.Rows);
                if (rows.Count == 0) yield return (answer, null);
                foreach (var row in rows) yield return (answer, (JsonObject)row!);
            }

            after = page.After;
        }
        while (after is not null);
    }

    private static JsonObject Json(Answer answer, JsonObject? row, bool isFlat)
    {
        var json = new JsonObject
        {
            ["nodeId"] = answer.Node.ToString(),
            ["status"] = NameOf(answer.State),
            ["error"] = answer.Error,
            ["answeredAt"] = answer.AnsweredAt is { } at ? UtcTime.Text(at) : null,
        };
        if (!isFlat) json["row"] = row?.DeepClone();
        foreach (var (name, value) in isFlat ? row ?? [] : []) json[json.ContainsKey(name) ? "column." + name : name] = value?.DeepClone();
        return json;
    }

    internal static AnswerBody Body(Answer answer, DeviceLinks links) => new(
        answer.Node.ToString(), NameOf(answer.State), answer.Error, Rows.Array(answer.Rows), answer.SentAt, answer.AnsweredAt, answer.WallMs, links.For(answer.Node));

    internal static string NameOf(AnswerState state) => state.ToString().ToLowerInvariant();
}
