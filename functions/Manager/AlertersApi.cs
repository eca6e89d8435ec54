using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Type"><c>log</c> (path, or the console) or <c>webhook</c> (url, secret).</param>
/// <param name="Secret">Never shown again; left out, it stays; empty, it is removed.</param>
internal sealed record AlerterRequest(string Type, string? Path = null, string? Url = null, string? Secret = null);

internal sealed record AlerterBody(string Name, string Type, string? Path, string? Url, bool HasSecret);

/// <summary>What came back when an alerter was tried.</summary>
/// <param name="Outcome"><c>delivered</c>, <c>retry</c> (it would be tried again) or <c>rejected</c> (it would be given up).</param>
/// <param name="Reason">In the other side's words, as far as it had some.</param>
internal sealed record AlerterTest(string Outcome, string? Reason, double Milliseconds);

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
        if (alerters.Current.ByName.GetValueOrDefault(Paging.Name(name)) is not { } stored) return Missing(name);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok(Body(stored.Item, http.User));
    }

    private static async Task<IResult> PutAsync(string name, AlerterRequest request, Alerters alerters, Limits limits, HttpContext http, CancellationToken ct, bool? dryRun = null)
    {
        name = Paging.Name(name);
        var errors = new List<FieldError>();
        if (Config.Names.Fault(name, limits) is { } nameFault) errors.Add(new("name", nameFault));
        if (request.Type is not (Alerters.Log or Alerters.Webhook)) errors.Add(new("type", "This is 'log' or 'webhook'."));
        if (request.Type != Alerters.Log && request.Path is not null) errors.Add(new("path", "Only a log has a path."));
        if (request.Type != Alerters.Webhook && (request.Url ?? request.Secret) is not null) errors.Add(new(request.Url is null ? "secret" : "url", "Only a webhook has this."));
        if (request.Path is { } path && Path.GetExtension(path) is not (".log" or ".ndjson" or ".jsonl"))
        {
            // The server appends to this file: it must not be one that means something to somebody else.
            errors.Add(new("path", "This is the path of a .log, .ndjson or .jsonl file, or left out for the console."));
        }

        var isHttp = Uri.TryCreate(request.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";
        if (request.Type == Alerters.Webhook && !isHttp) errors.Add(new("url", "This is an http or https address."));
        if (errors.Count > 0) return Problem.Invalid(errors);

        var stored = await alerters.ReadAsync(name, ct);
        var wanted = new AlerterSettings(name, request.Type, request.Path, request.Url, stored?.Item.HasSecret ?? false);

        if (dryRun == true) return TypedResults.Ok(Differences.Between("alerters", name, stored is null ? null : Whole(stored.Item), Whole(wanted)));

        // A secret that is sent counts as a change: whether it is the same is not looked at.
        if (Preconditions.Fault(http.Request, stored?.Etag, isRequired: request.Secret is not null || wanted != stored?.Item) is { } fault) return fault;
        if (request.Secret is not null || wanted != stored?.Item) await alerters.PutAsync(wanted, request.Secret, stored?.Etag, ct);
        var after = (await alerters.ReadAsync(name, ct))!;
        var note = http.Audit();
        (note.Target, note.Before, note.After) = ("alerters/" + name, stored is null ? null : Json(stored.Item), Json(after.Item));
        if (request.Secret is not null) note.Reason = "secret set";
        http.ShowEtag(after.Etag);
        var body = Body(after.Item, http.User);
        return stored is null ? TypedResults.Created($"/api/alerters/{Uri.EscapeDataString(name)}", body) : TypedResults.Ok(body);
    }

    /// <summary>An alert like any other, which no rule raised and no store keeps.</summary>
    private static async Task<IResult> TestAsync(string name, Alerters alerters, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (await alerters.FindAsync(name, ct) is not { } alerter) return Missing(name);
        http.Audit().Target = "alerters/" + name;
        var now = clock.GetUtcNow();
        var line = new JsonObject { ["name"] = "test", ["action"] = "added", ["time"] = UtcTime.Text(now), ["hostIdentifier"] = "test", ["columns"] = new JsonObject { ["sent_by"] = http.Actor() } };
        var alert = new Alert(Guid.NewGuid().ToString("N"), "test", "Test alert", "Somebody tries whether alerts arrive. Nothing happened on any machine.", "info", default, "test", now, line.ToJsonString(), []);
        var began = clock.GetTimestamp();
        var (outcome, reason) = await TryAsync() switch
        {
            Delivery.RetryAfter retry => ("retry", retry.Reason),
            Delivery.Rejected rejected => ("rejected", rejected.Reason),
            _ => ("delivered", (string?)null),
        };
        http.Audit().Reason = reason is null ? outcome : $"{outcome}: {reason}";
        return TypedResults.Ok(new AlerterTest(outcome, reason, Math.Round(clock.GetElapsedTime(began).TotalMilliseconds)));

        async ValueTask<Delivery> TryAsync()
        {
            try
            {
                return await Delivery.OfAsync(alerter, alert, limits, ct);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                return new Delivery.RetryAfter(null, fault.Message);
            }
        }
    }

    private static async Task<IResult> RemoveAsync(string name, Alerters alerters, RuleStore rules, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        var users = rules.Current.Items.Where(rule => rule.Alerters.Contains(name)).Select(rule => rule.Name).ToList();
        if (users.Count > 0) return Problem.Conflict($"These rules use it: {string.Join(", ", users.Take(10))}. Change them first.");
        if (await alerters.ReadAsync(name, ct) is not { } stored) return Missing(name);
        if (Preconditions.Fault(http.Request, stored.Etag, isRequired: false) is { } fault) return fault;
        (http.Audit().Target, http.Audit().Before) = ("alerters/" + name, Json(stored.Item));
        return await alerters.RemoveAsync(name, stored.Etag, ct) ? TypedResults.NoContent() : Missing(name);
    }

    /// <summary>For the audit log: an address may hold a credential, so only its beginning is written down.</summary>
    private static JsonObject Json(AlerterSettings alerter) => new()
    {
        ["type"] = alerter.Type,
        ["path"] = alerter.Path,
        ["url"] = Masked(alerter.Url),
        ["hasSecret"] = alerter.HasSecret,
    };

    /// <summary>For who may see it.</summary>
    private static JsonObject Whole(AlerterSettings alerter)
    {
        var json = Json(alerter);
        json["url"] = alerter.Url;
        return json;
    }

    private static string? Masked(string? url) => url is null ? null : new Uri(url).GetLeftPart(UriPartial.Scheme) + new Uri(url).Host + "/…";

    private static IResult Missing(string name) => Problem.NotFound($"alerter '{name}'");

    /// <summary>Many services put the credential into the webhook's address: only admins see more than its host.</summary>
    private static AlerterBody Body(AlerterSettings alerter, ClaimsPrincipal person) => new(
        alerter.Name, alerter.Type, alerter.Path,
        person.IsInRole(Roles.NameOf(Role.Admin)) ? alerter.Url : Masked(alerter.Url),
        alerter.HasSecret);
}
