using Fleet.Kernel;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Fleet.Manager;

/// <summary>The endpoint writes as it goes; its answer is not held back.</summary>
internal sealed record Streamed;

/// <summary>Holds an answer back until all is known of it: reads get an ETag, and 304 when the caller has it already; what a write did is written down before it is told.</summary>
internal static class HeldAnswers
{
    /// <summary>The answer may be larger than memory, or never end.</summary>
    public static TBuilder Stream<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new Streamed());

    public static async Task HoldAsync(HttpContext http, RequestDelegate next)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<Streamed>() is not null)
        {
            await next(http);
            return;
        }

        var body = http.Features.Get<IHttpResponseBodyFeature>()!;
        using var held = new MemoryStream();
        var holding = new StreamResponseBodyFeature(held, body);
        http.Features.Set<IHttpResponseBodyFeature>(holding);
        try
        {
            await next(http);
            await holding.Writer.FlushAsync(CancellationToken.None);
        }
        finally
        {
            http.Features.Set(body);
        }

        var response = http.Response;
        if (HttpMethods.IsGet(http.Request.Method) && response.StatusCode == 200)
        {
            var bytes = held.GetBuffer().AsSpan(0, (int)held.Length);
            response.Headers.ETag = response.Headers.ETag.Count > 0 ? Preconditions.TagOf(response.Headers.ETag.ToString(), bytes) : $"\"{Digest.Of(bytes)}\"";
            if (response.Headers.CacheControl.Count == 0) response.Headers.CacheControl = "private, no-cache";
            if (Knows(http.Request, response.Headers.ETag.ToString()))
            {
                response.StatusCode = 304;
                response.ContentType = null;
                response.ContentLength = null;
                return;
            }
        }

        if (held.Length == 0) return;
        response.ContentLength = held.Length;
        await body.Stream.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), http.RequestAborted);
    }

    private static bool Knows(HttpRequest request, string etag) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out var known)
        && known.Any(tag => tag.Tag == "*" || tag.Compare(EntityTagHeaderValue.Parse(etag), useStrongComparison: false));
}
