using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

internal sealed record NewUser(string Name, string Password, string Role);

/// <summary>What is left out stays. Another role or password ends the account's sessions.</summary>
internal sealed record UserPatch(string? Role = null, string? Password = null);

internal sealed record UserBody(string Name, string Role, DateTimeOffset CreatedAt);

/// <summary>Accounts that are kept here. People of a directory or a provider have none: see their sessions.</summary>
internal static class UsersApi
{
    public static void MapUsers(this IEndpointRouteBuilder api)
    {
        api.MapGet("/users", ListAsync).For(Role.Admin).Docs<ListOf<UserBody>>("List the accounts that are kept here");
        api.MapPost("/users", CreateAsync).For(Role.Admin).Docs<UserBody>("Make an account", body: """{"name":"ada","password":"correct horse","role":"operator"}""", status: [201]);
        api.MapGet("/users/{name}", FindAsync).For(Role.Admin).Docs<UserBody>("Read an account");
        api.MapPatch("/users/{name}", ChangeAsync).For(Role.Admin).Docs<UserBody>("Change an account's role or password", body: """{"role":"viewer"}""");
        api.MapDelete("/users/{name}", RemoveAsync).For(Role.Admin).Docs("Remove an account, its sessions and its tokens");
    }

    public static string? PasswordFault(string password) => password.Length switch
    {
        < UserStore.LeastPassword => $"A password has at least {UserStore.LeastPassword} characters.",
        > 1_000 => "A password has at most 1,000 characters.",
        _ => null,
    };

    private static async Task<IResult> ListAsync(UserStore users, Limits limits, CancellationToken ct, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(await users.ListAsync(ct), user => user.Name, take, after, page, limits, Body));

    private static async Task<IResult> CreateAsync(NewUser request, UserStore users, Limits limits, HttpContext http, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        if (Config.Names.Fault(request.Name, limits) is { } nameFault) errors.Add(new("name", nameFault));
        if (PasswordFault(request.Password) is { } passwordFault) errors.Add(new("password", passwordFault));
        if (!Roles.TryParse(request.Role, out var role)) errors.Add(new("role", RoleFault));
        if (errors.Count > 0) return Problem.Invalid(errors);
        try
        {
            await users.AddAsync(request.Name, request.Password, role, ct);
        }
        catch (ConflictException)
        {
            return Problem.Conflict($"There is an account '{request.Name}' already.");
        }

        var body = Body((await users.FindAsync(request.Name, ct))!);
        (http.Audit().Target, http.Audit().After) = ("users/" + request.Name, Json(body));
        return TypedResults.Created($"/api/users/{Uri.EscapeDataString(request.Name)}", body);
    }

    private static async Task<IResult> FindAsync(string name, UserStore users, HttpContext http, CancellationToken ct) =>
        await users.FindAsync(Paging.Name(name), ct) is { } user ? Shown(user, http) : Missing(name);

    private static Ok<UserBody> Shown(User user, HttpContext http)
    {
        http.ShowEtag(EtagOf(user));
        return TypedResults.Ok(Body(user));
    }

    private static string EtagOf(User user) => Kernel.Digest.Of(user.Name, Roles.NameOf(user.Role), user.PasswordHash);

    private static async Task<IResult> ChangeAsync(string name, UserPatch patch, UserStore users, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        var role = Role.Viewer;
        if (patch.Role is not null && !Roles.TryParse(patch.Role, out role)) return Problem.Invalid("role", RoleFault);
        if (patch.Password is { } password && PasswordFault(password) is { } fault) return Problem.Invalid("password", fault);
        if (await users.FindAsync(name, ct) is not { } user) return Missing(name);
        if (Preconditions.Fault(http.Request, EtagOf(user), isRequired: false) is { } stale) return stale;
        // The same role again too: whoever repeats a call that broke off wants its end.
        if (patch.Role is not null) await users.SetRoleAsync(name, role, ct);
        if (patch.Password is not null) await users.SetPasswordAsync(name, patch.Password, ct);
        var body = Body((await users.FindAsync(name, ct))!);
        var note = http.Audit();
        (note.Target, note.Before, note.After, note.Reason) = ("users/" + name, Json(Body(user)), Json(body), patch.Password is null ? null : "password set");
        return TypedResults.Ok(body);
    }

    private static async Task<IResult> RemoveAsync(string name, UserStore users, HttpContext http, CancellationToken ct)
    {
        if (await users.FindAsync(Paging.Name(name), ct) is not { } user) return Missing(name);
        if (Preconditions.Fault(http.Request, EtagOf(user), isRequired: false) is { } stale) return stale;
        (http.Audit().Target, http.Audit().Before) = ("users/" + user.Name, Json(Body(user)));
        await users.RemoveAsync(user.Name, ct);
        return TypedResults.NoContent();
    }

    private const string RoleFault = "This is viewer, operator or admin.";

    private static JsonObject Json(UserBody user) => new JsonObject { ["name"] = user.Name, ["role"] = user.Role };

    private static UserBody Body(User user) => new(user.Name, Roles.NameOf(user.Role), user.CreatedAt);

    private static IResult Missing(string name) => Problem.NotFound($"account '{name}'");
}
