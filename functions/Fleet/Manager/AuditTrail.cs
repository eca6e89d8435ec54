using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Storage;
using Microsoft.AspNetCore.Authorization;

namespace Fleet.Manager;

/// <summary>What an endpoint tells the audit log of what it does.</summary>
internal sealed class AuditNote
{
    public string? Actor { get; set; }

    public string? Target { get; set; }

    public string? Reason { get; set; }

    public JsonNode? Before { get; set; }

    public JsonNode? After { get; set; }
}

/// <summary>Whether an endpoint is in the audit log. Said by those alone for which the rule (what writes is, what reads is not) is wrong.</summary>
internal sealed record AuditMark(bool IsAudited);

/// <summary>Puts every write, export and sign-in into the audit log: before it is done, and again when it is known what came of it.</summary>
internal static class AuditTrail
{
    /// <summary>It posts, but changes nothing.</summary>
    public static TBuilder ReadsOnly<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new AuditMark(false));

    /// <summary>It reads, and takes so much out that it is written down.</summary>
    public static TBuilder IsExport<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new AuditMark(true));

    /// <summary>Where the endpoint says what it does. Secrets never belong there.</summary>
    public static AuditNote Audit(this HttpContext http)
    {
        if (http.Features.Get<AuditNote>() is { } note) return note;
        http.Features.Set(note = new AuditNote());
        return note;
    }

    /// <summary>Who it is, for histories and for what remembers its maker.</summary>
    public static string Actor(this HttpContext http) => http.User.Identity?.Name ?? "";

    /// <summary>Where it came from; an IPv4 address as such.</summary>
    public static string? Address(this HttpContext http) =>
        (http.Connection.RemoteIpAddress is { IsIPv4MappedToIPv6: true } mapped ? mapped.MapToIPv4() : http.Connection.RemoteIpAddress)?.ToString();

    /// <summary>Names of tokens may repeat, so theirs has the id.</summary>
    private static string MethodOf(ClaimsPrincipal person)
    {
        var method = person.FindFirstValue(SignIn.MethodClaim) ?? "";
        return method == "token" ? $"token:{person.FindFirstValue(SignIn.IdClaim)}" : method;
    }

    public static async Task WriteDownAsync(HttpContext http, RequestDelegate next)
    {
        if (!IsAudited(http))
        {
            await next(http);
            return;
        }

        // Not the request's token: what was begun is told to its end.
        var log = http.RequestServices.GetRequiredService<AuditLog>();
        var path = http.Request.Path.Value!.Split('/', 3)[2];
        var resource = path.Split('/')[0];
        var entry = await log.BeginAsync(
            http.TraceIdentifier, http.Actor(), MethodOf(http.User), http.Address(), $"{http.Request.Method} {resource}", path,
            CancellationToken.None);
        try
        {
            await next(http);
        }
        catch (Exception fault)
        {
            await EndAsync(log, entry, http, Problem.StatusOf(fault));
            throw;
        }

        await EndAsync(log, entry, http, http.Response.StatusCode);
    }

    private static async Task EndAsync(AuditLog log, AuditEntry entry, HttpContext http, int status)
    {
        var note = http.Audit();
        var isDone = status < 400;
        entry = entry with
        {
            Actor = note.Actor ?? entry.Actor,
            Target = note.Target ?? entry.Target,
            Status = status,
            Reason = note.Reason,
            Before = isDone ? note.Before : null,
            After = isDone ? note.After : null,
        };
        try
        {
            await log.EndAsync(entry, CancellationToken.None);
        }
        catch (Exception fault) when (fault is StorageUnavailableException or StorageBusyException)
        {
            // The deed is done, and its beginning is in the log: the entry stays without an outcome.
            http.RequestServices.GetRequiredService<ILogger<AuditLog>>().LogError(fault, "What came of request {Request} could not be written down", entry.Id);
        }
    }

    private static bool IsAudited(HttpContext http)
    {
        var method = http.Request.Method;
        if (http.GetEndpoint()?.Metadata.GetMetadata<AuditMark>() is { } mark) return mark.IsAudited && http.User.Identity?.IsAuthenticated == true;
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method)) return false;

        // A path that leads nowhere changes nothing, and neither does a rehearsal, nor whoever has not signed in: that is counted, and refused.
        if (http.GetEndpoint()?.Metadata is not { } endpoint || endpoint.GetMetadata<HttpMethodMetadata>() is null || http.Request.Query["dryRun"] == "true") return false;
        return http.User.Identity?.IsAuthenticated == true || endpoint.GetMetadata<IAllowAnonymous>() is not null;
    }
}
