using Fleet.Storage;

namespace Fleet.Manager;

internal sealed record HealthBody(string Status, string Version);

/// <summary><c>GET /healthz</c>: whether the server can do its work now. For load balancers and start scripts; needs no sign-in.</summary>
internal static class HealthApi
{
    public static void MapHealth(this IEndpointRouteBuilder app) => app.MapGet("/healthz", AnswerAsync);

    private static async Task<IResult> AnswerAsync(ITables tables, ILogger<HealthBody> log, CancellationToken ct)
    {
        try
        {
            await tables[Schema.Changes].FindAsync(new("feed", "head"), ct);
            return TypedResults.Ok(new HealthBody("ok", typeof(HealthApi).Assembly.GetName().Version!.ToString(3)));
        }
        catch (StorageUnavailableException fault)
        {
            // Anyone may ask: what the store said stays in the log.
            log.LogError(fault, "The store does not answer");
            return new Problem(503, "unavailable", "The store does not answer", "The server's log says why.").ToResult();
        }
    }
}
