using System.Text.Json.Nodes;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Storage;

namespace Fleet.Manager;

/// <param name="Path">A file or, with <c>%</c>, a pattern: <c>%</c> is anything within a folder, <c>%%</c> all below it.</param>
/// <param name="Reason">Why; it stands in the campaign that asks.</param>
internal sealed record NewCarve(string NodeId, string Path, string Reason);

/// <param name="CampaignId">The distributed query that asks. The carve appears under <c>/api/carves</c> when the node has answered it.</param>
internal sealed record NewCarveBody(string CampaignId, string Sql);

/// <param name="Guid">What the node calls it; empty where it has nothing to send.</param>
/// <param name="Status"><c>requested</c>, <c>receiving</c>, <c>complete</c>, <c>expired</c>, <c>refused</c> or <c>failed</c>.</param>
/// <param name="Sha256">Of the archive, within a minute of its completion.</param>
/// <param name="Packing"><c>zstd</c> or <c>none</c>, known with the digest.</param>
/// <param name="Fault">Why it brought no files: <c>no-file</c>, <c>carver-off</c>, <c>query-failed</c>, <c>too-large</c>, <c>store-full</c>, <c>too-many</c>, <c>bad-announcement</c> or <c>incomplete</c>; null if it did.</param>
/// <param name="Reason">The same for people.</param>
internal sealed record CarveBody(
    string Id, string NodeId, string Guid, string? CampaignId, string Status, DateTimeOffset CreatedAt, DateTimeOffset? CompletedAt, long Size, int Blocks, string? Sha256, string? Packing,
    string? Fault, string? Reason);

internal sealed record CarvedFile(string Name, long Size);

internal static class CarvesApi
{
    public static void MapCarves(this IEndpointRouteBuilder api)
    {
        api.MapGet("/carves", ListAsync).For(Role.Viewer).Docs<ListOf<CarveBody>>("List carves, newest first");
        api.MapPost("/carves", AskAsync).For(Role.Operator).Docs<NewCarveBody>("Fetch files from a node", body: """{"nodeId":"00000000000000000000000000000000","path":"/etc/hosts","reason":"Ticket 12"}""", status: [202]);
        api.MapGet("/carves/{id}", FindAsync).For(Role.Viewer).Docs<CarveBody>("Read how far a carve came");
        api.MapGet("/carves/{id}/archive", ArchiveAsync).For(Role.Operator).IsExport().Stream().DocsFile("Fetch a carve's archive", "application/x-tar", "application/zstd");
        api.MapGet("/carves/{id}/files", FilesAsync).For(Role.Operator).Docs<ListOf<CarvedFile>>("List what is in a carve");
        api.MapDelete("/carves/{id}", RemoveAsync).For(Role.Operator).Docs("Remove a carve");
    }

    private static async Task<IResult> ListAsync(CarveStore carves, Limits limits, CancellationToken ct, string? nodeId = null, int? take = null, string? after = null)
    {
        var all = (await carves.ListAsync(ct)).Where(carve => nodeId is null || carve.Node.ToString() == nodeId).ToList();
        var (page, next) = Paging.Slice(all, carve => carve.Id, take, after, limits);
        return TypedResults.Ok(new ListOf<CarveBody>([.. page.Select(Body)], next));
    }

    private static async Task<IResult> AskAsync(
        NewCarve request, CampaignStore campaigns, NodeStore nodes, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        if (!NodeId.TryParse(request.NodeId, out var node) || await nodes.FindAsync(node, ct) is null) errors.Add(new("nodeId", $"There is no node '{request.NodeId}'."));
        if (request.Path.Length is 0 or > 1_000 || request.Path.Any(char.IsControl)) errors.Add(new("path", "This is a path of up to 1,000 characters."));
        if (request.Reason.Trim().Length is 0 or > 1_000) errors.Add(new("reason", "Say why, in up to 1,000 characters: the machine's user may ask."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        if (campaigns.Active.ByName.Count >= limits.ActiveCampaigns) return Problem.Conflict($"{limits.ActiveCampaigns} campaigns are active already: cancel one, or wait.");

        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now).ToString("N");
        var sql = CarveQuery.Of(request.Path);
        var targets = new Targets(All: false, [node], [], MatchAll: false, [], Sample: null);
        await campaigns.StartAsync(new(id, sql, $"Carve {request.Path}: {request.Reason.Trim()}", targets, now, http.Actor(), now, now + limits.CampaignLife, null, 0, request.Reason.Trim()), ct);
        (http.Audit().Target, http.Audit().Reason, http.Audit().After) = ($"nodes/{request.NodeId}/carves", request.Reason, new JsonObject { ["path"] = request.Path, ["campaign"] = id });
        return TypedResults.Accepted($"/api/campaigns/{id}", new NewCarveBody(id, sql));
    }

    private static async Task<IResult> FindAsync(string id, CarveStore carves, CancellationToken ct) =>
        await carves.FindAsync(id, ct) is { } carve ? TypedResults.Ok(Body(carve)) : Missing(id);

    /// <summary>The tar as the node sent it, streamed.</summary>
    private static async Task<IResult> ArchiveAsync(string id, CarveStore carves, IBlobs blobs, HttpContext context, CancellationToken ct)
    {
        if (await carves.FindAsync(id, ct) is not { } carve) return Missing(id);
        if (carve.State != CarveState.Complete) return NotThere(carve);
        if (await blobs.OpenAsync(CarveStore.BlobOf(id), ct) is not { } stream) return Missing(id);
        context.Response.ContentLength = carve.Size;
        var isZstd = carve.Packing == CarveArchive.Zstd;
        return TypedResults.Stream(stream, isZstd ? "application/zstd" : "application/x-tar", $"carve-{id[..12]}.tar{(isZstd ? ".zst" : "")}");
    }

    /// <summary>What is in it, under names that are safe to show and to write.</summary>
    private static async Task<IResult> FilesAsync(string id, CarveStore carves, IBlobs blobs, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        if (await carves.FindAsync(id, ct) is not { } carve) return Missing(id);
        if (carve.State != CarveState.Complete) return NotThere(carve);
        if (await blobs.OpenAsync(CarveStore.BlobOf(id), ct) is not { } stream) return Missing(id);
        await using (var tar = CarveArchive.Open(stream, carve.Packing))
        {
            try
            {
                var files = (await CarveListing.ReadAsync(tar, limits.CarveNames, limits.CarveBytes, ct)).Select(entry => new CarvedFile(entry.Name, entry.Size)).ToList();
                return TypedResults.Ok(Paging.Numbered(files, take ?? limits.PageMost, after, limits));
            }
            catch (InvalidDataException fault)
            {
                return Problem.Conflict($"The carve is no tar that can be read ({fault.Message}): fetch its archive.");
            }
        }
    }

    private static async Task<IResult> RemoveAsync(string id, CarveStore carves, HttpContext http, CancellationToken ct)
    {
        if (await carves.FindAsync(id, ct) is not { } carve) return Missing(id);
        (http.Audit().Target, http.Audit().Before) = ("carves/" + id, new JsonObject { ["nodeId"] = carve.Node.ToString(), ["sha256"] = carve.Sha256, ["size"] = carve.Size });
        await carves.RemoveAsync(id, ct);
        return TypedResults.NoContent();
    }

    private static CarveBody Body(Carve carve) => new(
        carve.Id, carve.Node.ToString(), carve.Guid, carve.Campaign, carve.State.ToString().ToLowerInvariant(), carve.CreatedAt, carve.CompletedAt, carve.Size, carve.Blocks, carve.Sha256, carve.Packing, NameOf(carve.Fault), carve.Reason);

    private static string? NameOf(CarveFault? fault) => fault is { } one ? System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(one.ToString()) : null;

    private static IResult NotThere(Carve carve) => Problem.Conflict($"The carve is {carve.State.ToString().ToLowerInvariant()}: there is nothing to fetch. {carve.Reason}".TrimEnd());

    private static IResult Missing(string id) => Problem.NotFound($"carve '{id}'");
}
