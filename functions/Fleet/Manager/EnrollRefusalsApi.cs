using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <param name="Address">Where it came from; <c>many</c> where so many were refused at once that they are summed up.</param>
/// <param name="HostIdentifier">What it called itself.</param>
/// <param name="Agent">Its User-Agent.</param>
/// <param name="Count">How often, since <paramref name="First"/>.</param>
internal sealed record EnrollRefusalBody(string Id, string Reason, string Address, string HostIdentifier, string Agent, long Count, DateTimeOffset First, DateTimeOffset Last);

/// <summary>Machines that were not let in.</summary>
internal static class EnrollRefusalsApi
{
    public static void MapEnrollRefusals(this IEndpointRouteBuilder api) =>
        api.MapGet("/enroll-refusals", ListAsync).For(Role.Viewer).Docs<ListOf<EnrollRefusalBody>>("List who was refused at enrollment within a week, and why; newest first");

    private static async Task<IResult> ListAsync(EnrollRefusals refusals, Limits limits, CancellationToken ct, int? take = null, string? after = null) =>
        TypedResults.Ok(Paging.Numbered([.. (await refusals.ListAsync(ct)).Select(Body)], take, after, limits));

    private static EnrollRefusalBody Body(EnrollRefusal one) => new(EnrollRefusals.IdOf(one), one.Reason, one.Address, one.Host, one.Agent, one.Count, one.First, one.Last);
}
