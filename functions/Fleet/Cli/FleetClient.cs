using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary>A server that cannot be asked, or refuses; the message says what to do.</summary>
internal sealed class RemoteException(string message, HttpStatusCode? status = null) : Exception(message)
{
    public HttpStatusCode? Status => status;
}

/// <summary>A body with the ETag that it was read under.</summary>
internal sealed record Fetched(JsonNode Json, string? Etag);

/// <summary>Any Fleet server, by its REST API.</summary>
internal sealed class FleetClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="server">Its address.</param>
    /// <param name="token">An API token.</param>
    /// <param name="authority">A PEM file with the certificate to trust instead of the system's, or null.</param>
    public FleetClient(Uri server, string token, string? authority)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.GZip };
        if (authority is not null)
        {
            handler.SslOptions.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            if (!File.Exists(authority)) throw new RemoteException($"--cacert: there is no file {authority}.");
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority);
            if (handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Count == 0) throw new RemoteException($"--cacert: {authority} holds no certificate in PEM.");
        }

        _http = new(handler) { BaseAddress = server, Timeout = TimeSpan.FromMinutes(5) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public async Task<JsonNode> GetAsync(string path, CancellationToken ct) => (await SendAsync(HttpMethod.Get, path, null, null, ct)).Json;

    /// <summary>A body and its ETag; null if there is none.</summary>
    public async Task<Fetched?> FindAsync(string path, CancellationToken ct)
    {
        try
        {
            return await SendAsync(HttpMethod.Get, path, null, null, ct);
        }
        catch (RemoteException fault) when (fault.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>All entries of a list.</summary>
    public async IAsyncEnumerable<JsonObject> ListAsync(string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}take=1000{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}", ct);
            foreach (var item in page["items"]!.AsArray()) yield return (JsonObject)item!;
            after = (string?)page["next"];
        }
        while (after is not null);
    }

    public async Task<Fetched> SendAsync(HttpMethod method, string path, JsonNode? body, string? ifMatch, CancellationToken ct)
    {
        using var response = await AskAsync(
            () =>
            {
                var request = new HttpRequestMessage(method, path);
                if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
                if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
                return request;
            },
            HttpCompletionOption.ResponseContentRead,
            ct);
        var text = await response.Content.ReadAsStringAsync(ct);
        try
        {
            return new(text.Length > 0 ? JsonNode.Parse(text)! : new JsonObject(), response.Headers.ETag?.ToString());
        }
        catch (System.Text.Json.JsonException)
        {
            throw new RemoteException($"{method} {path}: the answer is not JSON: is this a Fleet server?");
        }
    }

    /// <summary>Events of a stream, until it ends.</summary>
    public async IAsyncEnumerable<SseItem<string>> EventsAsync(string path, string? lastEventId, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        using var response = await AskAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, path);
                if (lastEventId is not null) request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
                return request;
            },
            HttpCompletionOption.ResponseHeadersRead,
            ct);
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(ct)) yield return item;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Asks, and waits where the server says that it was asked too often: nothing was done then.</summary>
    private async Task<HttpResponseMessage> AskAsync(Func<HttpRequestMessage> make, HttpCompletionOption completion, CancellationToken ct)
    {
        for (; ; )
        {
            using var request = make();
            var response = await AskOnceAsync(request, completion, ct);
            if (response.IsSuccessStatusCode) return response;
            using (response)
            {
                if (response.StatusCode != HttpStatusCode.TooManyRequests || response.Headers.RetryAfter?.Delta is not { } pause) throw new RemoteException($"{request.Method} {request.RequestUri}: {await ExplainAsync(response, ct)}", response.StatusCode);
                await Task.Delay(pause, ct);
            }
        }
    }

    private async Task<HttpResponseMessage> AskOnceAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken ct)
    {
        try
        {
            return await _http.SendAsync(request, completion, ct);
        }
        catch (HttpRequestException fault)
        {
            var hint = fault.HttpRequestError == HttpRequestError.SecureConnectionError ? ". Is it the server's own certificate? Name it with --cacert, such as data/certs/fleet.crt." : _http.BaseAddress!.Scheme == "http" ? " Does it speak https?" : "";
            throw new RemoteException($"{_http.BaseAddress} cannot be asked: {fault.InnerException?.Message ?? fault.Message}{hint}");
        }
    }

    /// <summary>A problem's words; each field at fault on a line of its own.</summary>
    private static async Task<string> ExplainAsync(HttpResponseMessage response, CancellationToken ct)
    {
        try
        {
            var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync(ct))!;
            var fields = problem["errors"] is JsonArray errors ? string.Concat(errors.Select(error => $"\n  {error!["path"]}: {error["message"]}")) : "";
            return fields.Length > 0 ? $"{problem["title"]}{fields}" : (string?)problem["detail"] ?? response.StatusCode.ToString();
        }
        catch (Exception fault) when (fault is System.Text.Json.JsonException or InvalidOperationException)
        {
            return $"{(int)response.StatusCode} {response.StatusCode}: is this a Fleet server?";
        }
    }
}
