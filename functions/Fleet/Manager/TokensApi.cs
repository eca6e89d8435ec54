using System.Globalization;
using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;

namespace Fleet.Manager;

/// <param name="Role">No larger than your own.</param>
/// <param name="ExpiresAt">Left out, it has no end; a must for people of a directory or a provider.</param>
/// <param name="Routes">What it is good for, such as <c>GET /api/nodes*</c>; left out, all that its role may do.</param>
internal sealed record NewToken(string Name, string Role, DateTimeOffset? ExpiresAt = null, IReadOnlyList<string>? Routes = null);

/// <param name="Maker">The account that made it; empty for the command line.</param>
/// <param name="Token">The text itself, in the answer to POST alone.</param>
internal sealed record TokenBody(
    string Id, string Name, string Role, IReadOnlyList<string> Routes, string Maker, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? UsedAt, string? Token);

/// <summary>API tokens. Everybody has their own; admins see all.</summary>
internal static class TokensApi
{
    private static readonly TimeSpan s_elsewhere = TimeSpan.FromDays(90);

    public static void MapTokens(this IEndpointRouteBuilder api)
    {
        api.MapGet("/tokens", ListAsync).For(Role.Viewer).Docs<ListOf<TokenBody>>("List tokens: your own, or an admin all");
        api.MapPost("/tokens", CreateAsync).For(Role.Viewer).Docs<TokenBody>(
            "Make a token; its text is in this answer alone", body: """{"name":"inventory","role":"viewer","expiresAt":"2099-01-01T00:00:00Z","routes":["GET /api/nodes*"]}""", status: [201]);
        api.MapDelete("/tokens/{id}", RemoveAsync).For(Role.Viewer).Docs("Revoke a token, and those that were made with it");
    }

    private static async Task<IResult> ListAsync(TokenStore tokens, Limits limits, HttpContext http, CancellationToken ct, int? take = null, string? after = null)
    {
        var (page, next) = Paging.Slice([.. (await tokens.ListAsync(ct)).Where(token => IsTheirs(token, http.User))], token => token.Id, take, after, limits);
        return TypedResults.Ok(new ListOf<TokenBody>([.. page.Select(token => Body(token))], next));
    }

    private static async Task<IResult> CreateAsync(NewToken request, TokenStore tokens, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        if (Names.Fault(request.Name, limits) is { } nameFault) errors.Add(new("name", nameFault));
        if (!Roles.TryParse(request.Role, out var role)) errors.Add(new("role", "This is viewer, operator or admin."));
        if (request.ExpiresAt <= clock.GetUtcNow()) errors.Add(new("expiresAt", "This is in the future, or left out."));
        if (request.Routes?.Count > 50) errors.Add(new("routes", "At most 50 fit."));
        for (var i = 0; i < request.Routes?.Count; i++)
        {
            if (RoutePatterns.Fault(request.Routes[i]) is { } fault) errors.Add(new($"routes[{i}]", fault));
        }

        if (errors.Count > 0) return Problem.Invalid(errors);
        var end = http.User.FindFirstValue(SignIn.EndClaim) is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(long.Parse(seconds, CultureInfo.InvariantCulture)) : (DateTimeOffset?)null;
        if (IsFromElsewhere(http.User) && clock.GetUtcNow() + s_elsewhere is var most && !(end <= most)) end = most;
        if (end is not null && !(request.ExpiresAt <= end)) return Problem.Invalid("expiresAt", $"This is at the latest {UtcTime.Text(end.Value)}: the end of the token that makes it, or 90 days for an account that is not kept here.");
        if (role > SignIn.RoleOf(http.User)) return new Problem(403, "forbidden", "Not allowed", "A token has no larger role than who makes it.").ToResult();
        if (http.User.FindFirst(SignIn.RouteClaim) is not null) return new Problem(403, "forbidden", "Not allowed", "A token that is good for some routes makes no other tokens.").ToResult();
        var text = await tokens.CreateAsync(request.Name, role, request.ExpiresAt, ct, request.Routes, MakerOf(http.User), ParentOf(http.User));
        var body = Body((await tokens.UseAsync(text, ct))!, text);
        (http.Audit().Target, http.Audit().After) = ("tokens/" + body.Id, Json(body));
        return TypedResults.Created($"/api/tokens/{body.Id}", body);
    }

    private static async Task<IResult> RemoveAsync(string id, TokenStore tokens, HttpContext http, CancellationToken ct)
    {
        if (await tokens.FindAsync(id, ct) is not { } token || !IsTheirs(token, http.User)) return Problem.NotFound($"token '{id}'");
        (http.Audit().Target, http.Audit().Before) = ("tokens/" + id, Json(Body(token)));
        await tokens.RemoveAsync(id, ct);
        return TypedResults.NoContent();
    }

    /// <summary>Whoever dismisses people of a directory or a provider cannot end their tokens here.</summary>
    private static bool IsFromElsewhere(ClaimsPrincipal person) =>
        MakerOf(person) is var maker && !maker.StartsWith(SignIn.Local + ":", StringComparison.Ordinal) && !maker.StartsWith("token:", StringComparison.Ordinal) && !maker.StartsWith("open:", StringComparison.Ordinal);

    private static bool IsTheirs(Token token, ClaimsPrincipal person) => SignIn.RoleOf(person) == Role.Admin || token.Maker == MakerOf(person);

    private static string ParentOf(ClaimsPrincipal person) => person.FindFirstValue(SignIn.MethodClaim) == SignIn.Token ? person.FindFirstValue(SignIn.IdClaim)! : "";

    private static string MakerOf(ClaimsPrincipal person) => person.FindFirstValue(SignIn.PersonClaim)!;

    private static JsonObject Json(TokenBody token) => new() { ["name"] = token.Name, ["role"] = token.Role, ["routes"] = ConfigItems.ToJson(token.Routes) };

    private static TokenBody Body(Token token, string? text = null) =>
        new(token.Id, token.Name, Roles.NameOf(token.Role), token.Routes, token.Maker, token.CreatedAt, token.ExpiresAt, token.UsedAt, text);
}
