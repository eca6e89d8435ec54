using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Fleet.Manager;

/// <summary>The description as it is sent: made once, by the first who asks.</summary>
internal sealed class ApiDocument([FromKeyedServices(ApiDocument.Name)] IOpenApiDocumentProvider provider)
{
    public const string Name = "fleet";
    private readonly Lock _lock = new();
    private Task<byte[]>? _json;

    public static void Map(IEndpointRouteBuilder api) => api.MapGet("/openapi.json", AnswerAsync).AllowAnonymous().ExcludeFromDescription();

    private static async Task<IResult> AnswerAsync(ApiDocument document, CancellationToken ct) =>
        TypedResults.Bytes(await document.ReadAsync().WaitAsync(ct), "application/json");

    /// <summary>What failed is not kept.</summary>
    private Task<byte[]> ReadAsync()
    {
        lock (_lock) return _json is null or { IsFaulted: true } ? _json = Task.Run(MakeAsync) : _json;
    }

    private async Task<byte[]> MakeAsync()
    {
        var document = await provider.GetOpenApiDocumentAsync(CancellationToken.None);
        using var json = new MemoryStream();
        await document.SerializeAsJsonAsync(json, OpenApiSpecVersion.OpenApi3_1, CancellationToken.None);
        return json.ToArray();
    }
}
