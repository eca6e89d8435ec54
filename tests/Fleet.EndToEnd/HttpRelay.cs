using System.Globalization;
using System.Net;
using Fleet.EndToEnd.Rpc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fleet.EndToEnd;

/// <summary>How the host hands an HTTP request to the worker, and what the client gets if that fails: as the real one was measured.</summary>
internal sealed class HttpRelay(WorkerProcess worker, IReadOnlyDictionary<string, string> settings) : IDisposable
{
    private const long DefaultMostBytes = 104_857_600;
    private const int MostTries = 10;

    /// <summary>Where App Service's front end calls the host from.</summary>
    private const string FrontEnd = "169.254.130.1";

    /// <summary>What the host and the front end write themselves, over whatever a client sent.</summary>
    private static readonly HashSet<string> s_own = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Connection", "Transfer-Encoding", "Keep-Alive", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "CLIENT-IP", "X-ARR-ClientCert", "x-ms-invocation-id",
    };

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, AutomaticDecompression = DecompressionMethods.None });

    private long MostBytes => settings.TryGetValue("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", out var most) ? long.Parse(most, CultureInfo.InvariantCulture) : DefaultMostBytes;

    public async Task AnswerAsync(HttpContext context, HostedFunction function)
    {
        try
        {
            if (context.Request.ContentLength > MostBytes) throw new InvalidDataException("The body is over the host's limit.");

            // With a length the host has the whole body before it invokes.
            var body = context.Request.ContentLength > 0 ? await BufferAsync(context) : null;
            await ForwardAsync(context, function, body);
        }
        catch (Exception) when (context.Response.HasStarted)
        {
            context.Abort();
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException or InvalidDataException or BadHttpRequestException)
        {
            // The host's own answer says nothing, and that is what loses agents' logs.
            context.Response.StatusCode = 500;
            context.Response.ContentLength = 0;
        }
    }

    public void Dispose() => _http.Dispose();

    private static async Task<byte[]> BufferAsync(HttpContext context)
    {
        using var bytes = new MemoryStream();
        await context.Request.Body.CopyToAsync(bytes, context.RequestAborted);
        return bytes.ToArray();
    }

    /// <summary>A request without a body is tried again when the worker is not there.</summary>
    private async Task ForwardAsync(HttpContext context, HostedFunction function, byte[]? body)
    {
        var hasBody = body is not null || context.Request.Headers.TransferEncoding.Count > 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ForwardOnceAsync(context, function, body, hasBody);
                return;
            }
            catch (HttpRequestException) when (!hasBody && attempt < MostTries && !context.Response.HasStarted)
            {
                await Task.Delay(200, context.RequestAborted);
            }
        }
    }

    /// <summary>HTTP goes straight to the worker's port, and the invocation beside it. Both are waited for.</summary>
    private async Task ForwardOnceAsync(HttpContext context, HostedFunction function, byte[]? body, bool hasBody)
    {
        var channel = await worker.Ready.WaitAsync(context.RequestAborted);
        var id = Guid.NewGuid().ToString();
        using var request = RequestTo(channel.HttpUri!, context, id, !hasBody ? null : body is null ? new StreamContent(context.Request.Body) : new ByteArrayContent(body));
        var invocation = channel.InvokeAsync((await channel.Ready).Single(loaded => loaded.Name == function.Name).FunctionId, id, function.Parameter, new() { Http = new RpcHttp() });
        using var response = await _http.SendAsync(request, context.RequestAborted);
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Connection")) context.Response.Headers[name] = values.ToArray();
        }

        await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        if (!await invocation) throw new HttpRequestException("The function failed.");
    }

    /// <summary>Method, path, query and most headers as they came.</summary>
    private HttpRequestMessage RequestTo(Uri worker, HttpContext context, string invocation, HttpContent? content)
    {
        var incoming = context.Request;
        var target = new Uri(worker.GetLeftPart(UriPartial.Authority) + incoming.Path.ToUriComponent() + incoming.QueryString.ToUriComponent(), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new(incoming.Method), target) { Content = content };
        foreach (var (name, values) in incoming.Headers.Where(header => !s_own.Contains(header.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, values.AsEnumerable())) content?.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        }

        request.Headers.Add("X-Forwarded-For", FrontEnd);
        request.Headers.Add("X-Forwarded-Proto", incoming.Scheme);
        request.Headers.Add("X-Forwarded-Host", incoming.Host.Value);
        request.Headers.Add("x-ms-invocation-id", invocation);

        // The front end's own, over whatever a client sent.
        request.Headers.Add("CLIENT-IP", new IPEndPoint(context.Connection.RemoteIpAddress!, context.Connection.RemotePort).ToString());
        if (context.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate && settings.ContainsKey("Fleet__Certificates__Authorities"))
        {
            request.Headers.Add("X-ARR-ClientCert", Convert.ToBase64String(certificate.RawData));
        }

        return request;
    }
}
