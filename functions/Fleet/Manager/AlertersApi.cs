using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Storage;

namespace Fleet.Manager;

/// <param name="Type">One of <c>GET /api/schema/alerters</c>, which says what each needs.</param>
/// <param name="Secret">Never shown again; left out, it stays; empty, it is removed.</param>
/// <param name="MinimumSeverity">It is told of alerts that are at least so bad: <c>info</c> (all, default) to <c>critical</c>.</param>
/// <param name="Tags">It is told of nodes with any of these tags; left out, of all.</param>
/// <param name="EveryRule">It is told of every rule's alerts, not only of those that name it.</param>
/// <param name="DigestEvery">One message for all alerts within so long, such as <c>1h</c>; left out, one for each.</param>
/// <param name="Name">As the path says, or left out: what was read may be sent again. <paramref name="HasSecret"/> is not looked at.</param>
/// <param name="TitleTemplate">Words of one's own with <c>$placeholders</c>; left out, the usual ones.</param>
internal sealed record AlerterRequest(
    string Type, string? Path = null, string? Url = null, string? Server = null, string? From = null, string? To = null, string? User = null, string? Secret = null,
    string? MinimumSeverity = null, IReadOnlyList<string>? Tags = null, bool EveryRule = false, string? DigestEvery = null, string? TitleTemplate = null, string? TextTemplate = null,
    string? Name = null, bool? HasSecret = null)
{
    /// <summary>What belongs to types, the secret with it.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<(string Name, string? Value)> All => [("path", Path), ("url", Url), ("server", Server), ("from", From), ("to", To), ("user", User), (Plugin.Secret, Secret)];
}

internal sealed record AlerterBody(
    string Name, string Type, string? Path, string? Url, string? Server, string? From, string? To, string? User, bool HasSecret,
    string MinimumSeverity, IReadOnlyList<string> Tags, bool EveryRule, string? DigestEvery, string? TitleTemplate, string? TextTemplate);

/// <summary>What came back when an alerter was tried.</summary>
/// <param name="Outcome"><c>delivered</c>, <c>retry</c> (it would be tried again) or <c>rejected</c> (it would be given up).</param>
/// <param name="Reason">In the other side's words, as far as it had some.</param>
internal sealed record AlerterTest(string Outcome, string? Reason, double Milliseconds)
{
    public static IResult Of(HttpContext http, Delivery delivery, TimeSpan took)
    {
        http.Audit().Reason = delivery.Reason.Length > 0 ? $"{delivery.Outcome}: {delivery.Reason}" : delivery.Outcome;
        return TypedResults.Ok(new AlerterTest(delivery.Outcome, delivery.Reason.OrNull(), Math.Round(took.TotalMilliseconds)));
    }
}

internal static class AlertersApi
{
    public static void MapAlerters(this IEndpointRouteBuilder api)
    {
        api.MapGet("/alerters", (Alerters alerters, Limits limits, ClaimsPrincipal person, int? take, string? after, int? page) =>
            TypedResults.Ok(Paging.PageOf(alerters.Current.Items, alerter => alerter.Name, take, after, page, limits, alerter => Body(alerter, person)))).For(Role.Viewer).Docs<ListOf<AlerterBody>>("List alerters");
        api.MapGet("/alerters/{name}", Find).For(Role.Viewer).Docs<AlerterBody>("Read an alerter");
        api.MapPut("/alerters/{name}", PutAsync).For(Role.Admin).Docs<AlerterBody>("Make or replace an alerter", body: """{"type":"webhook","url":"https://example.org/hook","secret":"shared"}""", status: [200, 201]);
        api.MapPost("/alerters/{name}/test", TestAsync).For(Role.Admin).Docs<AlerterTest>("Send a test alert, and say what came back", id: "testAlerter");
        api.MapDelete("/alerters/{name}", RemoveAsync).For(Role.Admin).Docs("Remove an alerter that no rule uses");
    }

    private static IResult Find(string name, Alerters alerters, HttpContext http)
    {
        if (alerters.Find(Paging.Name(name)) is not { } stored) return Missing(name);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok(Body(stored.Item, http.User));
    }

    private static async Task<IResult> PutAsync(string name, AlerterRequest request, Alerters alerters, PluginPlaces places, Limits limits, HttpContext http, CancellationToken ct, bool? dryRun = null)
    {
        name = Paging.Name(name);
        var stored = await alerters.ReadAsync(name, ct);
        if (AlerterCheck.Errors(name, request, stored?.Item, limits) is { Count: > 0 } errors) return Problem.Invalid(errors);
        if (places.Errors(request.All).ToList() is { Count: > 0 } refused) return Problem.Invalid(refused);

        var wanted = new AlerterSettings(
            name, request.Type, PluginCheck.Kept(request.All), stored?.Item.HasSecret ?? false)
        {
            MinimumSeverity = request.MinimumSeverity ?? Severity.Names[0],
            Tags = TagSet.Of(request.Tags ?? []),
            EveryRule = request.EveryRule,
            DigestEvery = request.DigestEvery is { } digest && Duration.TryParse(digest, out var every) ? every : null,
            TitleTemplate = request.TitleTemplate ?? "",
            TextTemplate = request.TextTemplate ?? "",
        };

        return await Edits(alerters).PutAsync(http, stored, wanted, request.Secret, dryRun, ct);
    }

    /// <summary>An alert like any other, which no rule raised and no store keeps.</summary>
    private static async Task<IResult> TestAsync(string name, Alerters alerters, AlertSite site, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (await alerters.FindAsync(name, ct) is not var (alerter, settings)) return Missing(name);
        http.Audit().Target = "alerters/" + name;
        var now = clock.GetUtcNow();
        var line = new JsonObject { ["name"] = "test", ["action"] = "added", ["time"] = UtcTime.Text(now), ["hostIdentifier"] = "test", ["columns"] = new JsonObject { ["sent_by"] = http.Actor() } };
        var alert = new Alert(Guid.NewGuid().ToString("N"), "test", "Test alert", "Somebody tries whether alerts arrive. Nothing happened on any machine.", "info", default, "test", now, line.ToJsonString(), []);
        var began = clock.GetTimestamp();
        var notice = settings.DigestEvery is null ? Notice.Of(AlertEvent.Opened, alert, settings, site.Url) : Notice.OfDigest([alert], site.Url);
        return AlerterTest.Of(http, await Delivery.OfAsync(alerter, notice, limits, ct), clock.GetElapsedTime(began));
    }

    private static async Task<IResult> RemoveAsync(string name, Alerters alerters, RuleStore rules, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        var users = rules.Current.Items.Where(rule => rule.Alerters.Contains(name) || rule.Escalation?.Alerters.Contains(name) == true).Select(rule => rule.Name).ToList();
        if (users.Count > 0) return Problem.Conflict($"These rules use it: {string.Join(", ", users.Take(10))}. Change them first.");
        if (await alerters.ReadAsync(name, ct) is not { } stored) return Missing(name);
        return await Edits(alerters).RemoveAsync(http, stored, ct) ?? TypedResults.NoContent();
    }

    private static PluginEdits<AlerterSettings, IAlerter, AlerterBody> Edits(Alerters alerters) => new("alerters", alerters, Body, ManagerJson.Strict.AlerterBody);

    /// <summary>An address's host.</summary>
    internal static string? Masked(string? url) => url is null ? null : new Uri(url).GetLeftPart(UriPartial.Scheme) + new Uri(url).Host + "/…";

    private static IResult Missing(string name) => Problem.NotFound($"alerter '{name}'");

    /// <summary>Many services put the credential into the webhook's address: only admins see more than its host.</summary>
    private static AlerterBody Body(AlerterSettings alerter, ClaimsPrincipal person) => Body(alerter, isWhole: person.IsAdmin());

    private static AlerterBody Body(AlerterSettings alerter, bool isWhole) => new(
        alerter.Name, alerter.Type, alerter.Field("path"), isWhole ? alerter.Field("url") : Masked(alerter.Field("url")), alerter.Field("server"), alerter.Field("from"), alerter.Field("to"), alerter.Field("user"),
        alerter.HasSecret, alerter.MinimumSeverity, alerter.Tags.Tags, alerter.EveryRule, Duration.Text(alerter.DigestEvery), alerter.TitleTemplate.OrNull(), alerter.TextTemplate.OrNull());
}
