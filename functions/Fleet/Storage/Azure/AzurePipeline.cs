using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Fleet.Storage.Azure;

/// <summary>Azure.Core's pipeline as all REST adapters use it: retries with back-off that honour Retry-After, a time-out for each try, W3C trace headers.</summary>
internal static class AzurePipeline
{
    /// <param name="authentication">Runs anew for each try: dates and tokens age.</param>
    /// <param name="transport">What sends; null for the usual one.</param>
    public static HttpPipeline Build(HttpPipelinePolicy authentication, HttpPipelineTransport? transport = null) =>
        HttpPipelineBuilder.Build(new Options(transport), [], [authentication], new ResponseClassifier());

    /// <summary>Sends; whatever the status is, it is the caller's to judge.</summary>
    /// <exception cref="StorageUnavailableException">No answer after the retries, none allowed, or one that says to come back.</exception>
    public static async ValueTask<Response> SendAsync(this HttpPipeline pipeline, HttpMessage message, string what, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        try
        {
            await pipeline.SendAsync(message, ct);
            var response = message.Response;
            return response.Status is 401 or 403 or 408 or 429 or >= 500 ? throw new StorageUnavailableException(Explain(response, what)) : response;
        }
        catch (Exception fault) when (IsUnavailable(fault, ct))
        {
            // After retries there are as many faults as tries: one says it.
            var reason = fault is AggregateException { InnerExceptions: [.., var last] } ? last.Message : fault.Message;
            throw new StorageUnavailableException($"{what} at {message.Request.Uri.Host} does not answer: {reason}", fault);
        }
    }

    /// <summary>Whether an exception says that the service did not answer, after the retries, or that there is no identity to ask with.</summary>
    public static bool IsUnavailable(Exception fault, CancellationToken ct) =>
        fault is RequestFailedException or AggregateException or IOException or HttpRequestException || fault.GetType().Namespace == "Azure.Identity"
        || (fault is OperationCanceledException && !ct.IsCancellationRequested);

    public static void SetBody(this Request request, ReadOnlyMemory<byte> body, string contentType)
    {
        request.Content = RequestContent.Create(body);
        request.Headers.SetValue("Content-Type", contentType);
    }

    private static string Explain(Response response, string what)
    {
        response.Headers.TryGetValue("x-ms-error-code", out var code);
        var hint = response.Status is 401 or 403 ? AzureFault.RefusalHint : "";
        return FormattableString.Invariant($"{what} answered {response.Status} {code ?? response.ReasonPhrase}{hint}");
    }

    /// <summary>An agent waits 16 s for its answer, and sends again what was not answered: four tries of one operation fit into that.</summary>
    public static void SetRetries(RetryOptions retry)
    {
        retry.MaxRetries = 3;
        retry.Delay = TimeSpan.FromMilliseconds(200);
        retry.MaxDelay = TimeSpan.FromSeconds(2);
        retry.NetworkTimeout = TimeSpan.FromSeconds(3);
    }

    private sealed class Options : ClientOptions
    {
        public Options(HttpPipelineTransport? transport)
        {
            SetRetries(Retry);
            if (transport is not null) Transport = transport;
        }
    }
}
