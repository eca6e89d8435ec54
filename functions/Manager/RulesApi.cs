using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Conditions">jQuery QueryBuilder's JSON, as Doorman stores it.</param>
/// <param name="Severity"><c>info</c>, <c>low</c>, <c>medium</c> (default), <c>high</c> or <c>critical</c>.</param>
internal sealed record RuleRequest(
    string Name, JsonElement Conditions, string? Description = null, IReadOnlyList<string>? Alerters = null, string? Severity = null, bool Enabled = true);

internal sealed record RuleBody(
    string Id, string Name, string Description, JsonElement Conditions, IReadOnlyList<string> Alerters, string Severity, bool Enabled, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <param name="Timestamp">ISO 8601 or epoch seconds; left out, now.</param>
internal sealed record RuleTestLine(
    string? Name = null, string? Action = null, string? HostIdentifier = null, JsonElement? Timestamp = null, JsonElement? Columns = null);

internal sealed record RuleTest(JsonElement Conditions, RuleTestLine Line);

internal sealed record RuleTestBody(bool Matches);

internal static class RulesApi
{
    public static void MapRules(this IEndpointRouteBuilder api)
    {
        api.MapGet("/rules", (RuleStore rules, Limits limits, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(rules.Current.Items, rule => rule.Id, take, after, limits, Body))).For(Role.Viewer);
        api.MapPost("/rules", CreateAsync).For(Role.Operator);
        api.MapGet("/rules/{id}", (string id, RuleStore rules) => rules.Find(id) is { } stored ? TypedResults.Ok(Body(stored.Item)) : Missing(id)).For(Role.Viewer);
        api.MapPut("/rules/{id}", ReplaceAsync).For(Role.Operator);
        api.MapDelete("/rules/{id}", RemoveAsync).For(Role.Operator);
        api.MapPost("/rules/test", Test).For(Role.Viewer);
    }

    private static async Task<IResult> CreateAsync(RuleRequest request, RuleStore rules, Alerters alerters, Limits limits, TimeProvider clock, CancellationToken ct)
    {
        if (Errors(request, alerters, limits) is { Count: > 0 } errors) return Problem.Invalid(errors);
        var now = clock.GetUtcNow();
        var rule = Rule(Guid.CreateVersion7(now).ToString("N"), request, now, now);
        await rules.PutAsync(rule, etag: null, ct);
        return TypedResults.Created($"/api/rules/{rule.Id}", Body(rule));
    }

    private static async Task<IResult> ReplaceAsync(string id, RuleRequest request, RuleStore rules, Alerters alerters, Limits limits, TimeProvider clock, CancellationToken ct)
    {
        if (rules.Find(id) is not { } before) return Missing(id);
        if (Errors(request, alerters, limits) is { Count: > 0 } errors) return Problem.Invalid(errors);
        var rule = Rule(id, request, before.Item.CreatedAt, clock.GetUtcNow());
        await rules.PutAsync(rule, before.Etag, ct);
        return TypedResults.Ok(Body(rule));
    }

    private static async Task<IResult> RemoveAsync(string id, RuleStore rules, CancellationToken ct)
    {
        if (rules.Find(id) is null) return Missing(id);
        await rules.RemoveAsync(id, ct);
        return TypedResults.NoContent();
    }

    private static IResult Test(RuleTest request, Limits limits, TimeProvider clock)
    {
        if (RuleParser.Parse(request.Conditions, limits, out var faults) is not { } root) return Problem.Invalid([.. faults.Select(fault => new FieldError(fault.Path, fault.Message))]);
        if (Time(request.Line.Timestamp) is not { } time) return Problem.Invalid("line.timestamp", "This is ISO 8601 or epoch seconds.");
        var row = new ResultRow
        {
            Name = BuiltInResults.Canonical(request.Line.Name ?? ""),
            Action = request.Line.Action ?? "",
            Time = time == DateTimeOffset.MinValue ? clock.GetUtcNow() : time,
            Columns = request.Line.Columns is { } columns ? LineReader.ReadRow(Encoding.UTF8.GetBytes(columns.GetRawText())) : [],
        };
        var set = new RuleSet([(Rule("test", new("test", request.Conditions), time, time), root)]);
        return TypedResults.Ok(new RuleTestBody(set.NewJudge().Matches(row, request.Line.HostIdentifier ?? "").Count > 0));
    }

    private static DateTimeOffset? Time(JsonElement? timestamp)
    {
        if (timestamp is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } value) return DateTimeOffset.MinValue;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText();
        if (long.TryParse(text, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 253_402_300_800) return DateTimeOffset.FromUnixTimeSeconds(seconds);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
    }

    private static List<FieldError> Errors(RuleRequest request, Alerters alerters, Limits limits)
    {
        var errors = new List<FieldError>();
        if (Config.Names.Fault(request.Name, limits) is { } nameFault) errors.Add(new("name", nameFault));
        if (request.Description?.Length > 10_000) errors.Add(new("description", "At most 10,000 characters fit."));
        if (request.Severity is not null && !Rules.Rule.Severities.Contains(request.Severity)) errors.Add(new("severity", $"This is one of {string.Join(", ", Rules.Rule.Severities)}."));
        for (var i = 0; i < request.Alerters?.Count; i++)
        {
            var name = request.Alerters[i];
            if (alerters.Current.ByName.ContainsKey(name)) continue;
            var hint = Nearest.To(name, alerters.Current.ByName.Keys) is { } near ? $"; did you mean '{near}'?" : ".";
            errors.Add(new($"alerters[{i}]", $"There is no alerter '{name}'{hint}"));
        }

        RuleParser.Parse(request.Conditions, limits, out var faults);
        errors.AddRange(faults.Select(fault => new FieldError(fault.Path, fault.Message)));
        return errors;
    }

    private static Rule Rule(string id, RuleRequest request, DateTimeOffset createdAt, DateTimeOffset updatedAt) => new(
        id, request.Name, request.Description ?? "", request.Conditions.GetRawText(), [.. (request.Alerters ?? []).Distinct()], request.Severity ?? "medium", request.Enabled,
        createdAt, updatedAt);

    private static RuleBody Body(Rule rule) => new(
        rule.Id, rule.Name, rule.Description, JsonDocument.Parse(rule.Conditions).RootElement, rule.Alerters, rule.Severity, rule.Enabled, rule.CreatedAt, rule.UpdatedAt);

    private static IResult Missing(string id) => Problem.NotFound($"rule '{id}'");
}
