namespace Fleet.Portal;

/// <summary>What a browser gets. There is no portal yet: <c>GET /</c> says that the server is up, which is also what the Functions host waits for.</summary>
internal static class Portal
{
    public static void MapPortal(this IEndpointRouteBuilder app) => app.MapGet("/", () => TypedResults.NoContent());
}
