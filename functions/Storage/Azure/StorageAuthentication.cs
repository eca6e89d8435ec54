using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Fleet.Storage.Azure;

/// <summary>How requests to a storage account say who asks.</summary>
internal static class StorageAuthentication
{
    private const string Scope = "https://storage.azure.com/.default";

    public static HttpPipelinePolicy ForTables(StorageAccount account, TimeProvider clock) => Of(account, new SharedKeyLite(account, clock));

    public static HttpPipelinePolicy ForBlobs(StorageAccount account, TimeProvider clock) => Of(account, new SharedKey(account, clock));

    private static HttpPipelinePolicy Of(StorageAccount account, HttpPipelinePolicy byKey) =>
        account.Credential is { } credential ? new BearerTokenAuthenticationPolicy(credential, Scope)
        : account.Key is not null ? byKey
        : new Sas(account.Sas!);

    private static string Sign(StorageAccount account, string text) => Convert.ToBase64String(HMACSHA256.HashData(account.Key!, Encoding.UTF8.GetBytes(text)));

    private static string SetDate(Request request, TimeProvider clock)
    {
        var date = clock.GetUtcNow().ToString("R", CultureInfo.InvariantCulture);
        request.Headers.SetValue("x-ms-date", date);
        return date;
    }

    /// <summary>Table Storage's signature: date and path, and <c>comp</c> if there is one.</summary>
    private sealed class SharedKeyLite(StorageAccount account, TimeProvider clock) : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message)
        {
            var text = $"{SetDate(message.Request, clock)}\n/{account.Name}{message.Request.Uri.ToUri().AbsolutePath}";
            message.Request.Headers.SetValue("Authorization", $"SharedKeyLite {account.Name}:{Sign(account, text)}");
        }
    }

    /// <summary>Blob Storage's signature: verb, headers, path and query.</summary>
    /// <remarks>Source: "Authorize with Shared Key", versions 2015-02-21 and later.</remarks>
    private sealed class SharedKey(StorageAccount account, TimeProvider clock) : HttpPipelineSynchronousPolicy
    {
        private static readonly string[] s_headers =
            ["Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"];

        public override void OnSendingRequest(HttpMessage message)
        {
            var request = message.Request;
            SetDate(request, clock);
            var length = request.Content is { } content && content.TryComputeLength(out var bytes) && bytes > 0 ? bytes.ToString(CultureInfo.InvariantCulture) : "";

            // Content-Encoding and Content-Language, which are never sent, stand empty before the length.
            var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{request.Method.Method}\n\n\n{length}\n"));
            foreach (var header in s_headers) text.Append(request.Headers.TryGetValue(header, out var value) ? value : "").Append('\n');
            var own = request.Headers.Select(header => (Name: header.Name.ToLowerInvariant(), header.Value)).Where(header => header.Name.StartsWith("x-ms-", StringComparison.Ordinal));
            foreach (var (name, value) in own.OrderBy(header => header.Name, StringComparer.Ordinal)) text.Append(name).Append(':').Append(value).Append('\n');
            var uri = request.Uri.ToUri();
            text.Append('/').Append(account.Name).Append(uri.AbsolutePath);
            foreach (var (name, value) in QueryOf(uri)) text.Append('\n').Append(name).Append(':').Append(value);
            request.Headers.SetValue("Authorization", $"SharedKey {account.Name}:{Sign(account, text.ToString())}");
        }

        private static IEnumerable<(string Name, string Value)> QueryOf(Uri uri) => uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2))
            .Select(pair => (Name: Uri.UnescapeDataString(pair[0]).ToLowerInvariant(), pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : ""))
            .OrderBy(pair => pair.Name, StringComparer.Ordinal);
    }

    private sealed class Sas(string query) : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message)
        {
            // Runs for each try: a retry has it already.
            var uri = message.Request.Uri;
            if (!uri.Query.Contains(query, StringComparison.Ordinal)) uri.Query = uri.Query.Length > 0 ? $"{uri.Query}&{query}" : $"?{query}";
        }
    }
}
