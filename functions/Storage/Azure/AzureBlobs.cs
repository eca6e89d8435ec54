using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Fleet.Storage.Azure;

/// <summary>Blobs by Blob Storage's REST API, version 2020-12-06. The container is made when a write finds that it is not there.</summary>
/// <remarks>Blocks that are never committed vanish after a week by themselves.</remarks>
internal sealed class AzureBlobs(StorageAccount account, TimeProvider clock, HttpPipelineTransport? transport = null) : IBlobs
{
    private readonly HttpPipeline _pipeline = AzurePipeline.Build(StorageAuthentication.ForBlobs(account, clock), transport);
    /// <summary>Blocks are larger than rows.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly string _root = account.Blobs.ToString().TrimEnd('/');

    public async ValueTask StageAsync(BlobName blob, int block, ReadOnlyMemory<byte> bytes, CancellationToken ct) => await PutAsync(blob, message =>
    {
        message.Request.Uri.AppendQuery("comp", "block");
        message.Request.Uri.AppendQuery("blockid", IdOf(block));
        message.Request.SetBody(bytes, "application/octet-stream");
    }, ct);

    public async ValueTask<IReadOnlyDictionary<int, long>> StagedAsync(BlobName blob, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Get, blob.ToString());
        message.Request.Uri.AppendQuery("comp", "blocklist");
        message.Request.Uri.AppendQuery("blocklisttype", "uncommitted");
        var response = await SendAsync(message, ct);
        if (CodeOf(response) is "BlobNotFound" or "ContainerNotFound") return new Dictionary<int, long>();
        if (response.Status != 200) throw Unexpected(response, blob);
        return XElement.Load(response.Content.ToStream()).Descendants("Block").ToDictionary(
            block => int.Parse(Encoding.ASCII.GetString(Convert.FromBase64String(block.Element("Name")!.Value)), CultureInfo.InvariantCulture),
            block => (long)block.Element("Size")!);
    }

    public async ValueTask<bool> CommitAsync(BlobName blob, int count, CancellationToken ct)
    {
        var list = new XElement("BlockList", Enumerable.Range(0, count).Select(block => new XElement("Latest", IdOf(block))));
        using var message = NewMessage(RequestMethod.Put, blob.ToString());
        message.Request.Uri.AppendQuery("comp", "blocklist");
        message.Request.SetBody(Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"utf-8\"?>" + list.ToString(SaveOptions.DisableFormatting)), "application/xml");
        var response = await SendAsync(message, ct);
        return response.Status switch
        {
            < 300 => true,
            400 or 404 when CodeOf(response) is "InvalidBlockList" or "InvalidBlockId" or "BlobNotFound" or "ContainerNotFound" => false,
            _ => throw Unexpected(response, blob),
        };
    }

    public async ValueTask AppendAsync(BlobName blob, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        for (var isMade = false; ; isMade = true)
        {
            using var message = NewMessage(RequestMethod.Put, blob.ToString());
            message.Request.Uri.AppendQuery("comp", "appendblock");
            message.Request.SetBody(bytes, "application/octet-stream");
            var response = await SendAsync(message, ct);
            if (response.Status < 300) return;
            if (response.Status != 404 || isMade) throw Unexpected(response, blob);

            // Only if it is not there: an instance that was faster has appended already.
            await PutAsync(blob, make =>
            {
                make.Request.Headers.SetValue("x-ms-blob-type", "AppendBlob");
                make.Request.Headers.SetValue("If-None-Match", "*");
            }, ct);
        }
    }

    public async ValueTask<Stream?> OpenAsync(BlobName blob, CancellationToken ct)
    {
        // Disposing of the message leaves a stream alone that was taken out of it.
        using var message = NewMessage(RequestMethod.Get, blob.ToString());
        message.BufferResponse = false;
        var response = await SendAsync(message, ct);
        if (response.Status == 200) return message.ExtractResponseContent();
        return CodeOf(response) is "BlobNotFound" or "ContainerNotFound" ? null : throw Unexpected(response, blob);
    }

    public async ValueTask RemoveAsync(BlobName blob, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Delete, blob.ToString());
        var response = await SendAsync(message, ct);
        if (response.Status >= 300 && response.Status != 404) throw Unexpected(response, blob);
    }

    /// <summary>A put that makes the container if that is what is missing.</summary>
    private async ValueTask PutAsync(BlobName blob, Action<HttpMessage> prepare, CancellationToken ct)
    {
        for (var isMade = false; ; isMade = true)
        {
            using var message = NewMessage(RequestMethod.Put, blob.ToString());
            prepare(message);
            var response = await SendAsync(message, ct);
            if (response.Status < 300 || (response.Status is 409 or 412 && CodeOf(response) is "BlobAlreadyExists" or "ConditionNotMet")) return;
            if (isMade || CodeOf(response) != "ContainerNotFound") throw Unexpected(response, blob);
            await MakeAsync(blob.Container, ct);
        }
    }

    private async ValueTask MakeAsync(string container, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Put, container);
        message.Request.Uri.AppendQuery("restype", "container");
        var response = await SendAsync(message, ct);
        if (response.Status >= 300 && CodeOf(response) != "ContainerAlreadyExists") throw new InvalidOperationException($"Container {container} cannot be made: {response.Status} {CodeOf(response)}");
    }

    private HttpMessage NewMessage(RequestMethod method, string path)
    {
        var message = _pipeline.CreateMessage();
        message.Request.Method = method;
        message.Request.Uri.Reset(new($"{_root}/{path}"));
        message.Request.Headers.SetValue("x-ms-version", "2020-12-06");
        message.NetworkTimeout = s_patience;
        if (method == RequestMethod.Put) message.Request.Content = RequestContent.Create(ReadOnlyMemory<byte>.Empty);
        return message;
    }

    private ValueTask<Response> SendAsync(HttpMessage message, CancellationToken ct) => _pipeline.SendAsync(message, "Blob Storage", ct);

    /// <summary>All of one length, as a blob's block ids must be.</summary>
    private static string IdOf(int block) => Convert.ToBase64String(Encoding.ASCII.GetBytes(block.ToString("D5", CultureInfo.InvariantCulture)));

    private static string CodeOf(Response response) => response.Headers.TryGetValue("x-ms-error-code", out var code) ? code : "";

    private static InvalidOperationException Unexpected(Response response, BlobName blob) =>
        new(FormattableString.Invariant($"Blob Storage refused {blob} with {response.Status} {CodeOf(response)}"));
}
