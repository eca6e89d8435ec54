using System.Collections.Concurrent;
using Azure;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace Fleet.Storage.Azure;

/// <summary>The tables of a storage account. Nothing is sent before the first use.</summary>
internal sealed class AzureTables(StorageAccount account, HttpPipelineTransport? transport = null) : ITables
{
    /// <summary>Sorts after everything in a table's name.</summary>
    private const char LastLetter = '{';

    private readonly TableServiceClient _service = account.NewTables(transport);
    private readonly ConcurrentDictionary<string, ITable> _tables = new(StringComparer.Ordinal);

    public ITable this[string name] => _tables.GetOrAdd(name, n => new AzureTable(_service.GetTableClient(n)));

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct) => AskAsync<IReadOnlyList<string>>($"tables {prefix}*", async () =>
    {
        var names = new List<string>();
        await foreach (var table in _service.QueryAsync($"TableName ge '{prefix}' and TableName lt '{prefix}{LastLetter}'", cancellationToken: ct)) names.Add(table.Name);
        return [.. names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }, ct);

    public async ValueTask DropAsync(string name, CancellationToken ct) => await AskAsync($"table {name}", async () =>
    {
        try
        {
            await _service.DeleteTableAsync(name, ct);
        }
        catch (RequestFailedException fault) when (fault.Status == 404 || fault.ErrorCode == TableErrorCode.TableBeingDeleted)
        {
            // It is gone, or going.
        }

        return true;
    }, ct);

    private static async ValueTask<T> AskAsync<T>(string what, Func<Task<T>> ask, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        try
        {
            return await ask();
        }
        catch (Exception fault) when (AzureFault.Unavailable(fault, "Table Storage", what, ct) is { } unavailable)
        {
            throw unavailable;
        }
        catch (RequestFailedException fault)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"Table Storage refused {what} with {fault.Status} {fault.ErrorCode}"), fault);
        }
    }
}
