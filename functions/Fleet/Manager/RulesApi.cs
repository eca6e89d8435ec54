using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Alerts;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <summary>A line as results and alerts show it, or as osquery writes it, snapshots and batches (<c>diffResults</c>) too. Other texts that it has count as decorations, as they do for the rules.</summary>
/// <param name="Timestamp">ISO 8601 or epoch seconds; or <paramref name="Time"/>, or <paramref name="UnixTime"/>; left out, now.</param>
/// <param name="NodeId">Who sent it: its host, tags and platform are looked up where they are left out.</param>
/// <param name="Tags">The node's.</param>
/// <param name="Platform">The node's.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
internal sealed record RuleTestLine(
    string? Name = null, string? Action = null, string? HostIdentifier = null, JsonElement? Timestamp = null, JsonElement? Time = null, JsonElement? UnixTime = null, JsonElement? Columns = null, JsonElement? Decorations = null,
    string? NodeId = null, IReadOnlyList<string>? Tags = null, string? Platform = null, JsonElement? Snapshot = null, JsonElement? DiffResults = null)
{
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}

/// <param name="Conditions">A rule's, with its <paramref name="Tags"/> and <paramref name="Platforms"/>; or <paramref name="RuleId"/>, a rule that is saved.</param>
internal sealed record RuleTrial(RuleTestLine Line, JsonElement? Conditions = null, string? RuleId = null, IReadOnlyList<string>? Tags = null, IReadOnlyList<string>? Platforms = null);

/// <param name="Matches">All conditions hold, and the rule is about this node.</param>
/// <param name="InScope">The rule is about this node, by its tags and platform.</param>
/// <param name="Resolves">The line ends what its row raised when it came: the rule resolves alerts when their rows are removed.</param>
/// <param name="DependsOnSeen">It matches if a value is seen for the first time, which a trial does not know.</param>
/// <param name="Rows">How many rows the line has; a snapshot or a batch has any number.</param>
/// <param name="MatchingRows">How many of them match.</param>
/// <param name="Conditions">What each comparison said of the first row that matches, or of the first, in the order in which they stand.</param>
internal sealed record RuleTestBody(bool Matches, bool InScope, bool Resolves, bool DependsOnSeen, int Rows, int MatchingRows, IReadOnlyList<ConditionTest> Conditions);

/// <param name="Path">Where it stands: <c>conditions.rules[1].rules[0]</c>.</param>
/// <param name="Matches">Null if it depends on what was seen before.</param>
/// <param name="Value">What it looked at; null if the line does not have it.</param>
internal sealed record ConditionTest(string Path, bool? Matches, string? Value);

internal static class RulesApi
{
    private const string Kind = "rules";
    private const string Example =
        """{"name":"A program runs from /tmp","severity":"high","alerters":["log"],"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"processes"},{"field":"column","operator":"column_begins_with","value":["path","/tmp/"]}]}}""";

    public static void MapRules(this IEndpointRouteBuilder api)
    {
        api.MapGet("/rules", List).For(Role.Viewer).Docs<ListOf<RuleBody>>("List rules");
        api.MapPost("/rules", CreateAsync).For(Role.Operator).Docs<RuleBody>("Make a rule", body: Example, status: [201]);
        api.MapGet("/rules/{id}", Find).For(Role.Viewer).Docs<RuleBody>("Read a rule");
        api.MapPut("/rules/{id}", PutAsync).For(Role.Operator).Docs<RuleBody>("Make or replace a rule", body: Example, status: [200, 201]);
        api.MapDelete("/rules/{id}", RemoveAsync).For(Role.Operator).Docs("Remove a rule");
        api.MapGet("/rules/{id}/history", HistoryAsync).For(Role.Viewer).Docs<ListOf<VersionBody>>("List what people made of a rule");
        api.MapPost("/rules/test", TestAsync).For(Role.Viewer).ReadsOnly().Docs<RuleTestBody>(
            "Try a rule on a line",
            body: """{"conditions":{"condition":"AND","rules":[{"field":"action","operator":"equal","value":"added"}]},"line":{"name":"processes","action":"added","columns":{"path":"/tmp/x"}}}""");
    }

    private static Ok<ListOf<RuleBody>> List(RuleStore rules, Limits limits, int? take = null, string? after = null, int? page = null, string? q = null) => TypedResults.Ok(Paging.PageOf(
        rules.Current.Items.Where(rule => q is null || rule.Name.Contains(q, StringComparison.OrdinalIgnoreCase) || rule.Conditions.Contains(q, StringComparison.OrdinalIgnoreCase)),
        rule => rule.Id, take, after, page, limits, RuleBody.Of));

    private static IResult Find(string id, RuleStore rules, HttpContext http)
    {
        if (rules.Find(id) is not { } stored) return Missing(id);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok(RuleBody.Of(stored.Item));
    }

    private static async Task<IResult> CreateAsync(RuleRequest request, RuleStore rules, Alerters alerters, ConfigItems config, Edits edits, Limits limits, TimeProvider clock, HttpContext http)
    {
        var now = clock.GetUtcNow();
        return RuleReader.Read(Guid.CreateVersion7(now).ToString("N"), request, alerters.Current.ByName.Keys, limits, before: null, now, out var errors) is { } rule
            ? QueryFault(rule, config) ?? await edits.PutAsync(http, rules.Table, Kind, rule.Id, stored: null, rule, Json)
            : Problem.Invalid([.. errors]);
    }

    /// <summary>With an id of one's own too: what is brought from another server keeps its id.</summary>
    private static async Task<IResult> PutAsync(string id, RuleRequest request, RuleStore rules, Alerters alerters, ConfigItems config, Edits edits, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct, bool? dryRun = null)
    {
        if (id.Length > 100 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) return Problem.Invalid("id", "An id has at most 100 ASCII letters, digits, '-' and '_'.");
        var stored = await rules.Table.ReadAsync(id, ct);
        if (RuleReader.Read(id, request, alerters.Current.ByName.Keys, limits, stored?.Item, clock.GetUtcNow(), out var errors) is not { } rule) return Problem.Invalid([.. errors]);
        if (QueryFault(rule, config) is { } fault) return fault;

        // The same again is no change, and has the version and the time of the last one.
        if (stored is not null && JsonNode.DeepEquals(Essence(rule), Essence(stored.Item))) rule = stored.Item;
        if (dryRun == true) return TypedResults.Ok(Differences.Between(Kind, id, stored is null ? null : Essence(stored.Item), Essence(rule)));
        return await edits.PutAsync(http, rules.Table, Kind, id, stored, rule, Json);
    }

    /// <summary>Of a query that nobody is given it is not known how often it should come: such a rule would never say anything.</summary>
    private static IResult? QueryFault(Rule rule, ConfigItems config)
    {
        if (rule.Absence?.Query is not { Length: > 0 } query || config.ScheduledAs(query).Any()) return null;
        var names = config.Queries.Current.ByName.Keys.Concat(config.Packs.Current.Items.SelectMany(pack => pack.QueryNames.Select(pack.ResultName)));
        return Problem.Invalid("absence.query", $"No configuration has the query '{query}'{(Nearest.To(query, names) is { } near ? $"; did you mean '{near}'?" : ": a pack's is pack/PACK/QUERY.")}");
    }

    /// <summary>Without times, which are no difference.</summary>
    internal static JsonObject Essence(Rule rule)
    {
        var json = Json(rule);
        json.Remove("createdAt");
        json.Remove("updatedAt");
        json.Remove("version");
        return json;
    }

    private static async Task<IResult> RemoveAsync(string id, RuleStore rules, Edits edits, HttpContext http, CancellationToken ct) =>
        await rules.Table.ReadAsync(id, ct) is { } stored ? await edits.RemoveAsync(http, rules.Table, Kind, stored, Json) : Missing(id);

    private static async Task<IResult> HistoryAsync(string id, HistoryStore history, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        var page = await history.PageAsync(Kind, id, Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(version => new VersionBody(version.Id, version.At, version.By, version.Action, version.Item)));
    }

    /// <summary>The verdict, and what each condition looked at.</summary>
    private static async Task<IResult> TestAsync(RuleTrial request, RuleStore rules, NodeDirectory directory, Limits limits, TimeProvider clock, CancellationToken ct)
    {
        if ((request.Conditions is null) == (request.RuleId is null)) return Problem.Invalid("conditions", "Either 'conditions' or 'ruleId' says which rule to try.");
        var stored = request.RuleId is { } id ? rules.Find(id)?.Item : null;
        if (stored is null && request.RuleId is not null) return Problem.Invalid("ruleId", $"There is no rule '{request.RuleId}'.");
        if (stored is { Absence: not null }) return Problem.Invalid("ruleId", "This rule is about results that do not come: no line matches it.");
        var conditions = request.Conditions ?? JsonDocument.Parse(stored!.Conditions).RootElement;
        if (RuleParser.Parse(conditions, limits, out var faults) is not { } root) return Problem.Invalid([.. faults.Select(fault => new FieldError(fault.Path, fault.Message))]);
        if (Time(request.Line.Timestamp ?? request.Line.Time ?? request.Line.UnixTime) is not { } time) return Problem.Invalid("line.timestamp", "This is ISO 8601 or epoch seconds.");

        var line = request.Line;
        var known = NodeId.TryParse(line.NodeId, out var nodeId) ? NodeFacts.Of(nodeId, await directory.FindAsync(nodeId, ct)) : NodeFacts.Unknown(default);
        var node = new NodeFacts(known.Id, line.HostIdentifier ?? known.Host, line.Platform ?? known.Platform, line.Tags is { } tags ? TagSet.Of(tags) : known.Tags);
        var rule = stored ?? Rules.Rule.OfConditions(conditions.GetRawText()) with { Scope = new(TagSet.Of(request.Tags ?? []), request.Platforms ?? []) };
        var received = time == DateTimeOffset.MinValue ? clock.GetUtcNow() : time;
        var set = new RuleSet([(rule, root)]);
        var matches = set.NewJudge().Matches(RuleTestLines.Whole(line), received, node);
        var rows = RuleTestLines.Rows(line);
        var shown = rows.Find(row => set.NewJudge().Matches(row, received, node).Any(match => !match.IsEnd)) ?? rows.FirstOrDefault() ?? RuleTestLines.Empty(line);
        var said = set.NewJudge().Explain(shown, received, node);
        return TypedResults.Ok(new RuleTestBody(
            matches.Any(match => !match.IsEnd), rule.Scope.Holds(node), matches.Any(match => match.IsEnd), matches.Any(match => match.Open is { Verdict: null }),
            rows.Count, matches.Count(match => !match.IsEnd), [.. Each(root, "conditions")]));

        IEnumerable<ConditionTest> Each(RuleNode part, string path)
        {
            if (part is RuleNode.Group group) return group.Children.SelectMany((child, i) => Each(child, $"{path}.rules[{i}]"));
            var one = said[((RuleNode.Leaf)part).Condition.Text];
            return [new(path, one.Holds, one.Value)];
        }
    }

    private static DateTimeOffset? Time(JsonElement? timestamp)
    {
        if (timestamp is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } value) return DateTimeOffset.MinValue;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText();
        if (long.TryParse(text, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 253_402_300_800) return DateTimeOffset.FromUnixTimeSeconds(seconds);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
    }

    internal static JsonObject Json(Rule rule) => (JsonObject)JsonSerializer.SerializeToNode(RuleBody.Of(rule), ManagerJson.Strict.RuleBody)!;

    private static IResult Missing(string id) => Problem.NotFound($"rule '{id}'");
}
