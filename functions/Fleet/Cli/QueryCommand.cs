using System.CommandLine;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Manager;

namespace Fleet.Cli;

/// <summary><c>fleet query SQL</c>: asks machines, and with <c>--wait</c> shows their rows as they come.</summary>
internal static class QueryCommand
{
    public static Command Build()
    {
        var sql = new Argument<string>("sql") { Description = "One SELECT." };
        var all = new Option<bool>("--all") { Description = "Ask every active machine." };
        var tags = Shared.Tags("Ask machines with any of these tags.");
        var nodes = Shared.TagsAs("--nodes", "Ask these, by id.");
        var platforms = Shared.TagsAs("--platforms", "Ask machines of these platforms.");
        var sample = new Option<int?>("--sample") { Description = "Ask this percentage of them." };
        var reason = new Option<string?>("--reason") { Description = "Why; needed for many machines and for sensitive tables." };
        var wait = new Option<bool>("--wait") { Description = "Wait for the answers and show them." };
        var timeout = new Option<TimeSpan>("--timeout")
        {
            Description = "With --wait: wait this long at most. The campaign goes on. Default: 5m.",
            HelpName = "SPAN",
            DefaultValueFactory = _ => TimeSpan.FromMinutes(5),
            CustomParser = result =>
            {
                if (!Duration.TryParse(result.Tokens[0].Value, out var span)) result.AddError($"'{result.Tokens[0].Value}' is no span of time: write 90s or 10m.");
                return span;
            },
        };
        var output = Remote.Output("table", "json", "csv");
        return new Command("query", "Ask machines a question.") { sql, all, tags, nodes, platforms, sample, reason, wait, timeout, output }.WithServer(
            "fleet query \"select username from users where uid = 0\" --tags prod --wait",
            async (parsed, client, ct) =>
            {
                var targets = new JsonObject { ["all"] = parsed.GetValue(all) };
                if (parsed.GetValue(tags) is { Length: > 0 } tagged) targets["tags"] = NodesCommand.Array(tagged);
                if (parsed.GetValue(nodes) is { Length: > 0 } named) targets["nodes"] = NodesCommand.Array(named);
                if (parsed.GetValue(platforms) is { Length: > 0 } kinds) targets["platforms"] = NodesCommand.Array(kinds);
                if (parsed.GetValue(sample) is { } percent) targets["sample"] = percent;
                var request = new JsonObject { ["sql"] = parsed.GetValue(sql), ["targets"] = targets };
                if (parsed.GetValue(reason) is { } why) request["reason"] = why;
                var campaign = (await client.SendAsync(HttpMethod.Post, "/api/campaigns", request, null, ct)).Json;
                await Console.Error.WriteLineAsync($"campaign {campaign["id"]}: asked of {campaign["targeted"]} nodes");
                if (!parsed.GetValue(wait))
                {
                    if (parsed.GetValue(output) == "json") Remote.Print(campaign);
                    else Console.WriteLine((string?)campaign["id"]);
                    return 0;
                }

                using var bound = CancellationTokenSource.CreateLinkedTokenSource(ct);
                bound.CancelAfter(parsed.GetValue(timeout));
                await using var rows = new RowWriter(parsed.GetValue(output)!);
                return await WaitAsync(client, (string)campaign["id"]!, rows, bound.Token, ct);
            });
    }

    private static async Task<int> WaitAsync(FleetClient client, string id, RowWriter rows, CancellationToken bound, CancellationToken ct)
    {
        string? last = null;
        JsonNode? counts = null;
        var shown = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            for (var isOver = false; !isOver;)
            {
                await foreach (var item in EventsAsync(client, id, last, isOn: counts is not null, bound))
                {
                    last = item.EventId ?? last;
                    if (item.EventType == "end") isOver = true;
                    if (item.EventType == "counts") counts = JsonNode.Parse(item.Data);
                    if (item.EventType == "answer" && JsonNode.Parse(item.Data) is JsonObject answer && shown.Add((string)answer["nodeId"]!)) await WriteAsync(client, id, answer, rows, bound);
                    if (counts is not null) Progress(counts);
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"Time is up; {counts?["done"] ?? 0} of {counts?["targeted"] ?? "?"} have answered, and the campaign goes on: GET /api/campaigns/{id}/answers");
        }

        if (!Console.IsErrorRedirected) await Console.Error.WriteLineAsync();
        return counts is not null && (long)counts["done"]! == (long)counts["targeted"]! ? 0 : Remote.NotSo;
    }

    /// <summary>A stream that breaks ends like one whose time is up: the next one goes on where it was.</summary>
    private static async IAsyncEnumerable<SseItem<string>> EventsAsync(FleetClient client, string id, string? last, bool isOn, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var events = client.EventsAsync($"/api/campaigns/{id}/stream", last, ct).GetAsyncEnumerator(ct);
        for (; ; )
        {
            try
            {
                if (!await events.MoveNextAsync()) yield break;
            }
            // A server that was there and is not comes back.
            catch (Exception fault) when (fault is IOException or HttpRequestException || (isOn && fault is RemoteException { Status: null or >= System.Net.HttpStatusCode.InternalServerError }))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), ct);
                yield break;
            }

            yield return events.Current;
        }
    }

    private static async Task WriteAsync(FleetClient client, string id, JsonObject answer, RowWriter rows, CancellationToken ct)
    {
        // The stream leaves out large answers' rows.
        if ((string?)answer["status"] == "done" && answer["error"] is not null) answer = (JsonObject)await client.GetAsync($"/api/campaigns/{id}/answers/{answer["nodeId"]}", ct);
        if ((string?)answer["status"] == "failed") await Console.Error.WriteLineAsync($"{answer["nodeId"]}: {answer["error"]}");
        var node = (string)answer["nodeId"]!;
        var name = await NameAsync(client, node, ct);
        rows.Write([.. answer["rows"]!.AsArray().Select(row =>
        {
            var json = new JsonObject { ["node"] = name, ["nodeId"] = node };
            foreach (var (column, value) in row!.AsObject()) json[json.ContainsKey(column) ? "column." + column : column] = value?.DeepClone();
            return json;
        })]);
    }

    /// <summary>People know machines by name; one that was deleted meanwhile has only its id.</summary>
    private static async Task<string> NameAsync(FleetClient client, string id, CancellationToken ct)
    {
        try
        {
            return (string?)(await client.GetAsync("/api/nodes/" + id, ct))["displayName"] ?? id;
        }
        catch (RemoteException)
        {
            return id;
        }
    }

    /// <summary>One line that is written over, where somebody watches.</summary>
    private static void Progress(JsonNode counts)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r{counts["done"]} of {counts["targeted"]} answered, {counts["failed"]} failed, {(long)counts["new"]! + (long)counts["sent"]!} to come   ");
    }

    private sealed class RowWriter(string format) : IAsyncDisposable
    {
        private readonly JsonArray _all = [];
        private TextTable? _table;
        private List<string>? _columns;

        public void Write(IReadOnlyList<JsonObject> rows)
        {
            if (rows.Count == 0) return;
            if (format != "table")
            {
                foreach (var row in rows) _all.Add((JsonNode)row);
                return;
            }

            // Machines may differ in their columns; in a table the first answer's count.
            _columns ??= [.. rows.SelectMany(row => row.Select(member => member.Key)).Where(column => column != "nodeId").Distinct(StringComparer.Ordinal)];
            if (!Console.IsErrorRedirected) Console.Error.Write("\r\u001b[K");
            (_table ??= new(Console.Out, _columns)).Write(rows);
        }

        /// <summary>JSON and CSV are written when all is there: then all columns are known.</summary>
        public async ValueTask DisposeAsync()
        {
            if (format == "json") Remote.Print(_all);
            if (format != "csv") return;
            await using var csv = new CsvRows(Console.Out);
            var columns = _all.SelectMany(row => row!.AsObject().Select(member => member.Key)).Distinct(StringComparer.Ordinal).ToList();
            await csv.WriteAsync(columns);
            foreach (var row in _all) await csv.WriteAsync(columns.Select(column => TextTable.Text(row![column])));
        }
    }
}
