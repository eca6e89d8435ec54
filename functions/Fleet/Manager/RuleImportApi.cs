using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Id">The rule's here: the same whenever it is imported, so that importing again changes it.</param>
/// <param name="Change"><c>added</c>, <c>changed</c>, <c>same</c> or <c>refused</c>.</param>
/// <param name="MissingAlerters">Names that no alerter has here: the rule is imported without them.</param>
/// <param name="Errors">Why it is refused.</param>
internal sealed record ImportedRule(string Id, string Name, string Change, IReadOnlyList<string> MissingAlerters, IReadOnlyList<FieldError> Errors);

/// <summary>What came of an import. A rule that is refused stops no other.</summary>
internal sealed record RuleImportBody(bool DryRun, IReadOnlyList<ImportedRule> Rules);

/// <summary>Rules that come from elsewhere: Doorman's, and drafts made of queries.</summary>
internal static class RuleImportApi
{
    private const string Kind = "rules";
    private const int MostRules = 5_000;

    public static void MapRuleImport(this IEndpointRouteBuilder api)
    {
        api.MapPost("/import/doorman-rules", ImportAsync).For(Role.Operator).Accepts<JsonArray>("application/json", "text/csv", "application/x-ndjson", "application/jsonl", "text/plain", "application/octet-stream").Docs<RuleImportBody>(
            "Import Doorman's rules as its database gives them: JSON, JSON lines or CSV", id: "importDoormanRules",
            body: """[{"id":1,"name":"A new listener","description":"","alerters":["email"],"conditions":{"condition":"AND","rules":[{"id":"query_name","field":"query_name","type":"string","input":"text","operator":"equal","value":"listening_ports"}]},"updated_at":"2019-01-01T00:00:00"}]""");
        api.MapGet("/rules/draft", Draft).For(Role.Viewer).Docs<RuleRequest>("Draft a rule from a query or a pack's query; nothing is saved", id: "draftRule");
    }

    private static async Task<IResult> ImportAsync(HttpContext http, RuleStore rules, Alerters alerters, Edits edits, Limits limits, TimeProvider clock, CancellationToken ct, bool? dryRun = null)
    {
        if (http.Request.Headers.IfMatch.Count + http.Request.Headers.IfNoneMatch.Count > 0)
        {
            return new Problem(400, "bad-request", "Bad request", "A file is many things: look with dryRun=true first, and send neither If-Match nor If-None-Match.").ToResult();
        }

        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        IReadOnlyList<DoormanRule> read;
        try
        {
            read = DoormanRules.Read(await reader.ReadToEndAsync(ct));
        }
        catch (FormatException fault)
        {
            return Problem.Invalid("body", fault.Message);
        }

        if (read.Count is 0 or > MostRules) return Problem.Invalid("body", "These are 1 to 5,000 rules.");
        var known = alerters.Current.ByName.Keys;
        var done = new List<ImportedRule>();
        foreach (var one in read)
        {
            var id = "doorman-" + (one.Id.Length is > 0 and < 50 && one.Id.All(char.IsAsciiLetterOrDigit) ? one.Id : Digest.Of(one.Name)[..16]);
            var missing = one.Alerters.Where(name => !known.Contains(name)).ToList();
            var request = new RuleRequest(one.Name.Trim(), one.Conditions.ValueKind == JsonValueKind.Undefined ? Nothing : one.Conditions, one.Description, Alerters: [.. one.Alerters.Where(known.Contains)]);
            var stored = await rules.Table.ReadAsync(id, ct);
            if (RuleReader.Read(id, request, known, limits, stored?.Item, clock.GetUtcNow(), out var errors) is not { } rule)
            {
                done.Add(new(id, one.Name, "refused", missing, errors));
                continue;
            }

            var difference = Differences.Between(Kind, id, stored is null ? null : RulesApi.Essence(stored.Item), RulesApi.Essence(rule));
            done.Add(new(id, one.Name, difference.Change, missing, []));
            if (dryRun != true && difference.Change != "same") await edits.PutAsync(http, rules.Table, Kind, id, stored, rule, RulesApi.Json, isSeen: true);
        }

        (http.Audit().Target, http.Audit().Reason) = ("import/doorman-rules", $"{done.Count(one => one.Change is "added" or "changed")} of {done.Count} rules");
        (http.Audit().Before, http.Audit().After) = (null, null);
        return TypedResults.Ok(new RuleImportBody(dryRun == true, done));
    }

    private static JsonElement Nothing => JsonDocument.Parse("null").RootElement;

    /// <summary>What a rule about a query begins with: its name as results have it, and rows that are new.</summary>
    private static IResult Draft(string query, ConfigItems config)
    {
        var (_, schedule, pack) = config.ScheduledAs(query).FirstOrDefault();
        if (schedule is null) return Problem.NotFound($"query '{query}' in the configuration");
        var rules = new JsonArray(Leaf("query_name", query));
        if (schedule.Snapshot != true) rules.Add((JsonNode)Leaf("action", "added"));
        var name = query[(query.LastIndexOf('/') + 1)..].Replace('_', ' ');
        var platforms = (schedule.Platform ?? (string?)pack?["platform"])?.Split(',', StringSplitOptions.TrimEntries).Where(one => one is "linux" or "darwin" or "windows" or "freebsd").ToList();
        return TypedResults.Ok(new RuleRequest(
            name, JsonDocument.Parse(new JsonObject { ["condition"] = "AND", ["rules"] = rules }.ToJsonString()).RootElement,
            string.Join("\n\n", new[] { schedule.Description, schedule.Value }.Where(text => !string.IsNullOrWhiteSpace(text))),
            Message: $"{name} on $node", Platforms: platforms is { Count: > 0 } ? platforms : null, Group: new("1d", []), ResolveOnRemoved: schedule is { Snapshot: not true, Removed: not false }));
    }

    private static JsonObject Leaf(string field, string value) => new() { ["field"] = field, ["operator"] = "equal", ["value"] = value };
}
