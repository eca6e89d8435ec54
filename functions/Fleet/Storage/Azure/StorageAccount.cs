using System.Data.Common;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;

namespace Fleet.Storage.Azure;

/// <summary>A storage account and how it is entered: by Entra, by the account's key, or by a SAS.</summary>
/// <param name="Tables">Such as <c>https://NAME.table.core.windows.net</c>, or <c>http://127.0.0.1:10002/NAME</c> for Azurite.</param>
/// <param name="Blobs">The same of the blob service.</param>
/// <param name="Name">The account's name, as its key signs it.</param>
internal sealed record StorageAccount(Uri Tables, Uri Blobs, string Name, string? Key, string? Sas, TokenCredential? Credential)
{
    /// <summary>Azurite's own account. Its key is published, and opens nothing else.</summary>
    private const string Development =
        "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
        + "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

    private static readonly TimeSpan s_tryTime = TimeSpan.FromSeconds(3);

    /// <summary>Blocks are larger than rows.</summary>
    private static readonly TimeSpan s_blockTryTime = TimeSpan.FromSeconds(10);

    /// <summary>An account that is entered by Entra.</summary>
    /// <param name="tables">The table service.</param>
    /// <param name="blobs">The blob service; null for the one beside it.</param>
    /// <param name="credential">Who asks. Needs the roles Storage Table Data Contributor and Storage Blob Data Contributor.</param>
    public static StorageAccount Of(Uri tables, Uri? blobs, TokenCredential credential) =>
        new(tables, blobs ?? BlobsBeside(tables), tables.Host.Split('.')[0], Key: null, Sas: null, credential);

    /// <summary>Reads a connection string as Azure's portal shows it, <c>UseDevelopmentStorage=true</c> included.</summary>
    /// <param name="text">The connection string.</param>
    /// <param name="ownBlobs">The blob service, if it is set apart.</param>
    /// <exception cref="FormatException">What is missing.</exception>
    public static StorageAccount Parse(string text, Uri? ownBlobs = null)
    {
        var parts = PartsOf(text);
        if (parts.GetValueOrDefault("UseDevelopmentStorage") is "true") parts = PartsOf(Development);
        var sas = parts.GetValueOrDefault("SharedAccessSignature")?.TrimStart('?');
        var name = parts.GetValueOrDefault("AccountName");
        if (!parts.TryGetValue("TableEndpoint", out var table) && name is null) throw new FormatException("a connection string names AccountName or TableEndpoint");
        if (!parts.TryGetValue("AccountKey", out var key) && sas is null)
        {
            throw new FormatException("a connection string holds AccountKey or SharedAccessSignature; to use an identity instead, set Storage__TableEndpoint");
        }

        if (key is not null && !Convert.TryFromBase64String(key, new byte[key.Length], out _)) throw new FormatException("AccountKey is not base64");
        var suffix = parts.GetValueOrDefault("EndpointSuffix") ?? "core.windows.net";
        var tables = new Uri(table ?? $"{parts.GetValueOrDefault("DefaultEndpointsProtocol") ?? "https"}://{name}.table.{suffix}");
        var blobs = ownBlobs ?? (parts.TryGetValue("BlobEndpoint", out var blob) ? new Uri(blob) : BlobsBeside(tables));
        return new(tables, blobs, name ?? tables.Host.Split('.')[0], key, sas, Credential: null);
    }

    /// <summary>A client of its tables. Nothing is sent before the first call.</summary>
    /// <param name="transport">What sends; null for the usual one.</param>
    public TableServiceClient NewTables(HttpPipelineTransport? transport)
    {
        var options = new TableClientOptions(TableClientOptions.ServiceVersion.V2020_12_06);
        SetRetries(options.Retry, s_tryTime);
        options.AddPolicy(new TryCounter(), HttpPipelinePosition.PerRetry);
        if (transport is not null) options.Transport = transport;
        return Credential is not null ? new(Tables, Credential, options)
            : Key is not null ? new(Tables, new TableSharedKeyCredential(Name, Key), options)
            : new(Tables, new AzureSasCredential(Sas!), options);
    }

    /// <summary>A client of its blobs. Nothing is sent before the first call.</summary>
    public BlobServiceClient NewBlobs()
    {
        var options = new BlobClientOptions(BlobClientOptions.ServiceVersion.V2020_12_06);
        SetRetries(options.Retry, s_blockTryTime);
        return Credential is not null ? new(Blobs, Credential, options)
            : Key is not null ? new(Blobs, new StorageSharedKeyCredential(Name, Key), options)
            : new(Blobs, new AzureSasCredential(Sas!), options);
    }

    /// <summary>The blob service of the account that a table service belongs to.</summary>
    /// <exception cref="FormatException">The name does not tell.</exception>
    public static Uri BlobsBeside(Uri tables) => tables.Host.Contains(".table.", StringComparison.Ordinal)
        ? new(tables.ToString().Replace(".table.", ".blob.", StringComparison.Ordinal))
        : throw new FormatException($"the blob service beside {tables} cannot be told: set Storage__BlobEndpoint, or BlobEndpoint in the connection string");

    /// <summary>An agent waits 16 s for its answer, and sends again what was not answered: four tries of one operation fit into that.</summary>
    private static void SetRetries(RetryOptions retry, TimeSpan tryTime)
    {
        retry.MaxRetries = 3;
        retry.Delay = TimeSpan.FromMilliseconds(200);
        retry.MaxDelay = TimeSpan.FromSeconds(2);
        retry.NetworkTimeout = tryTime;
    }

    private static Dictionary<string, string> PartsOf(string text)
    {
        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = text };
            return parts.Keys.Cast<string>().ToDictionary(name => name, name => (string)parts[name], StringComparer.OrdinalIgnoreCase);
        }
        catch (ArgumentException)
        {
            // Its message may show a part, and that may be a secret.
            throw new FormatException("a connection string is made of NAME=VALUE, with ';' between");
        }
    }
}
