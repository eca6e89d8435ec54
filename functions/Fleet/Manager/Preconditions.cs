using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>ETags of what people change. A write that replaces something says which state of it was seen (<c>If-Match</c>), so that nobody's change is lost unseen.</summary>
internal static class Preconditions
{
    /// <summary>A store's ETag as the API shows it: some have quotes of their own, or say more than people need.</summary>
    public static string TagOf(string etag) => $"\"{Digest.Of(etag)[..20]}\"";

    /// <summary>The same for a representation: what it looks like follows after a dot, so that a cache tells apart what a writer need not.</summary>
    public static string TagOf(string tag, ReadOnlySpan<byte> body) => $"{tag.TrimEnd('"')}.{Digest.Of(body)[..12]}\"";

    /// <summary>Why a write is refused, or null.</summary>
    /// <param name="request">With <c>If-Match</c>, <c>If-None-Match: *</c>, or neither.</param>
    /// <param name="etag">The store's ETag of what is there; null for nothing.</param>
    /// <param name="isRequired">Something would be replaced by something else.</param>
    public static IResult? Fault(HttpRequest request, string? etag, bool isRequired)
    {
        var match = request.Headers.IfMatch.ToString();
        if (etag is not null && request.Headers.IfNoneMatch == "*") return Failed("It is there already, and 'If-None-Match: *' asked for a new one.");
        if (match.Length == 0)
        {
            return etag is null || !isRequired ? null : new Problem(
                428, "precondition-required", "Say what you have seen", "It is there, and would be replaced. Send 'If-Match: ETAG' with the ETag of the state that you read, or 'If-Match: *' to replace whatever is there.").ToResult();
        }

        if (etag is null) return Failed("There is nothing to match.");
        return match == "*" || match.Split(',').Any(tag => $"\"{tag.Trim().Trim('"').Split('.')[0]}\"" == TagOf(etag)) ? null : Failed("It was changed since you read it: read it again.");
    }

    public static IResult Failed(string detail) => new Problem(412, "changed", "Changed meanwhile", detail).ToResult();

    public static void ShowEtag(this HttpContext http, string etag) => http.Response.Headers.ETag = TagOf(etag);
}
