using System.Security.Claims;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Type"><c>log</c> (path, or the console) or <c>webhook</c> (url, secret).</param>
/// <param name="Secret">Never shown again; left out, it stays; empty, it is removed.</param>
internal sealed record AlerterRequest(string Type, string? Path = null, string? Url = null, string? Secret = null);

internal sealed record AlerterBody(string Name, string Type, string? Path, string? Url, bool HasSecret);

internal static class AlertersApi
{
    public static void MapAlerters(this IEndpointRouteBuilder api)
    {
        api.MapGet("/alerters", (Alerters alerters, Limits limits, ClaimsPrincipal person, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(alerters.Current.Items, alerter => alerter.Name, take, after, limits, alerter => Body(alerter, person)))).For(Role.Viewer);
        api.MapGet("/alerters/{name}", (string name, Alerters alerters, ClaimsPrincipal person) =>
            alerters.Current.ByName.GetValueOrDefault(Paging.Name(name)) is { } stored ? TypedResults.Ok(Body(stored.Item, person)) : Missing(name)).For(Role.Viewer);
        api.MapPut("/alerters/{name}", PutAsync).For(Role.Admin);
        api.MapDelete("/alerters/{name}", RemoveAsync).For(Role.Admin);
    }

    private static async Task<IResult> PutAsync(string name, AlerterRequest request, Alerters alerters, Limits limits, ClaimsPrincipal person, CancellationToken ct)
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

        var isNew = !alerters.Current.ByName.ContainsKey(name);
        await alerters.PutAsync(new(name, request.Type, request.Path, request.Url, HasSecret: false), request.Secret, ct);
        var body = Body(alerters.Current.ByName[name].Item, person);
        return isNew ? TypedResults.Created($"/api/alerters/{Uri.EscapeDataString(name)}", body) : TypedResults.Ok(body);
    }

    private static async Task<IResult> RemoveAsync(string name, Alerters alerters, RuleStore rules, CancellationToken ct)
    {
        name = Paging.Name(name);
        var users = rules.Current.Items.Where(rule => rule.Alerters.Contains(name)).Select(rule => rule.Name).ToList();
        if (users.Count > 0) return Problem.Conflict($"These rules use it: {string.Join(", ", users.Take(10))}. Change them first.");
        return await alerters.RemoveAsync(name, ct) ? TypedResults.NoContent() : Missing(name);
    }

    private static IResult Missing(string name) => Problem.NotFound($"alerter '{name}'");

    /// <summary>Many services put the credential into the webhook's address: only admins see more than its host.</summary>
    private static AlerterBody Body(AlerterSettings alerter, ClaimsPrincipal person) => new(
        alerter.Name, alerter.Type, alerter.Path,
        alerter.Url is null || person.IsInRole(Roles.NameOf(Role.Admin)) ? alerter.Url : new Uri(alerter.Url).GetLeftPart(UriPartial.Scheme) + new Uri(alerter.Url).Host + "/…",
        alerter.HasSecret);
}
