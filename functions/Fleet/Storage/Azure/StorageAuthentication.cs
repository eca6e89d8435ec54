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

    public static HttpPipelinePolicy ForTables(StorageAccount account, TimeProvider clock) =>
        account.Credential is { } credential ? new BearerTokenAuthenticationPolicy(credential, Scope)
        : account.Key is not null ? new SharedKeyLite(account, clock)
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
