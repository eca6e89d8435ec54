using System.Collections.Concurrent;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Fleet.Storage.Azure;

/// <summary>The tables of a storage account. Nothing is sent before the first use.</summary>
internal sealed class AzureTables(StorageAccount account, TimeProvider clock, HttpPipelineTransport? transport = null) : ITables
{
    private readonly HttpPipeline _pipeline = AzurePipeline.Build(StorageAuthentication.ForTables(account, clock), transport);
    private readonly ConcurrentDictionary<string, ITable> _tables = new(StringComparer.Ordinal);
    /// <summary>Sorts after everything in a table's name.</summary>
    private const char LastLetter = '{';

    private readonly string _root = account.Tables.ToString().TrimEnd('/');

    public ITable this[string name] => _tables.GetOrAdd(name, n => new AzureTable(n, this));

    public async ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct)
    {
        var names = new List<string>();
        string? next = null;
        do
        {
            using var message = NewMessage(RequestMethod.Get, "Tables");
            message.Request.Uri.AppendQuery("$filter", $"TableName ge '{prefix}' and TableName lt '{prefix}{LastLetter}'");
            if (next is not null) message.Request.Uri.AppendQuery("NextTableName", next);
            var response = await SendAsync(message, ct);
            if (response.Status != 200) throw new InvalidOperationException($"The tables cannot be listed: {TableError.Of(response)}");
            using var json = JsonDocument.Parse(response.Content.ToMemory());
            names.AddRange(json.RootElement.GetProperty("value").EnumerateArray().Select(table => table.GetProperty("TableName").GetString()!));
            next = response.Headers.TryGetValue("x-ms-continuation-NextTableName", out var name) ? name : null;
        }
        while (next is not null);

        return [.. names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    public async ValueTask DropAsync(string name, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Delete, $"Tables('{name}')");
        var response = await SendAsync(message, ct);
        if (response.Status >= 300 && response.Status != 404 && TableError.Of(response) is { IsTableGoing: false } error)
        {
            throw new InvalidOperationException($"Table {name} cannot be dropped: {error}");
        }
    }

    /// <summary>Makes a table; that another instance was faster is no failure.</summary>
    public async ValueTask MakeAsync(string name, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Post, "Tables");
        message.Request.Headers.SetValue("Prefer", "return-no-content");
        message.Request.SetBody(JsonSerializer.SerializeToUtf8Bytes(new() { ["TableName"] = name }, TablesJson.Default.DictionaryStringString), "application/json");
        var response = await SendAsync(message, ct);
        if (response.Status < 300 || TableError.Of(response) is not { Code: not "TableAlreadyExists" } error) return;
        throw error.IsTableGoing ? AzureTable.IsGoing(name) : new InvalidOperationException($"Table {name} cannot be made: {error}");
    }

    public string UriOf(string path) => $"{_root}/{path}";

    public HttpMessage NewMessage(RequestMethod method, string path)
    {
        var message = _pipeline.CreateMessage();
        var request = message.Request;
        request.Method = method;
        request.Uri.Reset(new(UriOf(path)));
        request.Headers.SetValue("x-ms-version", "2020-12-06");
        request.Headers.SetValue("DataServiceVersion", "3.0");
        request.Headers.SetValue("MaxDataServiceVersion", "3.0;NetFx");
        request.Headers.SetValue("Accept", "application/json;odata=minimalmetadata");
        return message;
    }

    public ValueTask<Response> SendAsync(HttpMessage message, CancellationToken ct) => _pipeline.SendAsync(message, "Table Storage", ct);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class TablesJson : System.Text.Json.Serialization.JsonSerializerContext;
